package worker;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * env.clock_ms of one instance of a module that exports "run": see workers/clock.py. It returns virtual
 * milliseconds, of which {@code speed} pass within a real one of the guest's.
 */
final class GuestClock {
    /** What the first call returns: not 0, which a module might take for no time at all. */
    private static final long START_MS = 1000;

    private final double perNanosecond;
    private long calls;
    private long guest; // real ns of the guest since the first call
    private long stretch, left; // ns between the last two calls; when the last one ended
    private long ms, before; // what the last two calls returned

    GuestClock(double speed) {
        perNanosecond = speed / 1e6;
    }

    long now(long[] none) {
        long entered = System.nanoTime();
        if (calls++ > 0) guest += stretch = entered - left;
        before = ms;
        long value = ms = START_MS + (long) (guest * perNanosecond);
        left = System.nanoTime();
        return value;
    }

    /** The fact "returned" of a run that ended with this score. */
    Map<String, Object> returned(Number score) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("score", score == null ? null : score.doubleValue());
        found.put("clock_ms", calls > 1 ? ms - before : 0);
        found.put("clock_ns", stretch);
        found.put("calls", calls);
        return found;
    }
}
