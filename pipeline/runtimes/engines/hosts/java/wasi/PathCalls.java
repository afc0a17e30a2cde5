package wasi;

import static wasi.Errno.ILSEQ;
import static wasi.Errno.INVAL;
import static wasi.Errno.OK;
import static wasi.Errno.PERM;
import static wasi.Errno.failed;
import static wasi.Wasi.at;
import static wasi.Wasi.i32;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import wasi.Descriptors.Descriptor;

/** What a guest can ask of the folders that it has, and of the files in them. */
final class PathCalls {
    /** What would change something below a folder, and where among its arguments folders and paths are. */
    private static final Map<String, int[][]> CHANGES = Map.of(
            "path_create_directory", new int[][] {{0}, {1}},
            "path_filestat_set_times", new int[][] {{0}, {2}},
            "path_link", new int[][] {{0, 4}, {2, 5}},
            "path_remove_directory", new int[][] {{0}, {1}},
            "path_rename", new int[][] {{0, 3}, {1, 4}},
            "path_symlink", new int[][] {{2}, {0, 3}},
            "path_unlink_file", new int[][] {{0}, {1}});
    /** Bytes of a folder's entry before its name, and of what is told of a file. */
    private static final int ENTRY = 24, STATUS = 64;

    private final Descriptors files;
    private final Tree tree;
    private final Supplier<Memory> memory;

    PathCalls(Descriptors files, Tree tree, Supplier<Memory> memory) {
        this.files = files;
        this.tree = tree;
        this.memory = memory;
    }

    void addTo(Map<String, Wasi.Call> calls) {
        CHANGES.forEach((name, places) -> calls.put(name, a -> {
            if (name.equals("path_filestat_set_times")) Descriptors.checkTimes(i32(a[6]));
            for (int place : places[0]) files.folder(i32(a[place]));
            for (int place : places[1]) path(a[place], a[place + 1]);
            return PERM;
        }));
        calls.put("fd_filestat_get", this::status);
        calls.put("fd_readdir", this::list);
        calls.put("path_open", a -> {
            String path = path(a[2], a[3]);
            memory.get().set32(at(a[8]), files.open(i32(a[0]), path, i32(a[4]), a[5], i32(a[7])));
            return OK;
        });
        calls.put("path_filestat_get", a -> {
            String name = tree.find(files.folder(i32(a[0])).name, path(a[2], a[3]));
            return put(at(a[4]), name);
        });
        calls.put("path_readlink", a -> {
            tree.find(files.folder(i32(a[0])).name, path(a[1], a[2]));
            return INVAL; // there are no links
        });
    }

    private String path(long start, long size) {
        ByteBuffer bytes = ByteBuffer.wrap(memory.get().bytes(at(start), at(size)));
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException error) {
            throw failed(ILSEQ);
        }
    }

    private long status(long[] a) {
        Descriptor found = files.get(i32(a[0]));
        if (found.kind != Errno.UNKNOWN) return put(at(a[1]), found.name);
        memory.get().put(at(a[1]), new byte[STATUS]);
        return OK;
    }

    /** What is told of a file or folder: no device, one link, and no time. */
    private long put(long place, String name) {
        int kind = tree.kind(name);
        byte[] content = tree.content(name);
        ByteBuffer told = ByteBuffer.allocate(STATUS).order(ByteOrder.LITTLE_ENDIAN);
        told.putLong(0, 1).putLong(8, tree.inode(name, kind)).put(16, (byte) kind).putLong(24, 1);
        told.putLong(32, content == null ? 0 : content.length);
        memory.get().put(place, told.array());
        return OK;
    }

    /** As many entries as there is room for, the last one cut off. */
    private long list(long[] a) {
        List<Tree.Entry> entries = tree == null ? List.of() : tree.list(files.folder(i32(a[0])).name);
        if (tree == null) files.folder(i32(a[0]));
        long size = at(a[2]), used = 0;
        // A cookie has no sign: a negative one is beyond the end.
        for (long i = a[3] < 0 ? entries.size() : a[3]; i < entries.size() && used < size; i++) {
            Tree.Entry entry = entries.get((int) i);
            byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
            ByteBuffer told = ByteBuffer.allocate(ENTRY + name.length).order(ByteOrder.LITTLE_ENDIAN);
            told.putLong(0, i + 1).putLong(8, entry.inode).putInt(16, name.length).put(20, (byte) entry.kind);
            System.arraycopy(name, 0, told.array(), ENTRY, name.length);
            int part = (int) Math.min(told.capacity(), size - used);
            memory.get().write(at(a[1]) + used, told.array(), 0, part);
            used += part;
        }
        memory.get().set32(at(a[4]), used);
        return OK;
    }
}
