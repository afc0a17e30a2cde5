// wazero and nothing else: host COMPILER MODULE; each line of input is a run of the module's _start; prints its seconds.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	ctx := context.Background()
	config := wazero.NewRuntimeConfigCompiler()
	if os.Args[1] == "interpreter" {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	module := must(runtime.CompileModule(ctx, must(os.ReadFile(os.Args[2]))))
	guest := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		instance := must(runtime.InstantiateModule(ctx, module, guest))
		start := instance.ExportedFunction("_start")
		begun := time.Now()
		must(start.Call(ctx))
		fmt.Println(time.Since(begun).Seconds())
		_ = instance.Close(ctx)
	}
}
