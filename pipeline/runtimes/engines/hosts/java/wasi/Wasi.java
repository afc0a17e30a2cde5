package wasi;

import static wasi.Errno.BADF;
import static wasi.Errno.INVAL;
import static wasi.Errno.OK;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;

/**
 * WASI preview 1 for one run of a command, for any engine; files only to read. An engine gives a call all its
 * arguments as longs, of 32 bits with or without a sign, and hands on the number that comes back.
 */
public final class Wasi {
    public static final String NAMESPACE = "wasi_snapshot_preview1";

    /** A function of the host. */
    @FunctionalInterface
    public interface Call {
        /** Throws Exit, and Memory.Outside. */
        long of(long[] arguments);
    }

    /** A clock of the guest's own, in place of the machine's. */
    public interface Clock {
        /** The ns of one of WASI's clocks; left() must follow. */
        long shows(long id);

        /** The host has answered. */
        void left();
    }

    /** The guest ended itself. */
    public static final class Exit extends RuntimeException {
        private static final long serialVersionUID = 1;
        public final long code;

        Exit(long code) {
            super("exit status " + code, null, false, false);
            this.code = code;
        }
    }

    /** The last of its clocks. */
    private static final int THREAD_CPU = 3;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final long REALTIME_OFFSET = System.currentTimeMillis() * 1_000_000 - System.nanoTime();

    private final Supplier<Memory> memory;
    private final Map<String, Call> calls = new HashMap<>();
    private final byte[][] words, variables;
    private final Descriptors files;
    /** The exit status that the guest gave; null before. */
    private Exit exit;
    /** Null for the machine's. */
    private Clock clock;
    private long count;

    /**
     * {@code memory} gives the guest's, once there is one. {@code tree} is null for a guest without files.
     */
    public Wasi(List<String> argv, Map<String, String> environment, byte[] stdin, Tree tree, Output stdout,
            Output stderr, Supplier<Memory> memory) {
        this.memory = memory;
        words = argv.stream().map(Wasi::terminated).toArray(byte[][]::new);
        variables = environment.entrySet().stream()
                .map(each -> terminated(each.getKey() + "=" + each.getValue())).toArray(byte[][]::new);
        files = new Descriptors(stdin, stdout, stderr, tree);
        calls.put("args_sizes_get", a -> sizes(words, a));
        calls.put("args_get", a -> strings(words, a));
        calls.put("environ_sizes_get", a -> sizes(variables, a));
        calls.put("environ_get", a -> strings(variables, a));
        calls.put("clock_res_get", this::clockResolution);
        calls.put("clock_time_get", this::clockTime);
        calls.put("random_get", this::random);
        calls.put("fd_write", this::write);
        calls.put("sched_yield", a -> OK);
        calls.put("proc_raise", a -> Errno.NOTSUP);
        calls.put("proc_exit", this::end);
        new DescriptorCalls(files, memory).addTo(calls);
        new PathCalls(files, tree, memory).addTo(calls);
        calls.put("poll_oneoff", new Poll(files, memory)::oneoff);
    }

    /** The function of a name, which counts its calls. */
    public Call call(String name) {
        Call known = calls.getOrDefault(name, a -> Errno.NOSYS);
        return arguments -> {
            count++;
            try {
                return known.of(arguments);
            } catch (Errno.Failed error) {
                return error.number;
            }
        };
    }

    /** Calls that the guest has made. */
    public long count() {
        return count;
    }

    /** How the guest ended itself; null where it did not. */
    public Exit exit() {
        return exit;
    }

    static int i32(long value) {
        return (int) value;
    }

    /** Where in memory, of a pointer. */
    static long at(long value) {
        return value & 0xffffffffL;
    }

    static long nanoseconds(boolean realtime) {
        return System.nanoTime() + (realtime ? REALTIME_OFFSET : 0);
    }

    private static byte[] terminated(String text) {
        return (text + "\0").getBytes(StandardCharsets.UTF_8);
    }

    private int sizes(byte[][] strings, long[] a) {
        long size = 0;
        for (byte[] string : strings) size += string.length;
        memory.get().set32(at(a[0]), strings.length);
        memory.get().set32(at(a[1]), size);
        return OK;
    }

    private int strings(byte[][] strings, long[] a) {
        long pointers = at(a[0]), buffer = at(a[1]);
        for (byte[] string : strings) {
            memory.get().set32(pointers, buffer);
            memory.get().put(buffer, string);
            pointers += 4;
            buffer += string.length;
        }
        return OK;
    }

    private long clockResolution(long[] a) {
        if (at(a[0]) > THREAD_CPU) return INVAL;
        memory.get().set64(at(a[1]), 1);
        return OK;
    }

    /** For the run that begins. */
    public void setClock(Clock given) {
        clock = given;
    }

    private long clockTime(long[] a) {
        if (at(a[0]) > THREAD_CPU) return INVAL;
        if (clock != null) {
            memory.get().set64(at(a[2]), clock.shows(a[0]));
            clock.left();
            return OK;
        }
        // Of the last two, both of this thread: a guest has no other.
        long now = a[0] > 1 ? THREADS.getCurrentThreadCpuTime() : nanoseconds(a[0] == 0);
        memory.get().set64(at(a[2]), now);
        return OK;
    }

    private long random(long[] a) {
        Memory given = memory.get();
        given.check(at(a[0]), at(a[1]));
        byte[] bytes = new byte[(int) at(a[1])];
        ThreadLocalRandom.current().nextBytes(bytes);
        given.put(at(a[0]), bytes);
        return OK;
    }

    private long write(long[] a) {
        Output output = files.get(i32(a[0])).output;
        if (output == null) return BADF;
        long total = 0;
        for (long[] piece : memory.get().pieces(at(a[1]), at(a[2]))) {
            output.add(memory.get(), piece[0], piece[1]);
            total += piece[1];
        }
        memory.get().set32(at(a[3]), total);
        return OK;
    }

    private long end(long[] a) {
        exit = new Exit(at(a[0]));
        throw exit;
    }
}
