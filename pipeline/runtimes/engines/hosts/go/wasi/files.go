package wasi

import "math"

// errno is WASI's number for how a call ended.
type errno = uint32

const (
	success      errno = 0
	badDescr     errno = 8
	badText      errno = 25
	invalid      errno = 28
	tooManyFiles errno = 33
	nameTooLong  errno = 37
	noEntry      errno = 44
	notDirectory errno = 54
	notSocket    errno = 57
	notSupported errno = 58
	notPermitted errno = 63
	noSeek       errno = 70
)

// Kinds of descriptors. Standard input and outputs are of a kind that WASI has no number for: no guest sees a
// terminal.
const (
	unknown     = 0
	directory   = 3
	regularFile = 4
)

// Flags of path_open and of descriptors.
const (
	create, onlyDirectory, truncate = 1, 2, 8
	appending, nonBlocking          = 1, 4
	synchronous                     = 2 | 8 | 16
)

const (
	rightRead  = 1 << 1
	rightWrite = 1 << 6
	// Of a file, of a folder that was opened, and of the folder "/" with what is opened by it.
	fileRights, folderRights, rootRights, belowRoot = 0x3fffffbf, 0x3fb7ffbb, 0x7b7fe00, 0xff7ffff
)

// descriptor is what one number of a guest's stands for.
type descriptor struct {
	kind            byte
	name            string  // of a file or a folder
	content         []byte  // of a file, or of standard input
	output          *Output // of the standard outputs
	readable, first bool    // first: the folder that is there from the start
	rights          [2]uint64
	position        uint64
	flags           uint16
}

// As MOST_OPEN in workers/wasi_files.h.
const mostOpen = 256

// files is what a guest has open: its input and outputs, and files below "/", which it can only read.
type files struct {
	tree   *Tree
	opened []*descriptor // nil: closed
}

// newFiles opens what is there from the start; without a tree there is no folder.
func newFiles(stdin []byte, stdout, stderr *Output, tree *Tree) files {
	f := files{tree: tree, opened: []*descriptor{
		{kind: unknown, content: stdin, readable: true, rights: [2]uint64{rightRead, rightRead}},
		{kind: unknown, output: stdout, rights: [2]uint64{rightWrite, rightWrite}},
		{kind: unknown, output: stderr, rights: [2]uint64{rightWrite, rightWrite}},
	}}
	if tree != nil {
		root := &descriptor{kind: directory, first: true, rights: [2]uint64{rootRights, belowRoot}}
		f.opened = append(f.opened, root)
	}
	return f
}

// get returns nil where there is no such descriptor.
func (f *files) get(fd uint32) *descriptor {
	if uint64(fd) < uint64(len(f.opened)) {
		return f.opened[fd]
	}
	return nil
}

// ofKind returns nil where there is none, or one of a different kind.
func (f *files) ofKind(fd uint32, kind byte) *descriptor {
	if found := f.get(fd); found != nil && found.kind == kind {
		return found
	}
	return nil
}

// seekable returns a file in which there are positions.
func (f *files) seekable(fd uint32) (*descriptor, errno) {
	found := f.get(fd)
	switch {
	case found == nil || found.kind == directory:
		return nil, badDescr
	case found.kind == unknown:
		return nil, noSeek
	}
	return found, success
}

// add gives a descriptor a number: the highest that was closed, or a new one.
func (f *files) add(new *descriptor) (uint32, errno) {
	for fd := len(f.opened) - 1; fd >= 0; fd-- {
		if f.opened[fd] == nil {
			f.opened[fd] = new
			return uint32(fd), success
		}
	}
	if len(f.opened) == mostOpen {
		return 0, tooManyFiles
	}
	f.opened = append(f.opened, new)
	return uint32(len(f.opened) - 1), success
}

func (f *files) close(fd uint32) errno {
	if f.get(fd) == nil {
		return badDescr
	}
	f.opened[fd] = nil
	return success
}

func (f *files) renumber(from, to uint32) errno {
	if f.get(to) == nil || f.get(from) == nil {
		return badDescr
	}
	if from != to {
		f.opened[to], f.opened[from] = f.opened[from], nil
	}
	return success
}

// open opens the file or folder at a path, to read.
func (f *files) open(fd uint32, path string, flags uint32, rights uint64, how uint32) (uint32, errno) {
	from := f.get(fd)
	switch {
	case from == nil || from.kind == unknown:
		return 0, badDescr
	case from.kind == regularFile:
		return 0, notDirectory
	case how&synchronous != 0:
		return 0, notSupported
	case flags&(create|truncate) != 0 || rights&rightWrite != 0:
		return 0, notPermitted
	}
	name, kind, failed := f.tree.find(from.name, path)
	switch {
	case failed != success:
		return 0, failed
	case kind == directory:
		rights := [2]uint64{folderRights, folderRights}
		return f.add(&descriptor{kind: directory, name: name, rights: rights})
	case flags&onlyDirectory != 0:
		return 0, notDirectory
	}
	return f.add(&descriptor{
		kind: regularFile, name: name, content: f.tree.contents[name], readable: true,
		rights: [2]uint64{fileRights, fileRights}, flags: uint16(how & (appending | nonBlocking)),
	})
}

// read fills pieces of memory from a position and returns the number of bytes, 0 at the end. No piece may end
// where there is no position.
func (d *descriptor) read(pieces [][]byte, position uint64) (uint64, errno) {
	begun := position
	for _, piece := range pieces {
		if position+uint64(len(piece)) > math.MaxInt64 {
			return 0, invalid
		}
		size := copy(piece, d.content[min(position, uint64(len(d.content))):])
		position += uint64(size)
		if size < len(piece) {
			break
		}
	}
	return position - begun, success
}

// seek moves a file's position.
func (d *descriptor) seek(offset int64, whence uint32) errno {
	var from int64
	switch whence {
	case 0:
	case 1:
		from = int64(d.position)
	case 2:
		from = int64(len(d.content))
	default:
		return invalid
	}
	if from+offset < 0 {
		return invalid
	}
	d.position = uint64(from + offset)
	return success
}
