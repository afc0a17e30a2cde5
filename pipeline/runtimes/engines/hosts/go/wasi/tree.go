package wasi

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Tree is the regular files below a folder, in memory, as a guest sees them below "/".
type Tree struct {
	contents map[string][]byte
	folders  map[string][]entry // by the folder's name; the guest's "/" is ""
	inodes   map[string]uint64  // of files and folders: no name is both
}

type entry struct {
	name string
	kind byte
}

// ReadTree reads all regular files below a folder. Links are none, and folders behind links are not entered.
func ReadTree(folder string) (*Tree, error) {
	contents := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, found os.DirEntry, err error) error {
		if err != nil || !found.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		contents[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newTree(contents), nil
}

func newTree(contents map[string][]byte) *Tree {
	tree := &Tree{contents, map[string][]entry{"": nil}, map[string]uint64{"": 1}}
	names := make([]string, 0, len(contents))
	for name := range contents {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		tree.add(name)
	}
	return tree
}

// add enters a file and the folders above it.
func (t *Tree) add(name string) {
	folder := ""
	parts := strings.Split(name, "/")
	for i, part := range parts {
		path := join(folder, part)
		if _, known := t.inodes[path]; !known {
			kind := byte(directory)
			if i == len(parts)-1 {
				kind = regularFile
			} else {
				t.folders[path] = nil
			}
			t.folders[folder] = append(t.folders[folder], entry{part, kind})
			t.inodes[path] = uint64(len(t.inodes) + 1)
		}
		folder = path
	}
}

func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

// Bytes of a path, with a zero at its end, and of a part of it, as on Linux.
const longestPath, longestPart = 4096, 255

// find follows a path from a folder, part by part, to a name and its kind.
func (t *Tree) find(from, path string) (string, byte, errno) {
	switch {
	case strings.IndexByte(path, 0) >= 0:
		return "", 0, invalid
	case len(path) >= longestPath:
		return "", 0, nameTooLong
	case path == "":
		return "", 0, noEntry
	case path[0] == '/':
		return "", 0, notPermitted
	}
	var parts []string
	here := from
	for i, word := range strings.Split(path, "/") {
		plain := word == "" || word == "."
		if _, isFolder := t.folders[here]; !isFolder && !(plain && i == 0) {
			if _, isFile := t.contents[here]; isFile {
				return "", 0, notDirectory
			}
			return "", 0, noEntry
		}
		if len(word) > longestPart {
			return "", 0, nameTooLong
		}
		if word == ".." {
			if len(parts) == 0 {
				return "", 0, notPermitted // it leads out of the folder
			}
			parts = parts[:len(parts)-1]
		} else if !plain {
			parts = append(parts, word)
		}
		here = from
		for _, part := range parts {
			here = join(here, part)
		}
	}
	if _, isFolder := t.folders[here]; isFolder {
		return here, directory, success
	}
	if _, isFile := t.contents[here]; isFile {
		return here, regularFile, success
	}
	return "", 0, noEntry
}
