package worker

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// Clocks of the system: <time.h>.
const (
	clockMonotonic = 1
	clockThreadCPU = 3
)

// clockSeconds reads a clock of the system; 0 where it has no such.
func clockSeconds(clock uintptr) float64 {
	var at syscall.Timespec
	if _, _, failed := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&at)), 0); failed != 0 {
		return 0
	}
	return float64(at.Sec) + float64(at.Nsec)/1e9
}

// usage is what this process has used so far.
type usage struct {
	CPUSeconds    float64 `json:"cpu_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	pageFaults    int64
}

func usageNow() usage {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return usage{}
	}
	system := seconds(used.Stime)
	return usage{seconds(used.Utime) + system, system, used.Minflt + used.Majflt}
}

func seconds(at syscall.Timeval) float64 { return float64(at.Sec) + float64(at.Usec)/1e6 }

func (u usage) since(before usage) usage {
	return usage{u.CPUSeconds - before.CPUSeconds, u.SystemSeconds - before.SystemSeconds, u.pageFaults - before.pageFaults}
}

// ExecutableBytes returns how much anonymous memory of this process is executable: where compiled code is, in
// whole pages.
func ExecutableBytes() (int64, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, line := range strings.Split(string(maps), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 5 || !strings.Contains(fields[1], "x") {
			continue
		}
		first, last, _ := strings.Cut(fields[0], "-")
		from, _ := strconv.ParseInt(first, 16, 64)
		to, _ := strconv.ParseInt(last, 16, 64)
		total += to - from
	}
	return total, nil
}
