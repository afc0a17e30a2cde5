package worker

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// Bytes that are allocated before they are collected between two runs.
	garbageLimit = 16 << 20
	// Go's own memory, from which on it collects within a run too: without, a guest whose engine allocates much
	// would end for want of memory.
	heapLimit = 768 << 20
)

// prepareRuntime makes Go leave a run alone. Its collector starts no cycle by itself; collect does between runs.
// Nothing of Go's runs next to the guest: one processor is all that a worker gets, and the guest's thread is
// always the same, so that its CPU time can be read.
func prepareRuntime() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heapLimit)
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	debug.SetTraceback("none") // the message of what ended the process is enough
}

type collector struct {
	sample    [1]metrics.Sample
	collected uint64 // allocated when it last collected
}

func newCollector() *collector {
	return &collector{sample: [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}}
}

// collect collects garbage if there may be much; it returns when all is collected and swept, so that none of it is
// left to the run that follows.
func (c *collector) collect() {
	metrics.Read(c.sample[:])
	if allocated := c.sample[0].Value.Uint64(); allocated-c.collected > garbageLimit {
		runtime.GC()
		c.collected = allocated
	}
}
