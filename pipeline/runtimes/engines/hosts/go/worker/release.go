package worker

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// Release returns the release of a module that is linked into this program, by what the compiler recorded in it.
func Release(path string) (string, error) {
	built, ok := debug.ReadBuildInfo()
	if !ok {
		return "", fmt.Errorf("this program does not name its modules, expected %s among them", path)
	}
	for _, module := range built.Deps {
		if module.Path != path {
			continue
		}
		if module.Replace != nil {
			return "", fmt.Errorf("%s was replaced by %s", path, module.Replace.Path)
		}
		return strings.TrimPrefix(module.Version, "v"), nil
	}
	return "", fmt.Errorf("%s is not linked into this program", path)
}
