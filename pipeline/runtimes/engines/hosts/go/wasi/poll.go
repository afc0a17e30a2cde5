package wasi

import (
	"encoding/binary"
	"math"
	"time"
)

// Bytes of a subscription and of an event; kinds of both.
const (
	subscriptionSize, eventSize   = 48, 32
	ofClock, ofReading, ofWriting = 0, 1, 2
)

// poll sleeps until the first event. A descriptor is always ready.
func (g *Guest) poll(subscriptions, events, count, result uint32) errno {
	if count == 0 {
		return invalid
	}
	if uint64(subscriptions)+subscriptionSize*uint64(count) > uint64(len(g.Memory.Bytes())) {
		panic(Outside{})
	}
	wanted := make([]uint32, 0, 4)
	waits := make([]uint64, 0, 4)
	first := uint64(math.MaxUint64)
	for i := uint32(0); i < count; i++ {
		at := subscriptions + subscriptionSize*i
		wait, failed := g.wait(at)
		if failed != success {
			return failed
		}
		wanted, waits, first = append(wanted, at), append(waits, wait), min(first, wait)
	}
	time.Sleep(time.Duration(min(first, math.MaxInt64)))
	happened := uint32(0)
	for i, at := range wanted {
		if waits[i] == first {
			g.putEvent(at, events+eventSize*happened)
			happened++
		}
	}
	return g.put32(result, happened)
}

func (g *Guest) putEvent(subscription, event uint32) {
	from, to := g.bytes(subscription, subscriptionSize), g.bytes(event, eventSize)
	userData, kind := binary.LittleEndian.Uint64(from), from[8]
	clear(to)
	binary.LittleEndian.PutUint64(to, userData)
	to[10] = kind
	if kind != ofClock {
		to[16] = 1 // bytes, at least
	}
}

// wait returns the nanoseconds until what a subscription is for.
func (g *Guest) wait(at uint32) (uint64, errno) {
	from := g.bytes(at, subscriptionSize)
	kind, subject := from[8], binary.LittleEndian.Uint32(from[16:])
	flags := binary.LittleEndian.Uint16(from[40:])
	switch {
	case kind > ofWriting:
		return 0, invalid
	case kind != ofClock:
		return 0, g.canBeReady(subject, kind)
	case subject > 1 || flags > 1:
		return 0, invalid
	}
	timeout := binary.LittleEndian.Uint64(from[24:])
	if flags != 0 { // a time, and not how long
		return timeout - min(timeout, now(subject)), success
	}
	return timeout, success
}

// canBeReady returns whether a descriptor is one to read from, or to write to.
func (g *Guest) canBeReady(fd uint32, kind byte) errno {
	found := g.files.get(fd)
	if found == nil {
		return badDescr
	}
	switch {
	case found.kind == regularFile && kind == ofWriting:
		return notPermitted
	case kind == ofReading && !found.readable, kind == ofWriting && found.output == nil:
		return badDescr
	}
	return success
}
