package worker

import (
	"syscall"
	"unsafe"
)

// Memory is a linear memory outside of Go's heap, for engines that take one: in fresh pages of zeros, which the
// kernel gives at their first use; freed at once; and where it grows it is not copied. So a guest has
// memory as under every other backend, and Go's collector neither clears nor counts it.
type Memory struct{ reserved, bytes []byte }

// NewMemory reserves addresses for a memory of at most so many bytes.
func NewMemory(most uint64) (*Memory, error) {
	if most == 0 {
		return &Memory{}, nil
	}
	flags := syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_NORESERVE
	reserved, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_NONE, flags)
	return &Memory{reserved: reserved}, err
}

// Bytes returns all of it, until it grows.
func (m *Memory) Bytes() []byte { return m.bytes }

// Reallocate makes it so many bytes long and returns it; nil where the system does not give them.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	if size > uint64(len(m.bytes)) {
		if syscall.Mprotect(m.reserved[:size], syscall.PROT_READ|syscall.PROT_WRITE) != nil {
			return nil
		}
	}
	m.bytes = unsafe.Slice(unsafe.SliceData(m.reserved), size)
	return m.bytes
}

// Free gives it back to the system.
func (m *Memory) Free() {
	if m.reserved != nil {
		_ = syscall.Munmap(m.reserved)
	}
	m.reserved, m.bytes = nil, nil
}
