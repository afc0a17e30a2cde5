//! The functions of WASI preview 1. Source: wasi_snapshot_preview1.witx of WASI 0.1.

pub const NAMESPACE: &str = "wasi_snapshot_preview1";

/// Calls the macro of that name with `Function "name" (a: i32, …);` for each function but proc_exit, all of
/// which return an i32. proc_exit takes an i32 and returns nothing.
#[macro_export]
macro_rules! for_each_wasi_function {
    ($then:ident) => {
        $then! {
            ArgsGet "args_get" (a: i32, b: i32);
            ArgsSizesGet "args_sizes_get" (a: i32, b: i32);
            ClockResGet "clock_res_get" (a: i32, b: i32);
            ClockTimeGet "clock_time_get" (a: i32, b: i64, c: i32);
            EnvironGet "environ_get" (a: i32, b: i32);
            EnvironSizesGet "environ_sizes_get" (a: i32, b: i32);
            FdAdvise "fd_advise" (a: i32, b: i64, c: i64, d: i32);
            FdAllocate "fd_allocate" (a: i32, b: i64, c: i64);
            FdClose "fd_close" (a: i32);
            FdDatasync "fd_datasync" (a: i32);
            FdFdstatGet "fd_fdstat_get" (a: i32, b: i32);
            FdFdstatSetFlags "fd_fdstat_set_flags" (a: i32, b: i32);
            FdFdstatSetRights "fd_fdstat_set_rights" (a: i32, b: i64, c: i64);
            FdFilestatGet "fd_filestat_get" (a: i32, b: i32);
            FdFilestatSetSize "fd_filestat_set_size" (a: i32, b: i64);
            FdFilestatSetTimes "fd_filestat_set_times" (a: i32, b: i64, c: i64, d: i32);
            FdPread "fd_pread" (a: i32, b: i32, c: i32, d: i64, e: i32);
            FdPrestatDirName "fd_prestat_dir_name" (a: i32, b: i32, c: i32);
            FdPrestatGet "fd_prestat_get" (a: i32, b: i32);
            FdPwrite "fd_pwrite" (a: i32, b: i32, c: i32, d: i64, e: i32);
            FdRead "fd_read" (a: i32, b: i32, c: i32, d: i32);
            FdReaddir "fd_readdir" (a: i32, b: i32, c: i32, d: i64, e: i32);
            FdRenumber "fd_renumber" (a: i32, b: i32);
            FdSeek "fd_seek" (a: i32, b: i64, c: i32, d: i32);
            FdSync "fd_sync" (a: i32);
            FdTell "fd_tell" (a: i32, b: i32);
            FdWrite "fd_write" (a: i32, b: i32, c: i32, d: i32);
            PathCreateDirectory "path_create_directory" (a: i32, b: i32, c: i32);
            PathFilestatGet "path_filestat_get" (a: i32, b: i32, c: i32, d: i32, e: i32);
            PathFilestatSetTimes "path_filestat_set_times"
                (a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32);
            PathLink "path_link" (a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32);
            PathOpen "path_open"
                (a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32);
            PathReadlink "path_readlink" (a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
            PathRemoveDirectory "path_remove_directory" (a: i32, b: i32, c: i32);
            PathRename "path_rename" (a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
            PathSymlink "path_symlink" (a: i32, b: i32, c: i32, d: i32, e: i32);
            PathUnlinkFile "path_unlink_file" (a: i32, b: i32, c: i32);
            PollOneoff "poll_oneoff" (a: i32, b: i32, c: i32, d: i32);
            ProcRaise "proc_raise" (a: i32);
            RandomGet "random_get" (a: i32, b: i32);
            SchedYield "sched_yield" ();
            SockAccept "sock_accept" (a: i32, b: i32, c: i32);
            SockRecv "sock_recv" (a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
            SockSend "sock_send" (a: i32, b: i32, c: i32, d: i32, e: i32);
            SockShutdown "sock_shutdown" (a: i32, b: i32);
        }
    };
}

macro_rules! functions {
    ($($id:ident $name:literal ($($parameter:ident: $type:ident),*);)*) => {
        /// A function of WASI.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function {
            $($id,)*
            ProcExit,
        }

        impl Function {
            /// Its name, and the types of its parameters, "i32" or "i64"; all but the last return an i32.
            pub const ALL: &'static [(Function, &'static str, &'static [&'static str])] = &[
                $((Function::$id, $name, &[$(stringify!($type)),*]),)*
                (Function::ProcExit, "proc_exit", &["i32"]),
            ];
        }
    };
}
for_each_wasi_function!(functions);
