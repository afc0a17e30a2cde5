import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;

/** What an engine says of its compiler's work (engine.TraceCompilation): what was compiled, and what failed. */
final class Compilations extends Handler {
    /** Seconds for which a hot loop is waited for until it is compiled. */
    private static final double MOST = 30;
    /** A module whose export "f" is a loop of as many rounds as its argument says. */
    private static final byte[] LOOP = {
        0, 'a', 's', 'm', 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 'f', 0, 0,
        10, 27, 1, 25, 1, 1, 0x7f, 3, 0x40, 0x20, 0, 0x20, 1, 0x6a, 0x21, 1,
        0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1, 0x0b,
    };

    private int done;
    private final List<String> failed = new ArrayList<>();
    private int before;

    @Override
    public synchronized void publish(LogRecord record) {
        String text = String.valueOf(record.getMessage());
        if (text.startsWith("opt done")) done++;
        else if (text.startsWith("opt failed")) failed.add(text.replaceAll("\\s+", " "));
    }

    @Override
    public void flush() {
        // Nothing is kept back.
    }

    @Override
    public void close() {
        // Nor open.
    }

    private synchronized int done() {
        return done;
    }

    /** What is wrong: something was not compiled, or nothing although it {@code must}; null for nothing. */
    synchronized String wrong(boolean must) {
        if (!failed.isEmpty()) return "the compiler failed: " + failed.get(0);
        return must && done == before ? "nothing of it was compiled" : null;
    }

    /** Run a loop until it is compiled, or for a while without a compiler: "compiled" or "interpreted". */
    static String probe(org.graalvm.polyglot.Engine engine, Compilations seen) {
        Source source = Source.newBuilder("wasm", ByteSequence.create(LOOP), "loop").buildLiteral();
        try (Context context = Context.newBuilder("wasm").engine(engine).build()) {
            Value loop = context.eval(source).newInstance().getMember("exports").getMember("f");
            long end = System.nanoTime() + (long) ((seen == null ? 0.2 : MOST) * 1e9);
            while (System.nanoTime() < end && (seen == null || seen.done() == 0)) loop.execute(100_000);
        }
        if (seen == null || seen.done() == 0) return "interpreted";
        seen.before = seen.done();
        return "compiled";
    }
}
