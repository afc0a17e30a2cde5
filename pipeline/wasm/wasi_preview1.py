"""The functions of WASI preview 1 and their types. Source: wasi_snapshot_preview1.witx of WASI 0.1."""

from __future__ import annotations

NAMESPACE = "wasi_snapshot_preview1"

#: {function: its parameters; "i" is i32, "I" is i64}. All but proc_exit return one i32, an error number.
_PARAMETERS = {
    "args_get": "ii",
    "args_sizes_get": "ii",
    "clock_res_get": "ii",
    "clock_time_get": "iIi",
    "environ_get": "ii",
    "environ_sizes_get": "ii",
    "fd_advise": "iIIi",
    "fd_allocate": "iII",
    "fd_close": "i",
    "fd_datasync": "i",
    "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII",
    "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi",
    "fd_pread": "iiiIi",
    "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii",
    "fd_pwrite": "iiiIi",
    "fd_read": "iiii",
    "fd_readdir": "iiiIi",
    "fd_renumber": "ii",
    "fd_seek": "iIii",
    "fd_sync": "i",
    "fd_tell": "ii",
    "fd_write": "iiii",
    "path_create_directory": "iii",
    "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii",
    "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii",
    "path_remove_directory": "iii",
    "path_rename": "iiiiii",
    "path_symlink": "iiiii",
    "path_unlink_file": "iii",
    "poll_oneoff": "iiii",
    "proc_exit": "i",
    "proc_raise": "i",
    "random_get": "ii",
    "sched_yield": "",
    "sock_accept": "iii",
    "sock_recv": "iiiiii",
    "sock_send": "iiiii",
    "sock_shutdown": "ii",
}
_WORDS = {"i": "i32", "I": "i64"}


def _type(name: str, parameters: str) -> str:
    words = [f"(param {' '.join(_WORDS[letter] for letter in parameters)})"] if parameters else []
    return f"({' '.join(['func', *words, *([] if name == 'proc_exit' else ['(result i32)'])])})"


#: {function: its type as wasm-tools prints it, "(func (param i32 i32) (result i32))"}.
FUNCTIONS: dict[str, str] = {name: _type(name, parameters) for name, parameters in _PARAMETERS.items()}
