// Package wasi answers the calls of WASI preview 1 for a command that may read files in memory and change none.
//
// It knows no engine. All answers are those of Wasmtime with a folder that is read-only:
// tests/contract/test_wasi.py.
package wasi

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sort"
	"syscall"
	"time"
	"unsafe"
)

// Memory is the linear memory of a guest; what Bytes returns is valid until the guest runs again.
type Memory interface {
	Bytes() []byte
}

// Clock is a clock of the guest's own. Shows returns the ns of one of WASI's clocks; Left must follow.
type Clock interface {
	Shows(id uint32) uint64
	Left()
}

// Exit is what a guest's function panics with that ends the guest itself.
type Exit struct{ Code uint32 }

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// Outside is what a call panics with that names memory that the guest does not have: a trap.
type Outside struct{}

func (Outside) Error() string { return "a call of WASI names memory that the guest does not have" }

// Guest is one run of a command: what it is given, what it has open, and how often it has called.
type Guest struct {
	Memory    Memory // set before it runs
	Calls     int64
	Clock     Clock // in place of the machine's; nil for those
	arguments [][]byte
	variables [][]byte
	files     files
}

// Input is what a guest is given. Tree is nil for a guest without files.
type Input struct {
	Arguments   []string
	Environment map[string]string
	Stdin       []byte
	Tree        *Tree
}

// NewGuest makes a guest that writes to these outputs.
func NewGuest(input Input, stdout, stderr *Output) *Guest {
	guest := &Guest{files: newFiles(input.Stdin, stdout, stderr, input.Tree)}
	for _, word := range input.Arguments {
		guest.arguments = append(guest.arguments, []byte(word+"\x00"))
	}
	names := make([]string, 0, len(input.Environment))
	for name := range input.Environment {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		guest.variables = append(guest.variables, []byte(name+"="+input.Environment[name]+"\x00"))
	}
	return guest
}

var started = time.Now()

// Since the host began, and never 0; a process has no older time to compare it with.
func monotonic() uint64 { return uint64(time.Since(started)) + 1 }

// bytes returns so many bytes of memory from there.
func (g *Guest) bytes(at, size uint32) []byte {
	all := g.Memory.Bytes()
	if uint64(at)+uint64(size) > uint64(len(all)) {
		panic(Outside{})
	}
	return all[at : uint64(at)+uint64(size)]
}

func (g *Guest) get32(at uint32) uint32 { return binary.LittleEndian.Uint32(g.bytes(at, 4)) }

func (g *Guest) put32(at, value uint32) errno {
	binary.LittleEndian.PutUint32(g.bytes(at, 4), value)
	return success
}

func (g *Guest) put64(at uint32, value uint64) errno {
	binary.LittleEndian.PutUint64(g.bytes(at, 8), value)
	return success
}

// pieces returns the pieces of memory that a list of them names.
func (g *Guest) pieces(at, count uint32) [][]byte {
	var found [][]byte
	for place := uint64(at); count > 0; count, place = count-1, place+8 {
		if place > 1<<32-8 {
			panic(Outside{})
		}
		found = append(found, g.bytes(g.get32(uint32(place)), g.get32(uint32(place)+4)))
	}
	return found
}

func (g *Guest) putSizes(texts [][]byte, count, size uint32) errno {
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	g.put32(count, uint32(len(texts)))
	return g.put32(size, uint32(total))
}

func (g *Guest) putTexts(texts [][]byte, pointers, buffer uint32) errno {
	for _, text := range texts {
		g.put32(pointers, buffer)
		copy(g.bytes(buffer, uint32(len(text))), text)
		pointers += 4
		buffer += uint32(len(text))
	}
	return success
}

// checkClock returns whether a clock is one.
func checkClock(id uint32) errno {
	if id > 3 {
		return invalid
	}
	return success
}

func now(id uint32) uint64 {
	switch id {
	case 0:
		return uint64(time.Now().UnixNano())
	case 1:
		return monotonic()
	}
	return cpuTime(uintptr(id)) // the system has the same numbers for these
}

// cpuTime is the CPU's time of this process or thread, by a clock of the system, in ns.
func cpuTime(clock uintptr) uint64 {
	var at syscall.Timespec
	if _, _, failed := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&at)), 0); failed != 0 {
		return 0
	}
	return uint64(at.Nano())
}

func (g *Guest) clockResolution(id, at uint32) errno {
	if failed := checkClock(id); failed != success {
		return failed
	}
	return g.put64(at, 1)
}

func (g *Guest) clockTime(id, at uint32) errno {
	if failed := checkClock(id); failed != success {
		return failed
	}
	if g.Clock != nil {
		defer g.Clock.Left()
		return g.put64(at, g.Clock.Shows(id))
	}
	return g.put64(at, now(id))
}

func (g *Guest) random(at, size uint32) errno {
	if _, err := rand.Read(g.bytes(at, size)); err != nil {
		panic(err)
	}
	return success
}
