package wasi;

import static wasi.Errno.failed;

import java.util.ArrayList;
import java.util.List;

/**
 * What a guest has open: its input and outputs, and files below "/". What fails throws Failed. All answers are
 * those of Wasmtime with a folder that is read-only: tests/contract/test_wasi.py.
 */
final class Descriptors {
    static final int CREAT = 1, ONLY_DIRECTORY = 2, TRUNC = 8;
    static final int APPEND = 1, NONBLOCK = 4, SYNCS = 2 | 8 | 16;
    static final long READ = 1L << 1, WRITE = 1L << 6;
    /** Descriptors that a guest may have. */
    private static final int MOST_OPEN = 256;
    /** Of a file, of a folder that was opened, of the folder "/", and of what is opened by it. */
    private static final long FILE_RIGHTS = 0x3fffffbfL, FOLDER_RIGHTS = 0x3fb7ffbbL;
    private static final long ROOT_RIGHTS = 0x7b7fe00L, BELOW_ROOT = 0xff7ffffL;

    /** Something that is open. */
    static final class Descriptor {
        final int kind;
        final long rights, inherited;
        /** Of files and folders. */
        String name;
        /** Whether it is the folder that the guest is given. */
        boolean first;
        /** Of files and of standard input. */
        byte[] content;
        long position;
        int flags;
        /** Of standard outputs. */
        Output output;

        Descriptor(int kind, long rights, long inherited) {
            this.kind = kind;
            this.rights = rights;
            this.inherited = inherited;
        }
    }

    private final Tree tree;
    private final List<Descriptor> opened = new ArrayList<>();

    /** {@code tree} is null for a guest without files. */
    Descriptors(byte[] stdin, Output stdout, Output stderr, Tree tree) {
        this.tree = tree;
        Descriptor input = new Descriptor(Errno.UNKNOWN, READ, READ);
        input.content = stdin;
        opened.add(input);
        for (Output each : List.of(stdout, stderr)) {
            Descriptor output = new Descriptor(Errno.UNKNOWN, WRITE, WRITE);
            output.output = each;
            opened.add(output);
        }
        if (tree != null) {
            Descriptor root = new Descriptor(Errno.DIRECTORY, ROOT_RIGHTS, BELOW_ROOT);
            root.name = "";
            root.first = true;
            opened.add(root);
        }
    }

    Descriptor get(int fd) {
        Descriptor found = fd < 0 || fd >= opened.size() ? null : opened.get(fd);
        if (found == null) throw failed(Errno.BADF);
        return found;
    }

    private Descriptor of(int fd, int kind) {
        Descriptor found = get(fd);
        if (found.kind != kind) throw failed(Errno.BADF);
        return found;
    }

    Descriptor file(int fd) {
        return of(fd, Errno.REGULAR_FILE);
    }

    Descriptor folder(int fd) {
        return of(fd, Errno.DIRECTORY);
    }

    /** A file or a folder. */
    Descriptor stored(int fd) {
        Descriptor found = get(fd);
        if (found.kind == Errno.UNKNOWN) throw failed(Errno.BADF);
        return found;
    }

    /** A file in which there are positions. */
    Descriptor seekable(int fd) {
        Descriptor found = get(fd);
        if (found.kind == Errno.UNKNOWN) throw failed(Errno.SPIPE);
        return file(fd);
    }

    /** The number of a descriptor: the highest that was closed, or a new one. */
    private int add(Descriptor descriptor) {
        int fd = opened.lastIndexOf(null);
        if (fd >= 0) {
            opened.set(fd, descriptor);
            return fd;
        }
        if (opened.size() == MOST_OPEN) throw failed(Errno.MFILE);
        opened.add(descriptor);
        return opened.size() - 1;
    }

    void close(int fd) {
        get(fd);
        opened.set(fd, null);
    }

    void renumber(int from, int to) {
        get(to);
        Descriptor moved = get(from);
        if (from == to) return;
        opened.set(to, moved);
        opened.set(from, null);
    }

    int open(int fd, String path, int how, long rights, int flags) {
        Descriptor from = get(fd);
        if (from.kind != Errno.DIRECTORY) {
            throw failed(from.kind == Errno.REGULAR_FILE ? Errno.NOTDIR : Errno.BADF);
        }
        if ((flags & SYNCS) != 0) throw failed(Errno.NOTSUP);
        if ((how & (CREAT | TRUNC)) != 0 || (rights & WRITE) != 0) throw failed(Errno.PERM);
        String name = tree.find(from.name, path);
        boolean folder = tree.kind(name) == Errno.DIRECTORY;
        if (!folder && (how & ONLY_DIRECTORY) != 0) throw failed(Errno.NOTDIR);
        long allowed = folder ? FOLDER_RIGHTS : FILE_RIGHTS;
        Descriptor made = new Descriptor(tree.kind(name), allowed, allowed);
        made.name = name;
        if (!folder) {
            made.content = tree.content(name);
            made.flags = flags & (APPEND | NONBLOCK);
        }
        return add(made);
    }

    /** No flags say of one time both that it is given and that it is now. */
    static void checkTimes(int flags) {
        if ((flags & flags >> 1 & 5) != 0) throw failed(Errno.INVAL);
    }

    /** Fill the pieces of memory in a list with what comes next; the number of bytes, 0 at the end. */
    int read(int fd, Memory memory, long list, long pieces) {
        Descriptor file = get(fd);
        if (file.content == null) throw failed(Errno.BADF);
        int count = fill(file.content, file.position, memory, memory.pieces(list, pieces));
        file.position += count;
        return count;
    }

    /** The same with what is at a position. */
    int readAt(int fd, Memory memory, long list, long pieces, long position) {
        Descriptor file = get(fd);
        if (file.content == null) throw failed(Errno.BADF);
        if (file.kind == Errno.UNKNOWN) throw failed(Errno.SPIPE);
        return fill(file.content, position, memory, memory.pieces(list, pieces));
    }

    private static int fill(byte[] content, long from, Memory memory, long[][] pieces) {
        if (from < 0) throw failed(Errno.INVAL);
        long position = from;
        for (long[] piece : pieces) {
            if (position + piece[1] < 0) throw failed(Errno.INVAL); // its end has no number
            int count = (int) Math.max(0, Math.min(piece[1], content.length - position));
            if (count > 0) memory.write(piece[0], content, (int) position, count);
            position += count;
        }
        return (int) (position - from);
    }

    long seek(int fd, long offset, int whence) {
        Descriptor file = seekable(fd);
        if (whence < 0 || whence > 2) throw failed(Errno.INVAL);
        long from = whence == 0 ? 0 : whence == 1 ? file.position : file.content.length;
        long position = from + offset;
        if (position < 0) throw failed(Errno.INVAL); // also what is above the largest number
        return file.position = position;
    }

    long size(Descriptor found) {
        return found.kind == Errno.REGULAR_FILE ? found.content.length : 0;
    }
}
