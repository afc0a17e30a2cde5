package worker

import (
	"math"
	"time"
)

// What the first call of a clock returns, ms: START_MS in workers/clock.py.
const startMS = 1000

// timer is a clock of the guest's own, as workers/clock.py has it: so many ns of it pass within a real one of the
// guest's.
type timer struct {
	speed          float64
	calls          int64
	guest, stretch time.Duration // since the first call; between the last two
	left           time.Time     // when the last call ended
	ns, before     int64         // what the last two calls came to
	epoch          int64         // real time when it was made, ns
}

func newTimer(speed float64) *timer { return &timer{speed: speed, epoch: time.Now().UnixNano()} }

// enter returns ns since the first call, in steps of so many; Left must follow.
func (t *timer) enter(step int64) int64 {
	entered := time.Now()
	if t.calls > 0 {
		t.stretch = entered.Sub(t.left)
		t.guest += t.stretch
	}
	t.calls++
	t.before = t.ns
	t.ns = int64(float64(t.guest)*t.speed) / step * step
	return t.ns
}

// Left notes that the host has answered.
func (t *timer) Left() { t.left = time.Now() }

// Shows returns what a clock of WASI shows for this, ns; Left must follow.
func (t *timer) Shows(id uint32) uint64 {
	if id == 0 {
		return uint64(t.enter(1) + t.epoch)
	}
	return uint64(t.enter(1) + startMS*int64(time.Millisecond))
}

// read is env.clock_ms.
func (t *timer) read() int64 {
	ms := startMS + t.enter(int64(time.Millisecond))/int64(time.Millisecond)
	t.Left()
	return ms
}

// clockFunction returns the clock as a function of the host that returns a "i32", which takes it modulo 2^32, or "i64".
// Each run sets what it reads.
func clockFunction(kind string, current **timer) Function {
	results := "I"
	if kind == "i32" {
		results = "i"
	}
	signature := Signature{"", results}
	return Function{Import{"env", "clock_ms", signature}, func(stack []uint64) {
		value := uint64((*current).read())
		if kind == "i32" {
			value &= math.MaxUint32
		}
		stack[0] = value
	}}
}

// returned is what a run with a clock returned; Score is nil where it is no number that JSON has.
type returned struct {
	Score   *float64 `json:"score"`
	ClockMS int64    `json:"clock_ms"`
	ClockNS int64    `json:"clock_ns"`
	Calls   int64    `json:"calls"`
}

func (t *timer) returned(score float32) *returned {
	found := &returned{ClockNS: t.stretch.Nanoseconds(), Calls: t.calls}
	if t.calls > 1 {
		found.ClockMS = (t.ns - t.before) / int64(time.Millisecond)
	}
	if value := float64(score); !math.IsNaN(value) && !math.IsInf(value, 0) {
		found.Score = &value
	}
	return found
}
