// Package worker is the worker's side of the protocol for hosts of engines in Go: see workers/serve.py.
//
// A host's main function is Serve(engine), where the engine is what follows here. Everything that engines have
// in common is in this package and in wasi: requests and answers, a guest's input and output, clocks, and when
// garbage is collected.
package worker

import (
	"coremark-wasm/host/wasi"
)

// Options are those of a load that an engine may need.
type Options struct {
	// Compiler is the backend's own option.
	Compiler string `json:"compiler"`
	// Features are those that are turned on, because the module uses them.
	Features []string `json:"features"`
	// MemoryMiB and StackKiB are what a guest may have; 0 is no limit of memory.
	MemoryMiB uint64 `json:"memory_mib"`
	StackKiB  uint64 `json:"stack_kib"`
}

// Engine compiles modules.
type Engine interface {
	// Version returns the engine's name and its release, as the program itself knows them.
	Version() (name, release string)
	// Compile compiles a module. Its error is Refused for a module that the engine does not take, and Unavailable
	// where it has no such compiler.
	Compile(code []byte, options Options) (Module, Facts, error)
}

// Facts are what an engine says of a module that it has compiled; nil is a number that is not known.
type Facts struct {
	CompileSeconds *float64       `json:"compile_seconds"`
	CodeBytes      *int64         `json:"code_bytes"`
	Runtime        *float64       `json:"runtime_seconds"`
	Version        string         `json:"version"`
	Proof          map[string]any `json:"proof"`
}

// Signature is the types of parameters and results, a letter each: 'i', 'I', 'f', 'F' for i32, i64, f32, f64;
// '?' for others.
type Signature struct{ Parameters, Results string }

// Import is a function that a module imports.
type Import struct {
	Namespace, Name string
	Signature
}

// Function is a function of the host: its parameters are on the stack, and its results too.
type Function struct {
	Import
	Call func(stack []uint64)
}

// Module is a compiled module.
type Module interface {
	// Imports names the functions that it imports; memories, if it imports any, are refused by Compile.
	Imports() []Import
	// ExportsFunction and ExportsMemory return whether it exports one of that name.
	ExportsFunction(name string) bool
	ExportsMemory(name string) bool
	// Link gives its instances the functions that it imports.
	Link(functions []Function) error
	// Instantiate makes an instance in which nothing has run but a start section.
	Instantiate() (Instance, error)
	// Close frees it with all that was made for it.
	Close()
}

// Instance is an instance of a module.
type Instance interface {
	// Memory is the one that it exports as "memory".
	Memory() wasi.Memory
	// Call calls an exported function without parameters and returns its results. Its error is the wasi.Exit that
	// the guest ended itself with, or a *Trap.
	Call(name string) ([]uint64, error)
	// Close frees it, its memory at once.
	Close()
}

// Refused is why an engine cannot load a module.
type Refused struct{ Reason string }

func (r Refused) Error() string { return r.Reason }

// Unavailable is what this release of the engine does not have.
type Unavailable struct{ Reason string }

func (u Unavailable) Error() string { return u.Reason }

// Trap is why the engine stopped a guest, in the first of these functions, which the others called.
type Trap struct {
	Message   string
	Backtrace []string
}

func (t *Trap) Error() string { return t.Message }
