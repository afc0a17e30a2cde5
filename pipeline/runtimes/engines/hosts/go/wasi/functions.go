package wasi

// Namespace is what a command imports the functions from.
const Namespace = "wasi_snapshot_preview1"

// Function is a call of WASI: its name, and its parameters, 'i' for an i32 and 'I' for an i64. All have an i32
// as result but proc_exit, which has none.
type Function struct {
	Name       string
	Parameters string
	call       func(g *Guest, v []uint64) errno
}

// HasResult returns whether it has a result.
func (f *Function) HasResult() bool { return f.Name != "proc_exit" }

// Call runs it with the parameters that are on the stack, and leaves its result there.
func (f *Function) Call(guest *Guest, stack []uint64) {
	guest.Calls++
	stack[0] = uint64(f.call(guest, stack))
}

// Find returns a function by its name, or nil.
func Find(name string) *Function { return byName[name] }

var byName = func() map[string]*Function {
	named := map[string]*Function{}
	for i := range functions {
		named[functions[i].Name] = &functions[i]
	}
	return named
}()

func a(value uint64) uint32 { return uint32(value) }

// always answers a call that only looks whether its descriptor is of the right kind.
func always(look func(*Guest, uint32, errno) errno, answer errno) func(*Guest, []uint64) errno {
	return func(g *Guest, v []uint64) errno { return look(g, a(v[0]), answer) }
}

// refusing answers a call that would change what is below folders; these and its paths are at these places of
// its parameters.
func refusing(folders, paths []int) func(*Guest, []uint64) errno {
	return func(g *Guest, v []uint64) errno {
		for _, place := range folders {
			if failed := g.isFolder(a(v[place]), success); failed != success {
				return failed
			}
		}
		for _, place := range paths {
			if _, failed := g.text(a(v[place]), a(v[place+1])); failed != success {
				return failed
			}
		}
		return notPermitted
	}
}

// settingTimes answers a call with flags at this place: one time cannot be both a given one and the present one.
func settingTimes(place int, call func(*Guest, []uint64) errno) func(*Guest, []uint64) errno {
	return func(g *Guest, v []uint64) errno {
		if v[place]&3 == 3 || v[place]&12 == 12 {
			return invalid
		}
		return call(g, v)
	}
}

func exit(_ *Guest, v []uint64) errno { panic(Exit{a(v[0])}) }

