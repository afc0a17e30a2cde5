package worker;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import wasi.Wasi;

/** What a worker reads of a module itself: what it imports and exports, and the names of its functions. */
public final class Module {
    private static final int IMPORTS = 2, EXPORTS = 7, CUSTOM = 0;
    private static final String[] KINDS = {"function", "table", "memory", "global", "tag"};

    private final byte[] data;
    private int at;
    private final Map<Integer, String> names = new HashMap<>();
    private final Set<String> exports = new HashSet<>();
    private String foreign;
    private int imported;
    private final List<String[]> imports = new ArrayList<>();

    private Module(byte[] data) {
        this.data = data;
    }

    /** Read as much of a module as can be read. */
    static Module of(byte[] data) {
        Module module = new Module(data);
        try {
            module.sections();
        } catch (IndexOutOfBoundsException error) {
            // The engine says what is wrong with it, or knows better.
        }
        return module;
    }

    /** The name of a function by its number among all, imported ones first. */
    public String function(int number) {
        return names.getOrDefault(number, "function " + number);
    }

    /** Functions that it imports, which come before its own. */
    public int imported() {
        return imported;
    }

    /** All that it imports: {namespace, name}. */
    public List<String[]> imports() {
        return imports;
    }

    boolean exports(String name) {
        return exports.contains("function " + name);
    }

    /** Why it is no WASI command; null where it is one. */
    String refusal() {
        if (foreign != null) return "it imports the " + foreign;
        for (String needed : new String[] {"function _start", "memory memory"}) {
            if (!exports.contains(needed)) return "not a WASI command: it exports no " + needed;
        }
        return null;
    }

    private void sections() {
        at = 8;
        while (at < data.length) {
            int id = data[at++];
            int size = number(), end = at + size;
            if (id == IMPORTS) readImports();
            if (id == EXPORTS) readExports();
            if (id == CUSTOM && text().equals("name")) functionNames(end);
            at = end;
        }
    }

    private int number() {
        int value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = data[at++];
            value |= (next & 0x7f) << shift;
            if (next >= 0) return value;
        }
    }

    private String text() {
        int size = number();
        if (size < 0 || size > data.length - at) throw new IndexOutOfBoundsException();
        at += size;
        return new String(data, at - size, size, StandardCharsets.UTF_8);
    }

    private void readImports() {
        for (int count = number(); count > 0; count--) {
            String namespace = text(), name = text();
            int kind = data[at++];
            if (kind == 0) imported++;
            imports.add(new String[] {namespace, name});
            boolean given = namespace.equals(Wasi.NAMESPACE) || namespace.equals(TimedPart.NAMESPACE);
            if ((kind != 0 || !given) && foreign == null) {
                foreign = KINDS[kind] + " " + namespace + "." + name;
            }
            skip(kind);
        }
    }

    /** What is imported: a function's type, a table's, limits, a global's type. */
    private void skip(int kind) {
        if (kind == 1) number();
        if (kind == 1 || kind == 2) {
            int flags = data[at++];
            number();
            if ((flags & 1) != 0) number();
        } else if (kind == 3) {
            at += 2;
        } else {
            if (kind == 4) at++;
            number();
        }
    }

    private void readExports() {
        for (int count = number(); count > 0; count--) {
            String name = text();
            exports.add(KINDS[data[at++]] + " " + name);
            number();
        }
    }

    private void functionNames(int end) {
        while (at < end) {
            int kind = data[at++];
            int size = number(), next = at + size;
            if (kind == 1) {
                for (int count = number(); count > 0; count--) {
                    int function = number();
                    names.put(function, text());
                }
            }
            at = next;
        }
    }
}
