package worker;

import wasi.Wasi;

/** The part of a run that a module says is timed: see workers/bench.py. */
final class TimedPart {
    static final String NAMESPACE = "bench";

    private int calls;
    private long started, ended;

    /** The function of this name; null where there is none. */
    Wasi.Call call(String name) {
        if (name.equals("start")) {
            return none -> {
                calls++;
                return started = System.nanoTime();
            };
        }
        if (!name.equals("end")) return null;
        return none -> {
            ended = System.nanoTime();
            return calls++;
        };
    }

    /** Null unless a part was begun and ended once. */
    Double seconds() {
        return calls == 2 && started != 0 && started <= ended ? (Double) ((ended - started) / 1e9) : null;
    }
}
