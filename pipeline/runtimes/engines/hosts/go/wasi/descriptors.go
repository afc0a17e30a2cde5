package wasi

import (
	"encoding/binary"
	"math"
)

// What a guest can ask of its descriptors.

func (g *Guest) write(fd, at, count, result uint32) errno {
	found := g.files.get(fd)
	if found == nil || found.output == nil {
		return badDescr
	}
	total := uint32(0)
	for place := uint64(at); count > 0; count, place = count-1, place+8 {
		if place > 1<<32-8 {
			panic(Outside{})
		}
		size := g.get32(uint32(place) + 4)
		found.output.write(g.bytes(g.get32(uint32(place)), size))
		total += size
	}
	return g.put32(result, total)
}

func (g *Guest) read(fd, at, count, result uint32) errno {
	found := g.files.get(fd)
	if found == nil || !found.readable {
		return badDescr
	}
	size, failed := found.read(g.pieces(at, count), found.position)
	if failed != success {
		return failed
	}
	found.position += size
	return g.put32(result, uint32(size))
}

func (g *Guest) readAt(fd, at, count uint32, position uint64, result uint32) errno {
	found := g.files.get(fd)
	switch {
	case found == nil || !found.readable:
		return badDescr
	case found.kind == unknown:
		return noSeek
	case position > math.MaxInt64:
		return invalid
	}
	size, failed := found.read(g.pieces(at, count), position)
	if failed != success {
		return failed
	}
	return g.put32(result, uint32(size))
}

func (g *Guest) writeAt(fd uint32) errno {
	if found := g.files.get(fd); found == nil || found.output == nil {
		return badDescr
	}
	return noSeek
}

func (g *Guest) status(fd, at uint32) errno {
	found := g.files.get(fd)
	if found == nil {
		return badDescr
	}
	to := g.bytes(at, 24)
	clear(to)
	to[0] = found.kind
	binary.LittleEndian.PutUint16(to[2:], found.flags)
	binary.LittleEndian.PutUint64(to[8:], found.rights[0])
	binary.LittleEndian.PutUint64(to[16:], found.rights[1])
	return success
}

func (g *Guest) setFlags(fd, flags uint32) errno {
	file := g.files.ofKind(fd, regularFile)
	if file == nil {
		return badDescr
	}
	if flags&synchronous != 0 {
		return invalid
	}
	file.flags = uint16(flags)
	return success
}

func (g *Guest) fileStatus(fd, at uint32) errno {
	found := g.files.get(fd)
	if found == nil {
		return badDescr
	}
	return g.putStatus(at, found.name, found.kind)
}

// putStatus writes what there is to know: no device, one link, and no time.
func (g *Guest) putStatus(at uint32, name string, kind byte) errno {
	to := g.bytes(at, 64)
	clear(to)
	if kind == unknown {
		return success
	}
	binary.LittleEndian.PutUint64(to, 1)
	binary.LittleEndian.PutUint64(to[8:], g.files.tree.inodes[name])
	to[16] = kind
	binary.LittleEndian.PutUint64(to[24:], 1)
	if kind == regularFile {
		binary.LittleEndian.PutUint64(to[32:], uint64(len(g.files.tree.contents[name])))
	}
	return success
}

func (g *Guest) seek(fd uint32, offset int64, whence, result uint32) errno {
	found, failed := g.files.seekable(fd)
	if failed == success {
		failed = found.seek(offset, whence)
	}
	if failed != success {
		return failed
	}
	return g.put64(result, found.position)
}

func (g *Guest) tell(fd, result uint32) errno {
	found, failed := g.files.seekable(fd)
	if failed != success {
		return failed
	}
	return g.put64(result, found.position)
}

func (g *Guest) advise(fd uint32, length uint64) errno {
	if length > math.MaxInt64 {
		return g.isFile(fd, invalid)
	}
	return g.isFile(fd, success)
}

// isFile returns a call's answer for files, and that for all other descriptors.
func (g *Guest) isFile(fd uint32, answer errno) errno {
	if g.files.ofKind(fd, regularFile) == nil {
		return badDescr
	}
	return answer
}

// isStored is the same for files and folders.
func (g *Guest) isStored(fd uint32, answer errno) errno {
	if found := g.files.get(fd); found == nil || found.kind == unknown {
		return badDescr
	}
	return answer
}

// isFolder is the same for folders.
func (g *Guest) isFolder(fd uint32, answer errno) errno {
	if g.files.ofKind(fd, directory) == nil {
		return badDescr
	}
	return answer
}

// isOpen is the same for all descriptors.
func (g *Guest) isOpen(fd uint32, answer errno) errno {
	if g.files.get(fd) == nil {
		return badDescr
	}
	return answer
}
