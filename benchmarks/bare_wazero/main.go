// A bare program like bare.py, for wazero: its own WASI and memory, Go as it is by default, and a native process in
// alternating chunks.
//
//	bare compiler|interpreter MODULE NATIVE PAIRS CHUNK_SECONDS
//
// Prints JSON: [[score, native score, CPU share, native CPU share], ...]. The caller pins it to a processor.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

var totalTime = regexp.MustCompile(`Total time \(secs\): (\S+)`)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// inWazero returns what runs the module and gives its output.
func inWazero(kind, path string) func(arguments []string) []byte {
	ctx := context.Background()
	config := wazero.NewRuntimeConfigCompiler()
	if kind == "interpreter" {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	module := must(runtime.CompileModule(ctx, must(os.ReadFile(path))))
	return func(arguments []string) []byte {
		var output bytes.Buffer
		guest := wazero.NewModuleConfig().WithName("").WithArgs(arguments...).WithStdout(&output).WithSysNanotime()
		_ = must(runtime.InstantiateModule(ctx, module, guest)).Close(ctx)
		return output.Bytes()
	}
}

func inProcess(path string) func(arguments []string) []byte {
	return func(arguments []string) []byte {
		command := exec.Command(path)
		command.Args, command.Env = arguments, []string{}
		return must(command.Output())
	}
}

func onProcessor() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// chunk returns a score and the share of the time that was this process's.
func chunk(run func([]string) []byte, iterations int) (float64, float64) {
	start, cpu := time.Now(), onProcessor()
	output := run([]string{"coremark", "0", "0", "0x66", strconv.Itoa(iterations)})
	share := (onProcessor() - cpu) / time.Since(start).Seconds()
	seconds := must(strconv.ParseFloat(string(totalTime.FindSubmatch(output)[1]), 64))
	return float64(iterations) / seconds, share
}

func main() {
	guests := []func([]string) []byte{inWazero(os.Args[1], os.Args[2]), inProcess(os.Args[3])}
	pairs, seconds := must(strconv.Atoi(os.Args[4])), must(strconv.ParseFloat(os.Args[5], 64))
	counts := make([]int, len(guests))
	for i, guest := range guests {
		counts[i] = 1
		for range 8 {
			score, _ := chunk(guest, counts[i])
			counts[i] = max(1, min(50*counts[i], int(score*seconds+0.5)))
		}
	}
	rows := [][4]float64{}
	for pair := range pairs {
		var row [4]float64
		for i := range guests {
			which := (i + pair) % 2
			row[which], row[2+which] = chunk(guests[which], counts[which])
		}
		row[3] = 1 // a process of its own is on no account of ours
		rows = append(rows, row)
	}
	must(0, json.NewEncoder(os.Stdout).Encode(rows))
}
