package wasi;

import static wasi.Errno.failed;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Files in memory, which a guest can only read. Names are relative to its folder "/", which is "". */
public final class Tree {
    /** Bytes of a path, and of a name in it, as Linux has them. */
    private static final int LONGEST_PATH = 4095, LONGEST_NAME = 255;

    private final SortedMap<String, byte[]> files = new TreeMap<>();
    /** {folder: {name in it: its kind}}. */
    private final Map<String, SortedMap<String, Integer>> folders = new TreeMap<>();

    /** The regular files below a folder of the machine, without those behind links. */
    public static Tree of(Path folder) throws IOException {
        Tree tree = new Tree();
        tree.folders.put("", new TreeMap<>());
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) all::iterator) {
                if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                    tree.add(folder.relativize(path).toString(), Files.readAllBytes(path));
                }
            }
        }
        return tree;
    }

    private void add(String name, byte[] content) {
        files.put(name, content);
        int kind = Errno.REGULAR_FILE;
        for (String below = name; !below.isEmpty(); kind = Errno.DIRECTORY) {
            int slash = below.lastIndexOf('/');
            String folder = slash < 0 ? "" : below.substring(0, slash);
            folders.computeIfAbsent(folder, none -> new TreeMap<>()).put(below.substring(slash + 1), kind);
            below = folder;
        }
    }

    byte[] content(String name) {
        return files.get(name);
    }

    /** A number of its own for each file and folder. */
    long inode(String name, int kind) {
        Iterable<String> names = kind == Errno.DIRECTORY ? folders.keySet() : files.keySet();
        long number = kind == Errno.DIRECTORY ? 1 : 2;
        for (String each : names) {
            if (each.equals(name)) break;
            number += 2;
        }
        return number;
    }

    int kind(String name) {
        return folders.containsKey(name) ? Errno.DIRECTORY : Errno.REGULAR_FILE;
    }

    /** Something in a folder. */
    static final class Entry {
        final String name;
        final long inode;
        final int kind;

        Entry(String name, long inode, int kind) {
            this.name = name;
            this.inode = inode;
            this.kind = kind;
        }
    }

    /** All that is in a folder. */
    List<Entry> list(String folder) {
        List<Entry> found = new ArrayList<>();
        for (String own : List.of(".", "..")) {
            found.add(new Entry(own, inode(folder, Errno.DIRECTORY), Errno.DIRECTORY));
        }
        folders.getOrDefault(folder, Collections.emptySortedMap()).forEach((name, kind) -> {
            found.add(new Entry(name, inode(folder.isEmpty() ? name : folder + "/" + name, kind), kind));
        });
        return found;
    }

    /** The name of the file or folder to which a path from a folder leads, part by part; throws Failed. */
    String find(String folder, String path) {
        if (path.isEmpty()) throw failed(Errno.NOENT);
        if (path.indexOf('\0') >= 0) throw failed(Errno.INVAL);
        if (bytes(path) > LONGEST_PATH) throw failed(Errno.NAMETOOLONG);
        if (path.startsWith("/")) throw failed(Errno.PERM);
        List<String> parts = new ArrayList<>();
        boolean first = true;
        for (String word : path.split("/", -1)) {
            String here = join(folder, parts);
            boolean plain = word.isEmpty() || word.equals(".");
            if (!folders.containsKey(here) && !(plain && first)) {
                throw failed(files.containsKey(here) ? Errno.NOTDIR : Errno.NOENT);
            }
            first = false;
            if (bytes(word) > LONGEST_NAME) throw failed(Errno.NAMETOOLONG);
            if (word.equals("..")) {
                if (parts.isEmpty()) throw failed(Errno.PERM);
                parts.remove(parts.size() - 1);
            } else if (!plain) {
                parts.add(word);
            }
        }
        String name = join(folder, parts);
        if (!folders.containsKey(name) && !files.containsKey(name)) throw failed(Errno.NOENT);
        return name;
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static String join(String folder, List<String> parts) {
        String below = String.join("/", parts);
        return folder.isEmpty() || below.isEmpty() ? folder + below : folder + "/" + below;
    }
}
