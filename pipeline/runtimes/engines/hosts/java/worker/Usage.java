package worker;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;

/**
 * What the thread that runs guests has used. Not what the process has: a JVM compiles in other threads, and
 * collects garbage of runs that are over.
 */
final class Usage {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    /** Of /proc/…/stat, in one second: the kernel has had no other for twenty years. */
    private static final double TICKS = 100;
    private static final int MINOR_FAULTS = 7, MAJOR_FAULTS = 9, SYSTEM = 12; // after the name

    /** Opened once, by that thread: it stays the one that opened it. */
    private final RandomAccessFile stat;
    private final byte[] text = new byte[1024];

    Usage() throws IOException {
        stat = new RandomAccessFile("/proc/thread-self/stat", "r");
    }

    /** Seconds so far, exact. */
    static double cpuSeconds() {
        return THREADS.getCurrentThreadCpuTime() / 1e9;
    }

    private String[] fields() {
        try {
            stat.seek(0);
            String line = new String(text, 0, Math.max(0, stat.read(text)), StandardCharsets.ISO_8859_1);
            return line.substring(line.lastIndexOf(')') + 2).split(" ");
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Of these in the kernel, to a hundredth of a second. */
    double systemSeconds() {
        return Long.parseLong(fields()[SYSTEM]) / TICKS;
    }

    /** Pages that it was given so far, at their first use. */
    long pageFaults() {
        String[] found = fields();
        return Long.parseLong(found[MINOR_FAULTS]) + Long.parseLong(found[MAJOR_FAULTS]);
    }
}