var functions = []Function{
	{"args_get", "ii", func(g *Guest, v []uint64) errno { return g.putTexts(g.arguments, a(v[0]), a(v[1])) }},
	{"args_sizes_get", "ii", func(g *Guest, v []uint64) errno { return g.putSizes(g.arguments, a(v[0]), a(v[1])) }},
	{"clock_res_get", "ii", func(g *Guest, v []uint64) errno { return g.clockResolution(a(v[0]), a(v[1])) }},
	{"clock_time_get", "iIi", func(g *Guest, v []uint64) errno { return g.clockTime(a(v[0]), a(v[2])) }},
	{"environ_get", "ii", func(g *Guest, v []uint64) errno { return g.putTexts(g.variables, a(v[0]), a(v[1])) }},
	{"environ_sizes_get", "ii", func(g *Guest, v []uint64) errno { return g.putSizes(g.variables, a(v[0]), a(v[1])) }},
	{"fd_advise", "iIIi", func(g *Guest, v []uint64) errno { return g.advise(a(v[0]), v[2]) }},
	{"fd_allocate", "iII", always((*Guest).isFile, notSupported)},
	{"fd_close", "i", func(g *Guest, v []uint64) errno { return g.files.close(a(v[0])) }},
	{"fd_datasync", "i", always((*Guest).isFile, success)},
	{"fd_fdstat_get", "ii", func(g *Guest, v []uint64) errno { return g.status(a(v[0]), a(v[1])) }},
	{"fd_fdstat_set_flags", "ii", func(g *Guest, v []uint64) errno { return g.setFlags(a(v[0]), a(v[1])) }},
	{"fd_fdstat_set_rights", "iII", always((*Guest).isStored, notSupported)},
	{"fd_filestat_get", "ii", func(g *Guest, v []uint64) errno { return g.fileStatus(a(v[0]), a(v[1])) }},
	{"fd_filestat_set_size", "iI", always((*Guest).isFile, notPermitted)},
	{"fd_filestat_set_times", "iIIi", settingTimes(3, always((*Guest).isStored, notPermitted))},
	{"fd_pread", "iiiIi", func(g *Guest, v []uint64) errno { return g.readAt(a(v[0]), a(v[1]), a(v[2]), v[3], a(v[4])) }},
	{"fd_prestat_dir_name", "iii", func(g *Guest, v []uint64) errno { return g.preopenedName(a(v[0]), a(v[1]), a(v[2])) }},
	{"fd_prestat_get", "ii", func(g *Guest, v []uint64) errno { return g.preopened(a(v[0]), a(v[1])) }},
	{"fd_pwrite", "iiiIi", func(g *Guest, v []uint64) errno { return g.writeAt(a(v[0])) }},
	{"fd_read", "iiii", func(g *Guest, v []uint64) errno { return g.read(a(v[0]), a(v[1]), a(v[2]), a(v[3])) }},
	{"fd_readdir", "iiiIi", func(g *Guest, v []uint64) errno { return g.list(a(v[0]), a(v[1]), a(v[2]), v[3], a(v[4])) }},
	{"fd_renumber", "ii", func(g *Guest, v []uint64) errno { return g.files.renumber(a(v[0]), a(v[1])) }},
	{"fd_seek", "iIii", func(g *Guest, v []uint64) errno { return g.seek(a(v[0]), int64(v[1]), a(v[2]), a(v[3])) }},
	{"fd_sync", "i", always((*Guest).isFile, success)},
	{"fd_tell", "ii", func(g *Guest, v []uint64) errno { return g.tell(a(v[0]), a(v[1])) }},
	{"fd_write", "iiii", func(g *Guest, v []uint64) errno { return g.write(a(v[0]), a(v[1]), a(v[2]), a(v[3])) }},
	{"path_create_directory", "iii", refusing([]int{0}, []int{1})},
	{"path_filestat_get", "iiiii", func(g *Guest, v []uint64) errno { return g.pathStatus(a(v[0]), a(v[2]), a(v[3]), a(v[4])) }},
	{"path_filestat_set_times", "iiiiIIi", settingTimes(6, refusing([]int{0}, []int{2}))},
	{"path_link", "iiiiiii", refusing([]int{0, 4}, []int{2, 5})},
	{"path_open", "iiiiiIIii", func(g *Guest, v []uint64) errno {
		return g.openPath(a(v[0]), a(v[2]), a(v[3]), a(v[4]), v[5], a(v[7]), a(v[8]))
	}},
	{"path_readlink", "iiiiii", func(g *Guest, v []uint64) errno { return g.readLink(a(v[0]), a(v[1]), a(v[2])) }},
	{"path_remove_directory", "iii", refusing([]int{0}, []int{1})},
	{"path_rename", "iiiiii", refusing([]int{0, 3}, []int{1, 4})},
	{"path_symlink", "iiiii", refusing([]int{2}, []int{0, 3})},
	{"path_unlink_file", "iii", refusing([]int{0}, []int{1})},
	{"poll_oneoff", "iiii", func(g *Guest, v []uint64) errno { return g.poll(a(v[0]), a(v[1]), a(v[2]), a(v[3])) }},
	{"proc_exit", "i", exit},
	{"proc_raise", "i", func(*Guest, []uint64) errno { return notSupported }},
	{"random_get", "ii", func(g *Guest, v []uint64) errno { return g.random(a(v[0]), a(v[1])) }},
	{"sched_yield", "", func(*Guest, []uint64) errno { return success }},
	{"sock_accept", "iii", always((*Guest).isOpen, notSocket)},
	{"sock_recv", "iiiiii", always((*Guest).isOpen, notSocket)},
	{"sock_send", "iiiii", always((*Guest).isOpen, notSocket)},
	{"sock_shutdown", "ii", always((*Guest).isOpen, notSocket)},
}
