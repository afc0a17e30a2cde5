package worker

import (
	"fmt"
	"os"

	"coremark-wasm/host/wasi"
)

// program is a loaded module, and what its runs have in common.
type program struct {
	module         Module
	options        loadOptions
	stdin          []byte
	tree           *wasi.Tree
	stdout, stderr *wasi.Output
	guest          *wasi.Guest // of the run that goes on; the linked functions read it
	timer          *timer      // the same
	part           *timedPart  // the same
	garbage        *collector
}

func load(engine Engine, path string, options loadOptions) (*program, Facts, error) {
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, Facts{}, err
	}
	module, facts, err := engine.Compile(code, options.Options)
	if err != nil {
		return nil, Facts{}, err
	}
	loaded := &program{
		module: module, options: options, garbage: newCollector(),
		stdout: wasi.NewOutput(options.OutputBytes), stderr: wasi.NewOutput(stderrLimit),
	}
	if err := loaded.readInputs(); err != nil {
		return nil, Facts{}, err
	}
	if err := loaded.link(); err != nil {
		return nil, Facts{}, err
	}
	_, facts.Version = engine.Version()
	return loaded, facts, nil
}

func (p *program) readInputs() (err error) {
	if p.options.Stdin != "" {
		if p.stdin, err = os.ReadFile(p.options.Stdin); err != nil {
			return err
		}
	}
	if p.options.Files != "" {
		p.tree, err = wasi.ReadTree(p.options.Files)
	}
	return err
}

// link gives the module what it imports; the error is Refused where that is not known here.
func (p *program) link() error {
	var functions []Function
	for _, wanted := range p.module.Imports() {
		function, known := p.function(wanted)
		if !known || function.Signature != wanted.Signature {
			return Refused{fmt.Sprintf("it imports the function %s.%s", wanted.Namespace, wanted.Name)}
		}
		functions = append(functions, function)
	}
	if p.options.Clock != "" {
		return p.module.Link(functions)
	}
	if !p.module.ExportsFunction("_start") {
		return Refused{"not a WASI command: it exports no function _start"}
	}
	if !p.module.ExportsMemory("memory") {
		return Refused{"not a WASI command: it exports no memory memory"}
	}
	return p.module.Link(functions)
}

// function returns the host's function that a module imports, if there is one of that name.
func (p *program) function(wanted Import) (Function, bool) {
	if p.options.Clock != "" {
		clock := clockFunction(p.options.Clock, &p.timer)
		return clock, wanted.Namespace == clock.Namespace && wanted.Name == clock.Name
	}
	if wanted.Namespace == benchNamespace {
		return benchFunction(wanted, &p.part)
	}
	found := wasi.Find(wanted.Name)
	if found == nil || wanted.Namespace != wasi.Namespace {
		return Function{}, false
	}
	signature := Signature{found.Parameters, "i"}
	if !found.HasResult() {
		signature.Results = ""
	}
	call := func(stack []uint64) { found.Call(p.guest, stack) }
	return Function{Import{wanted.Namespace, wanted.Name, signature}, call}, true
}
