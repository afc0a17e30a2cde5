package wasi;

import static wasi.Errno.BADF;
import static wasi.Errno.INVAL;
import static wasi.Errno.NAMETOOLONG;
import static wasi.Errno.NOTDIR;
import static wasi.Errno.NOTSOCK;
import static wasi.Errno.NOTSUP;
import static wasi.Errno.OK;
import static wasi.Errno.PERM;
import static wasi.Errno.SPIPE;
import static wasi.Wasi.at;
import static wasi.Wasi.i32;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import wasi.Descriptors.Descriptor;

/** What a guest can ask of a descriptor that it has; by paths: PathCalls. */
final class DescriptorCalls {
    private static final List<String> SOCKETS = List.of("sock_accept", "sock_recv", "sock_send", "sock_shutdown");

    private final Descriptors files;
    private final Supplier<Memory> memory;

    DescriptorCalls(Descriptors files, Supplier<Memory> memory) {
        this.files = files;
        this.memory = memory;
    }

    void addTo(Map<String, Wasi.Call> calls) {
        for (String name : SOCKETS) calls.put(name, a -> after(files.get(i32(a[0])), NOTSOCK));
        calls.put("fd_advise", a -> after(files.file(i32(a[0])), a[2] < 0 ? INVAL : OK));
        calls.put("fd_allocate", a -> after(files.file(i32(a[0])), NOTSUP));
        calls.put("fd_datasync", a -> after(files.file(i32(a[0])), OK));
        calls.put("fd_sync", a -> after(files.file(i32(a[0])), OK));
        calls.put("fd_filestat_set_size", a -> after(files.file(i32(a[0])), PERM));
        calls.put("fd_filestat_set_times", a -> {
            Descriptors.checkTimes(i32(a[3]));
            return after(files.stored(i32(a[0])), PERM);
        });
        calls.put("fd_fdstat_set_rights", a -> after(files.stored(i32(a[0])), NOTSUP));
        calls.put("fd_fdstat_set_flags", this::setFlags);
        calls.put("fd_fdstat_get", this::status);
        calls.put("fd_renumber", a -> {
            files.renumber(i32(a[0]), i32(a[1]));
            return OK;
        });
        calls.put("fd_close", a -> {
            files.close(i32(a[0]));
            return OK;
        });
        calls.put("fd_read", a -> {
            memory.get().set32(at(a[3]), files.read(i32(a[0]), memory.get(), at(a[1]), at(a[2])));
            return OK;
        });
        calls.put("fd_pread", a -> {
            memory.get().set32(at(a[4]), files.readAt(i32(a[0]), memory.get(), at(a[1]), at(a[2]), a[3]));
            return OK;
        });
        calls.put("fd_pwrite", a -> files.get(i32(a[0])).output != null ? SPIPE : BADF);
        calls.put("fd_seek", a -> {
            memory.get().set64(at(a[3]), files.seek(i32(a[0]), a[1], i32(a[2])));
            return OK;
        });
        calls.put("fd_tell", a -> {
            memory.get().set64(at(a[1]), files.seekable(i32(a[0])).position);
            return OK;
        });
        calls.put("fd_prestat_get", this::given);
        calls.put("fd_prestat_dir_name", this::givenName);
    }

    /** The number, once the descriptor was found. */
    private static long after(Descriptor found, int number) {
        return number;
    }

    private long setFlags(long[] a) {
        Descriptor file = files.file(i32(a[0]));
        if ((a[1] & Descriptors.SYNCS) != 0) return INVAL;
        file.flags = i32(a[1]);
        return OK;
    }

    private long status(long[] a) {
        Descriptor found = files.get(i32(a[0]));
        Memory given = memory.get();
        given.put(at(a[1]), new byte[24]);
        given.set8(at(a[1]), found.kind);
        given.set8(at(a[1]) + 2, found.flags);
        given.set64(at(a[1]) + 8, found.rights);
        given.set64(at(a[1]) + 16, found.inherited);
        return OK;
    }

    /** The first descriptor that is no given folder ends a guest's search for them. */
    private long given(long[] a) {
        if (!files.get(i32(a[0])).first) return BADF;
        memory.get().set32(at(a[1]), 0);
        memory.get().set32(at(a[1]) + 4, 1); // bytes of its name
        return OK;
    }

    private long givenName(long[] a) {
        if (!files.get(i32(a[0])).first) return NOTDIR;
        if (i32(a[2]) == 0) return NAMETOOLONG;
        memory.get().set8(at(a[1]), '/');
        return OK;
    }
}
