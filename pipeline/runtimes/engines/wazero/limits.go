package main

import (
	"runtime"
	"runtime/debug"
	_ "unsafe" // for go:linkname
)

const (
	// Bytes of a native stack for one call: so a guest may call itself about as deep as natively.
	nativeFrame = 128
	// Bytes of Go's stack for one call in the interpreter: some 3,900, and Go's stacks grow by doubling.
	interpretedFrame = 8192
)

// wazero's interpreter allows 2000 calls within each other, and has no option for it: a variable "for those
// wishing to change this".
//
//go:linkname callStackCeiling github.com/tetratelabs/wazero/internal/engine/interpreter.callStackCeiling
var callStackCeiling int

// limitCalls gives the interpreter as many calls as fit into a stack of that size.
func limitCalls(stackKiB uint64) {
	callStackCeiling = int(stackKiB << 10 / nativeFrame)
	debug.SetMaxStack(callStackCeiling * interpretedFrame)
}

// compilerSupported returns whether the compiler makes code for this processor: otherwise asking for it is a panic.
func compilerSupported() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" }
