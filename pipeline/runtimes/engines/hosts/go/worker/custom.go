package worker

import "encoding/binary"

// Bytes of a module before its first section.
const preamble = 8

// WithoutCustomSections returns a module without what is not part of its program: names of functions, and what
// compilers note. It returns nil where there is nothing of that, or where the sections cannot be told apart.
func WithoutCustomSections(code []byte) []byte {
	if len(code) < preamble {
		return nil
	}
	kept := append([]byte{}, code[:preamble]...)
	for at := preamble; at < len(code); {
		size, length := binary.Uvarint(code[at+1:])
		end := uint64(at) + 1 + uint64(max(length, 0)) + size
		if length <= 0 || size > uint64(len(code)) || end > uint64(len(code)) {
			return nil
		}
		if code[at] != 0 {
			kept = append(kept, code[at:end]...)
		}
		at = int(end)
	}
	if len(kept) == len(code) {
		return nil
	}
	return kept
}
