package worker

import "time"

// What a module imports that says which part of its run is timed: see workers/bench.py.
const benchNamespace = "bench"

// timedPart is what one run called.
type timedPart struct {
	calls          int
	started, ended time.Time
}

func (t *timedPart) start() {
	t.calls++
	t.started = time.Now()
}

func (t *timedPart) end() {
	t.ended = time.Now()
	t.calls++
}

// seconds is nil unless a part was begun and ended once.
func (t *timedPart) seconds() *float64 {
	if t.calls != 2 || t.ended.Before(t.started) || t.started.IsZero() {
		return nil
	}
	found := t.ended.Sub(t.started).Seconds()
	return &found
}

// benchFunction returns one of the two functions, of the part of the run that goes on.
func benchFunction(wanted Import, current **timedPart) (Function, bool) {
	found := Function{Import: Import{benchNamespace, wanted.Name, Signature{}}}
	switch wanted.Name {
	case "start":
		found.Call = func([]uint64) { (*current).start() }
	case "end":
		found.Call = func([]uint64) { (*current).end() }
	default:
		return Function{}, false
	}
	return found, true
}
