import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.PolyglotException;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;
import org.graalvm.polyglot.proxy.ProxyExecutable;
import org.graalvm.polyglot.proxy.ProxyObject;
import wasi.Memory;
import wasi.Wasi;
import worker.Engine;
import worker.Module;
import worker.Worker;

/** GraalWasm: compiled by Graal while it runs, where the JVM lets it, or interpreted. */
public final class Host implements Engine {
    /** Seconds of runs after which something of a guest must have been compiled. */
    private static final double PATIENCE = 30;
    /** How the names of its own functions begin, which call a guest's for the host. */
    private static final String ADAPTER = "wasm-function-interop:";

    private org.graalvm.polyglot.Engine engine;
    private Source source;
    private boolean wide;
    /** Null where nothing is compiled. */
    private Compilations compilations;
    private double spent;

    public static void main(String[] arguments) throws InterruptedException {
        Worker.serve(new Host(), arguments);
    }

    @Override
    public String name() {
        return "graalwasm";
    }

    @Override
    public String version() {
        return Worker.version("org.graalvm.wasm", "wasm-language");
    }

    private static org.graalvm.polyglot.Engine make(Compilations compilations) {
        org.graalvm.polyglot.Engine.Builder builder = org.graalvm.polyglot.Engine.newBuilder("wasm")
                .allowExperimentalOptions(true);
        if (compilations == null) return builder.option("engine.WarnInterpreterOnly", "false").build();
        return builder.option("engine.TraceCompilation", "true").logHandler(compilations).build();
    }

    @Override
    public Map<String, Object> load(byte[] data, Module module, Map<String, Object> options)
            throws Refused, Unavailable {
        boolean compiled = "compiled".equals(options.get("compiler"));
        wide = "i64".equals(options.get("clock"));
        spent = 0;
        long started = System.nanoTime();
        compilations = compiled ? new Compilations() : null;
        try {
            engine = make(compilations);
        } catch (IllegalArgumentException error) { // it knows no such option: there is no compiler
            throw new Unavailable("GraalWasm compiles on a JDK with JVMCI only: " + error.getMessage());
        }
        Map<String, Object> proof = new LinkedHashMap<>();
        proof.put("implementation", engine.getImplementationName());
        proof.put("loop", Compilations.probe(engine, compilations));
        double runtime = (System.nanoTime() - started) / 1e9;
        source = Source.newBuilder("wasm", ByteSequence.create(data), "guest").buildLiteral();
        started = System.nanoTime();
        try (Context context = context()) {
            context.eval(source);
        } catch (PolyglotException error) {
            throw new Refused(error.getMessage());
        }
        // Where it compiles, that is but a part of it.
        Double seconds = compiled ? null : (Double) ((System.nanoTime() - started) / 1e9);
        Map<String, Object> facts = Worker.facts(seconds, version(), proof);
        facts.put("runtime_seconds", runtime);
        return facts;
    }

    @Override
    public String wrong() {
        return compilations == null ? null : compilations.wrong(spent > PATIENCE);
    }

    private Context context() {
        return Context.newBuilder("wasm").engine(engine).allowExperimentalOptions(true).build();
    }

    /** The imports of the source's module, as it names them when it is given them. */
    private ProxyObject given(Imports imports, Module module) {
        Map<String, Object> spaces = new LinkedHashMap<>();
        for (String[] wanted : module.imports()) {
            Wasi.Call call = imports.find(wanted[0], wanted[1]);
            if (call == null) continue; // the engine says that it misses it
            boolean command = wanted[0].equals(Wasi.NAMESPACE), empty = wanted[0].equals("bench");
            @SuppressWarnings("unchecked") // of our own
            Map<String, Object> space = (Map<String, Object>) spaces.computeIfAbsent(wanted[0], none -> new LinkedHashMap<>());
            space.put(wanted[1], (ProxyExecutable) arguments -> {
                long[] numbers = new long[arguments.length];
                for (int i = 0; i < numbers.length; i++) numbers[i] = arguments[i].asLong();
                long result = call.of(numbers);
                if (empty) return null;
                if (command || !wide) return (int) result;
                return result;
            });
        }
        spaces.replaceAll((name, space) -> {
            @SuppressWarnings("unchecked") // of our own
            Map<String, Object> functions = (Map<String, Object>) space;
            return ProxyObject.fromMap(functions);
        });
        return ProxyObject.fromMap(spaces);
    }

    @Override
    public Guest open(Imports imports, Module module) throws Trap {
        Context context = context();
        try {
            Value instance = context.eval(source).newInstance(given(imports, module));
            return new Opened(context, instance.getMember("exports"));
        } catch (PolyglotException error) {
            Trap trap = trap(error);
            context.close(true);
            throw trap;
        }
    }

    private static Trap trap(PolyglotException error) {
        List<String> called = new ArrayList<>();
        for (PolyglotException.StackFrame frame : error.getPolyglotStackTrace()) {
            if (frame.isGuestFrame() && !frame.getRootName().startsWith(ADAPTER)) called.add(frame.getRootName());
        }
        Throwable host = error.isHostException() ? error.asHostException() : null;
        return new Trap(host == null ? error.getMessage() : host.getMessage(), called);
    }

    /** An instance, as the worker uses it. */
    private final class Opened implements Guest {
        private final Context context;
        private final Value exports;
        private final Memory memory;

        Opened(Context context, Value exports) {
            this.context = context;
            this.exports = exports;
            Value named = exports.getMember("memory");
            memory = named != null && named.hasBufferElements() ? new Linear(named) : null;
        }

        @Override
        public Memory memory() {
            return memory;
        }

        @Override
        public void start() {
            // An instance of this engine is made by that.
        }

        @Override
        public Number call(String export) throws Trap {
            long started = System.nanoTime();
            try {
                Value result = exports.getMember(export).execute();
                return result.isNumber() ? result.asDouble() : null;
            } catch (PolyglotException error) {
                throw trap(error);
            } finally {
                spent += (System.nanoTime() - started) / 1e9;
            }
        }

        @Override
        public void close() {
            context.close(true);
        }
    }

    /** Its memory, which stays the same object when it grows. */
    private static final class Linear extends Memory {
        private final Value memory;

        Linear(Value memory) {
            this.memory = memory;
        }

        @Override
        public long size() {
            return memory.getBufferSize();
        }

        @Override
        protected void copyOut(long at, byte[] to, int start, int count) {
            memory.readBuffer(at, to, start, count);
        }

        @Override
        protected void copyIn(long at, byte[] from, int start, int count) {
            for (int i = 0; i < count; i++) memory.writeBufferByte(at + i, from[start + i]);
        }
    }
}
