package worker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wasi.Memory;
import wasi.Output;
import wasi.Tree;
import wasi.Wasi;

/** Runs of the module that a request to load named, as its options say; see workers/serve.py. */
final class Run {
    /** Bytes of output that are passed on, of standard error, characters of a message, functions of a trap. */
    private static final int OUTPUT = 1 << 20, STDERR = 4096, MESSAGE = 500, FUNCTIONS = 32, NAME = 200;
    /** Bytes of dropped memories after which garbage is collected, between runs. */
    private static final long GARBAGE = 64L << 20;
    /** What such a module may export: called once in each instance, before "run", and not timed. */
    private static final String INITIALIZE = "_initialize";

    private final Engine engine;
    private final Usage usage;
    private final Module module;
    private final byte[] standardInput;
    private final Tree tree;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final int outputLimit;
    private final boolean command;
    private long garbage;

    Run(Engine engine, Usage usage, Module module, Map<String, Object> options) throws IOException {
        this.engine = engine;
        this.usage = usage;
        this.module = module;
        Object stdin = options.get("stdin"), files = options.get("files"), env = options.get("env");
        standardInput = stdin == null ? new byte[0] : Files.readAllBytes(Path.of(stdin.toString()));
        tree = files == null ? null : Tree.of(Path.of(files.toString()));
        if (env != null) ((Map<?, ?>) env).forEach((name, value) -> environment.put(name.toString(), value.toString()));
        outputLimit = ((Number) options.getOrDefault("output_bytes", OUTPUT)).intValue();
        command = options.get("clock") == null;
    }

    /** What one run needs and leaves. */
    private final class State {
        final Output stdout = new Output(outputLimit), stderr = new Output(STDERR);
        final Wasi wasi;
        final GuestClock clock;
        final boolean hastened;
        final TimedPart part = new TimedPart();
        Memory memory;
        Number score;
        double started, cpu, wall, share, instantiate = Double.NaN;

        State(Map<String, Object> request) throws IOException {
            List<String> argv = new ArrayList<>();
            for (Object word : (List<?>) request.get("argv")) argv.add(word.toString());
            Object stdin = request.get("stdin");
            byte[] input = stdin == null ? standardInput : Files.readAllBytes(Path.of(stdin.toString()));
            wasi = new Wasi(argv, environment, input, tree, stdout, stderr, () -> memory);
            clock = new GuestClock(((Number) request.getOrDefault("speed", 1)).doubleValue());
            hastened = command && request.containsKey("speed");
            if (hastened) wasi.setClock(clock);
        }

        Wasi.Call find(String namespace, String name) {
            if (command && namespace.equals(TimedPart.NAMESPACE)) return part.call(name);
            if (command) return namespace.equals(Wasi.NAMESPACE) ? wasi.call(name) : null;
            return namespace.equals("env") && name.equals("clock_ms") ? clock::now : null;
        }

        void begin() {
            cpu = Usage.cpuSeconds();
            started = System.nanoTime() / 1e9;
        }

        void run() throws Engine.Trap {
            begin();
            try (Engine.Guest instance = engine.open(this::find, module)) {
                memory = instance.memory();
                instance.start();
                if (!command && module.exports(INITIALIZE)) instance.call(INITIALIZE);
                instantiate = System.nanoTime() / 1e9 - started;
                begin();
                try {
                    score = instance.call(command ? "_start" : "run");
                } finally {
                    end();
                    if (memory != null) garbage += memory.size();
                }
            }
        }

        void end() {
            wall = System.nanoTime() / 1e9 - started;
            share = (Usage.cpuSeconds() - cpu) / wall;
        }
    }

    /** The answer to a request to run. */
    Map<String, Object> answer(Map<String, Object> request) throws IOException {
        if (garbage > GARBAGE) {
            System.gc();
            garbage = 0;
        }
        State state = new State(request);
        Map<String, Object> answer = new LinkedHashMap<>();
        long faults = usage.pageFaults();
        double system = usage.systemSeconds(), cpu = Usage.cpuSeconds();
        Engine.Trap trap = outcome(state);
        if (state.wall == 0) state.end();
        cpu = Usage.cpuSeconds() - cpu;
        system = Math.max(0, Math.min(cpu, usage.systemSeconds() - system));
        answer.put("page_faults", usage.pageFaults() - faults);
        answer.put("used", Map.of("cpu_seconds", cpu, "system_seconds", system));
        answer.put("wall_seconds", state.wall);
        answer.put("cpu_share", Math.max(0, state.share));
        if (!Double.isNaN(state.instantiate)) answer.put("instantiate_seconds", state.instantiate);
        putEnd(answer, state, trap);
        if (command) {
            answer.put("wasi_calls", state.wasi.count());
            answer.put("bench_seconds", state.part.seconds());
            if (state.hastened) answer.put("returned", state.clock.returned(null));
        } else if (trap == null) {
            answer.put("returned", state.clock.returned(state.score));
        }
        answer.put("stdout_bytes", state.stdout.size());
        answer.put("stdout", state.stdout.content());
        answer.put("stderr", state.stderr.content());
        return answer;
    }

    /** Run to the end; the trap in which it ended, null where the guest ended by itself. */
    private Engine.Trap outcome(State state) {
        try {
            state.run();
        } catch (Engine.Trap error) {
            if (state.wasi.exit() == null) return error; // some engines hand on an exit as an error
        } catch (Wasi.Exit error) {
            // state.wasi has it.
        } catch (OutOfMemoryError error) {
            return new Engine.Trap("out of memory: " + error.getMessage(), List.of());
        }
        String wrong = engine.wrong();
        return wrong == null ? null : new Engine.Trap(wrong, List.of());
    }

    private static void putEnd(Map<String, Object> answer, State state, Engine.Trap trap) {
        long code = trap != null || state.wasi.exit() == null ? 0 : state.wasi.exit().code;
        List<String> called = new ArrayList<>();
        if (trap != null) {
            for (String name : trap.backtrace.subList(0, Math.min(FUNCTIONS, trap.backtrace.size()))) {
                called.add(cut(name, NAME));
            }
        }
        answer.put("outcome", trap == null ? "exit" : "trap");
        answer.put("code", code);
        answer.put("message", cut(trap != null ? trap.getMessage() : code == 0 ? "" : "exit status " + code, MESSAGE));
        answer.put("backtrace", called);
    }

    private static String cut(String text, int most) {
        return text.substring(0, Math.min(most, text.length()));
    }
}
