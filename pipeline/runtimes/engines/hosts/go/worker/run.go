package worker

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"coremark-wasm/host/wasi"
)

// As _MOST_FUNCTIONS in workers/serve.py, and its limits of a message and of a name.
const mostFunctions, mostMessage, mostName = 32, 500, 200

// What a module of the "run" interface may export, and what it must: see workers/clock.py.
const initialize, timedEntry, commandEntry = "_initialize", "run", "_start"

// answer is what the protocol has for a run.
type answer struct {
	Outcome            string    `json:"outcome"`
	Code               uint32    `json:"code"`
	Message            string    `json:"message"`
	WallSeconds        float64   `json:"wall_seconds"`
	CPUShare           float64   `json:"cpu_share"`
	InstantiateSeconds *float64  `json:"instantiate_seconds,omitempty"`
	Used               usage     `json:"used"`
	PageFaults         int64     `json:"page_faults"`
	Stdout             string    `json:"stdout"`
	StdoutBytes        int64     `json:"stdout_bytes"`
	Stderr             string    `json:"stderr"`
	Backtrace          []string  `json:"backtrace"`
	Returned           *returned `json:"returned,omitempty"`
	WasiCalls          *int64    `json:"wasi_calls,omitempty"`
	BenchSeconds       *float64  `json:"bench_seconds,omitempty"`
}

// run runs the module once, in an instance of its own.
func (p *program) run(asked request) *answer {
	p.stdout.Reset()
	p.stderr.Reset()
	p.guest, p.timer, p.part = nil, newTimer(asked.Speed), &timedPart{}
	if p.options.Clock == "" {
		p.guest = p.newGuest(asked)
		if asked.Speed != 0 {
			p.guest.Clock = p.timer
		}
	}
	p.garbage.collect()
	before := usageNow()
	made := &answer{Outcome: "exit", Backtrace: []string{}}
	if err := p.time(made); err != nil {
		made.ended(err)
	}
	made.Used = usageNow().since(before)
	made.PageFaults = made.Used.pageFaults
	made.Stdout, made.StdoutBytes = latin1(p.stdout.Kept()), p.stdout.Size()
	made.Stderr = latin1(p.stderr.Kept())
	if p.guest != nil {
		made.WasiCalls = &p.guest.Calls
		made.BenchSeconds = p.part.seconds()
		if p.guest.Clock != nil {
			made.Returned = p.timer.returned(float32(math.NaN()))
		}
	}
	return made
}

func (p *program) newGuest(asked request) *wasi.Guest {
	stdin := p.stdin
	if asked.Stdin != "" {
		var err error
		stdin, err = os.ReadFile(asked.Stdin)
		check(err)
	}
	input := wasi.Input{Arguments: asked.Argv, Environment: p.options.Environment, Stdin: stdin, Tree: p.tree}
	return wasi.NewGuest(input, p.stdout, p.stderr)
}

// stopwatch is when something began, and the CPU time of this thread then.
type stopwatch struct {
	begun time.Time
	cpu   float64
}

func begin() stopwatch { return stopwatch{time.Now(), clockSeconds(clockThreadCPU)} }

// note writes how long it took until now.
func (s stopwatch) note(made *answer) {
	made.WallSeconds = time.Since(s.begun).Seconds()
	made.CPUShare = (clockSeconds(clockThreadCPU) - s.cpu) / made.WallSeconds
}

// time instantiates the module, calls its entry, and notes the times of both.
func (p *program) time(made *answer) error {
	watch := begin()
	instance, err := p.module.Instantiate()
	if err != nil {
		watch.note(made)
		return err
	}
	defer instance.Close()
	entry := timedEntry
	if p.guest != nil {
		entry, p.guest.Memory = commandEntry, instance.Memory()
	} else if p.module.ExportsFunction(initialize) {
		if _, err := instance.Call(initialize); err != nil {
			watch.note(made)
			return err
		}
	}
	instantiate := time.Since(watch.begun).Seconds()
	made.InstantiateSeconds = &instantiate
	watch = begin()
	results, err := instance.Call(entry)
	watch.note(made)
	if err == nil && p.guest == nil {
		made.Returned = p.timer.returned(math.Float32frombits(uint32(results[0])))
	}
	return err
}

// ended notes what ended a guest before its entry returned.
func (a *answer) ended(err error) {
	var exit wasi.Exit
	if errors.As(err, &exit) {
		a.Code = exit.Code
		if exit.Code != 0 {
			a.Message = fmt.Sprintf("exit status %d", exit.Code)
		}
		return
	}
	a.Outcome, a.Message = "trap", firstLine(err.Error())
	var trap *Trap
	if errors.As(err, &trap) {
		a.Backtrace = append(a.Backtrace, trap.Backtrace[:min(len(trap.Backtrace), mostFunctions)]...)
	}
	for i, name := range a.Backtrace {
		a.Backtrace[i] = name[:min(len(name), mostName)]
	}
	a.Message = a.Message[:min(len(a.Message), mostMessage)]
}
