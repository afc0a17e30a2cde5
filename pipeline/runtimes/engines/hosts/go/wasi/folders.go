package wasi

import (
	"encoding/binary"
	"unicode/utf8"
)

// What a guest can ask of folders and paths.

// Bytes of an entry of a folder before its name.
const entrySize = 24

// text returns a path, which must be UTF-8.
func (g *Guest) text(at, size uint32) (string, errno) {
	text := g.bytes(at, size)
	if !utf8.Valid(text) {
		return "", badText
	}
	return string(text), success
}

// The first descriptor without one ends a guest's search for folders.
func (g *Guest) preopened(fd, at uint32) errno {
	if found := g.files.get(fd); found == nil || !found.first {
		return badDescr
	}
	g.put32(at, 0)
	return g.put32(at+4, 1) // bytes of its name, "/"
}

func (g *Guest) preopenedName(fd, at, size uint32) errno {
	found := g.files.get(fd)
	switch {
	case found == nil:
		return badDescr
	case !found.first:
		return notDirectory
	case size == 0:
		return nameTooLong
	}
	g.bytes(at, 1)[0] = '/'
	return success
}

// list writes as many entries as there is room for, the last one cut off.
func (g *Guest) list(fd, buffer, size uint32, cookie uint64, result uint32) errno {
	folder := g.files.ofKind(fd, directory)
	if folder == nil {
		return badDescr
	}
	tree := g.files.tree
	entries := append([]entry{{".", directory}, {"..", directory}}, tree.folders[folder.name]...)
	var written []byte
	for i := cookie; i < uint64(len(entries)) && len(written) < int(size); i++ {
		each := entries[i]
		inode := tree.inodes[folder.name]
		if i > 1 {
			inode = tree.inodes[join(folder.name, each.name)]
		}
		written = binary.LittleEndian.AppendUint64(written, i+1)
		written = binary.LittleEndian.AppendUint64(written, inode)
		written = binary.LittleEndian.AppendUint32(written, uint32(len(each.name)))
		written = binary.LittleEndian.AppendUint32(written, uint32(each.kind))
		written = append(written, each.name...)
	}
	if len(written) > int(size) {
		written = written[:size]
	}
	if len(written) > 0 {
		copy(g.bytes(buffer, uint32(len(written))), written)
	}
	return g.put32(result, uint32(len(written)))
}

func (g *Guest) openPath(fd, path, size, flags uint32, rights uint64, how, result uint32) errno {
	name, failed := g.text(path, size)
	if failed != success {
		return failed
	}
	opened, failed := g.files.open(fd, name, flags, rights, how)
	if failed != success {
		return failed
	}
	return g.put32(result, opened)
}

// find returns the name and kind of what is at a path from a folder.
func (g *Guest) find(fd, path, size uint32) (string, byte, errno) {
	folder := g.files.ofKind(fd, directory)
	if folder == nil {
		return "", 0, badDescr
	}
	name, failed := g.text(path, size)
	if failed != success {
		return "", 0, failed
	}
	return g.files.tree.find(folder.name, name)
}

func (g *Guest) pathStatus(fd, path, size, at uint32) errno {
	name, kind, failed := g.find(fd, path, size)
	if failed != success {
		return failed
	}
	return g.putStatus(at, name, kind)
}

func (g *Guest) readLink(fd, path, size uint32) errno {
	if _, _, failed := g.find(fd, path, size); failed != success {
		return failed
	}
	return invalid // there are no links
}
