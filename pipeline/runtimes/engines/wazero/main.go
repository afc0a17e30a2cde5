// The host of wazero: its compiler, or its interpreter, in the protocol of workers/serve.py.
package main

import (
	"context"
	"fmt"
	"time"

	"coremark-wasm/host/worker"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const path = "github.com/tetratelabs/wazero"

// Of a memory of 32 bits.
const pageSize, mostPages = 1 << 16, 1 << 16

// control is a module of one function that does nothing: type () -> (), exported as "f".
var control = []byte("\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" +
	"\x07\x05\x01\x01f\x00\x00" + "\x0a\x04\x01\x02\x00\x0b")

type engine struct{}

func main() { worker.Serve(engine{}) }

func (engine) Version() (string, string) {
	release, err := worker.Release(path)
	if err != nil {
		panic(err)
	}
	return "wazero", release
}

func (engine) Compile(code []byte, options worker.Options) (worker.Module, worker.Facts, error) {
	var none worker.Facts
	config, err := configuration(options)
	if err != nil {
		return nil, none, err
	}
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	// It also brings what the runtime makes once for all modules.
	withControl, _, err := added(func() error {
		_, err := runtime.CompileModule(ctx, control)
		return err
	})
	if err != nil {
		return nil, none, err
	}
	var compiled wazero.CompiledModule
	compile := func(code []byte) (int64, float64, error) {
		return added(func() (err error) {
			compiled, err = runtime.CompileModule(ctx, code)
			return err
		})
	}
	bytes, seconds, err := compile(code)
	if bare := worker.WithoutCustomSections(code); err != nil && bare != nil {
		// It is strict with custom sections, which hold names for it and nothing else.
		if more, again, accepted := compile(bare); accepted == nil {
			bytes, seconds, err = more, again, nil
		}
	}
	if err != nil {
		return nil, none, worker.Refused{Reason: err.Error()}
	}
	if memories := compiled.ImportedMemories(); len(memories) > 0 {
		return nil, none, worker.Refused{Reason: "it imports a memory"}
	}
	facts := worker.Facts{CompileSeconds: &seconds, Proof: proof(bytes, withControl)}
	if bytes > 0 {
		facts.CodeBytes = &bytes
	}
	return &module{runtime, compiled, ctx}, facts, nil
}

// configuration returns what a load asks for: the compiler, the features, and how much memory a guest gets.
func configuration(options worker.Options) (wazero.RuntimeConfig, error) {
	var config wazero.RuntimeConfig
	switch options.Compiler {
	case "compiler":
		if !compilerSupported() {
			return nil, worker.Unavailable{Reason: "wazero's compiler does not know this processor"}
		}
		config = wazero.NewRuntimeConfigCompiler()
	case "interpreter":
		config = wazero.NewRuntimeConfigInterpreter()
		limitCalls(options.StackKiB)
	default:
		return nil, fmt.Errorf("the option compiler is %q, expected compiler or interpreter", options.Compiler)
	}
	features := api.CoreFeaturesV2
	for _, name := range options.Features {
		feature, known := switches[name]
		if !known {
			return nil, worker.Refused{Reason: "this engine cannot turn on " + name}
		}
		features |= feature
	}
	if pages := options.MemoryMiB << 20 / pageSize; 0 < pages && pages < mostPages {
		config = config.WithMemoryLimitPages(uint32(pages))
	}
	return config.WithCoreFeatures(features), nil
}

// switches has the features that a runtime must be asked for, by their numbers: not all releases have a name for
// each, and one that does not know a number refuses the module.
var switches = map[string]api.CoreFeatures{
	"atomics":             api.CoreFeatureSIMD << 1,
	"tail-call":           api.CoreFeatureSIMD << 2,
	"extended-const":      api.CoreFeatureSIMD << 3,
	"exception-handling":  api.CoreFeatureSIMD << 4,
	"function-references": api.CoreFeatureSIMD << 5,
}

// added returns how much executable memory a function adds to this process, and how many seconds it takes.
func added(compile func() error) (int64, float64, error) {
	before, err := worker.ExecutableBytes()
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	if err := compile(); err != nil {
		return 0, 0, err
	}
	seconds := time.Since(started).Seconds()
	after, err := worker.ExecutableBytes()
	return after - before, seconds, err
}

// proof says what compiling added to the executable memory: machine code, if it was more than for a module that
// does nothing; an interpreter adds none for either.
func proof(bytes, ofControl int64) map[string]any {
	code := "unclear"
	switch {
	case bytes > 0 && ofControl > 0:
		code = "machine code"
	case bytes == 0 && ofControl == 0:
		code = "none"
	}
	return map[string]any{"code": code, "executable_bytes_added": bytes, "executable_bytes_of_control": ofControl}
}
