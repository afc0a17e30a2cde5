package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"coremark-wasm/host/wasi"
	"coremark-wasm/host/worker"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// module is a compiled module, and the runtime that has its host functions.
type module struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	ctx      context.Context
}

func (m *module) Close() { _ = m.runtime.Close(m.ctx) }

func (m *module) Imports() []worker.Import {
	var found []worker.Import
	for _, function := range m.compiled.ImportedFunctions() {
		namespace, name, _ := function.Import()
		types := worker.Signature{Parameters: letters(function.ParamTypes()), Results: letters(function.ResultTypes())}
		found = append(found, worker.Import{Namespace: namespace, Name: name, Signature: types})
	}
	return found
}

func (m *module) ExportsFunction(name string) bool {
	_, exported := m.compiled.ExportedFunctions()[name]
	return exported
}

func (m *module) ExportsMemory(name string) bool {
	_, exported := m.compiled.ExportedMemories()[name]
	return exported
}

// Link makes host modules, one for each namespace.
func (m *module) Link(functions []worker.Function) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, function := range functions {
		builder, begun := builders[function.Namespace]
		if !begun {
			builder = m.runtime.NewHostModuleBuilder(function.Namespace)
			builders[function.Namespace] = builder
		}
		call := function.Call
		host := api.GoFunc(func(_ context.Context, stack []uint64) { call(stack) })
		builder.NewFunctionBuilder().
			WithGoFunction(host, types(function.Parameters), types(function.Results)).Export(function.Name)
	}
	for _, builder := range builders {
		if _, err := builder.Instantiate(m.ctx); err != nil {
			return err
		}
	}
	return nil
}

// instance is an instance with its memory, which is nil where the module has none.
type instance struct {
	api.Module
	memory *worker.Memory
	prefix string // of functions' names in backtraces
	ctx    context.Context
}

// errNoMemory is what an allocation panics with: it cannot fail in another way.
var errNoMemory = errors.New("out of memory: the system does not give what the module has from the start")

func (m *module) Instantiate() (made worker.Instance, err error) {
	var memory *worker.Memory
	allocate := func(least, most uint64) experimental.LinearMemory {
		if memory, err = worker.NewMemory(most); err != nil || uint64(len(memory.Reallocate(least))) < least {
			panic(errNoMemory)
		}
		return memory
	}
	// wazero itself recovers from what panics within a call, but not from this, nor from its own failures here.
	defer func() {
		if failed := recover(); failed != nil {
			if memory != nil {
				memory.Free()
			}
			made, err = nil, &worker.Trap{Message: fmt.Sprint(failed)}
		}
	}()
	ctx := experimental.WithMemoryAllocator(m.ctx, experimental.MemoryAllocatorFunc(allocate))
	// No name, so that there can be several; and nothing is started, so that it can be timed.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	started, err := m.runtime.InstantiateModule(ctx, m.compiled, config)
	if err != nil {
		return nil, ended(err, m.compiled.Name())
	}
	return &instance{started, memory, m.compiled.Name(), m.ctx}, nil
}

func (i *instance) Memory() wasi.Memory { return i.memory }

func (i *instance) Call(name string) ([]uint64, error) {
	results, err := i.ExportedFunction(name).Call(i.ctx)
	if err != nil {
		return nil, ended(err, i.prefix)
	}
	return results, nil
}

func (i *instance) Close() { _ = i.Module.Close(i.ctx) }

// A line of a backtrace: a name, the types of its parameters, and those of its results.
var frame = regexp.MustCompile(`^(.+)\(((i32|i64|f32|f64|v128|externref|funcref|exnref),?)*\)( .+)?$`)

// ended returns what ended a guest: how it was itself ended, or a trap with the guest's functions.
func ended(err error, module string) error {
	var exit wasi.Exit
	if errors.As(err, &exit) {
		return exit
	}
	message, stack, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n")
	message = strings.TrimSuffix(strings.TrimPrefix(message, "wasm error: "), " (recovered by wazero)")
	trap := &worker.Trap{Message: message}
	for _, line := range strings.Split(stack, "\n") {
		// What is further in is a line of the source.
		named := frame.FindStringSubmatch(strings.TrimPrefix(line, "\t"))
		if named != nil && !strings.HasPrefix(named[1], "\t") && !strings.HasPrefix(named[1], wasi.Namespace+".") {
			trap.Backtrace = append(trap.Backtrace, strings.TrimPrefix(named[1], module+"."))
		}
	}
	return trap
}

var valueTypes = map[byte]api.ValueType{
	'i': api.ValueTypeI32, 'I': api.ValueTypeI64, 'f': api.ValueTypeF32, 'F': api.ValueTypeF64,
}

func types(letters string) []api.ValueType {
	found := make([]api.ValueType, len(letters))
	for i := range found {
		found[i] = valueTypes[letters[i]]
	}
	return found
}

func letters(types []api.ValueType) string {
	var found strings.Builder
	for _, each := range types {
		letter := byte('?')
		for known, value := range valueTypes {
			if value == each {
				letter = known
			}
		}
		found.WriteByte(letter)
	}
	return found.String()
}
