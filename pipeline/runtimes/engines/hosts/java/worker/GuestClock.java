package worker;

import java.util.LinkedHashMap;
import java.util.Map;
import wasi.Wasi;

/**
 * A clock of the guest's own: see workers/clock.py. {@code speed} ns of it pass within a real one of the guest's, and
 * none while the host answers.
 */
final class GuestClock implements Wasi.Clock {
    /** What the first call returns: not 0, which a module might take for no time at all. */
    private static final long START_MS = 1000;
    private static final long MILLISECOND = 1_000_000; // ns

    private final double speed;
    private final long epoch = System.currentTimeMillis() * MILLISECOND;
    private long calls;
    private long guest; // real ns of the guest since the first call
    private long stretch, left; // ns between the last two calls; when the last one ended
    private long shown, before; // what the last two calls came to, ns

    GuestClock(double speed) {
        this.speed = speed;
    }

    /** Ns since the first call, in steps of so many; left() must follow. */
    private long enter(long step) {
        long entered = System.nanoTime();
        if (calls++ > 0) guest += stretch = entered - left;
        before = shown;
        return shown = (long) (guest * speed) / step * step;
    }

    @Override
    public void left() {
        left = System.nanoTime();
    }

    @Override
    public long shows(long id) {
        return enter(1) + (id == 0 ? epoch : START_MS * MILLISECOND);
    }

    /** env.clock_ms. */
    long now(long[] none) {
        long value = START_MS + enter(MILLISECOND) / MILLISECOND;
        left();
        return value;
    }

    /** The fact "returned" of a run that ended with this score; null for one without. */
    Map<String, Object> returned(Number score) {
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("score", score == null ? null : score.doubleValue());
        found.put("clock_ms", calls > 1 ? (shown - before) / MILLISECOND : 0);
        found.put("clock_ns", stretch);
        found.put("calls", calls);
        return found;
    }
}
