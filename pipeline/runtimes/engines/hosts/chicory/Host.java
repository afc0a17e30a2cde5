import com.dylibso.chicory.runtime.HostFunction;
import com.dylibso.chicory.runtime.ImportFunction;
import com.dylibso.chicory.runtime.ImportValues;
import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.InterpreterMachine;
import com.dylibso.chicory.runtime.Machine;
import com.dylibso.chicory.wasm.ChicoryException;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import com.dylibso.chicory.wasm.types.ExternalType;
import com.dylibso.chicory.wasm.types.FunctionImport;
import com.dylibso.chicory.wasm.types.FunctionType;
import com.dylibso.chicory.wasm.types.MemoryLimits;
import com.dylibso.chicory.wasm.types.ValType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import wasi.Memory;
import wasi.Wasi;
import worker.Engine;
import worker.Generated;
import worker.Module;
import worker.Worker;

/**
 * Chicory: its compiler to JVM classes, whole or not at all, or its interpreter.
 *
 * <p>Endive, its successor, has the same functions under other names, which its engine.toml lists.
 */
public final class Host implements Engine {
    private static final long[] NOTHING = {};
    private static final MemoryLimits NO_MEMORY = new MemoryLimits(0, 0);

    private WasmModule parsed;
    private Module module;
    private Function<Instance, Machine> factory;

    public static void main(String[] arguments) throws InterruptedException {
        Worker.serve(new Host(), arguments);
    }

    @Override
    public String name() {
        return "chicory";
    }

    @Override
    public String version() {
        return Worker.version("com.dylibso.chicory", "runtime");
    }

    private static Function<Instance, Machine> factory(WasmModule parsed, String compiler) throws Unavailable {
        if (compiler.equals("interpreter")) return InterpreterMachine::new;
        if (!compiler.equals("compiler")) throw new Unavailable("Chicory has no " + compiler);
        return Compiler.compile(parsed);
    }

    @Override
    public Map<String, Object> load(byte[] data, Module module, Map<String, Object> options)
            throws Refused, Unavailable {
        String compiler = String.valueOf(options.get("compiler"));
        this.module = module;
        double seconds;
        Object machine;
        try {
            long started = System.nanoTime();
            parsed = Parser.parse(data);
            factory = factory(parsed, compiler);
            seconds = (System.nanoTime() - started) / 1e9;
            Instance.Builder sample = builder((namespace, name) -> arguments -> 0);
            machine = sample.withMemoryLimits(NO_MEMORY).build().getMachine();
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError error) {
            throw new Refused(String.valueOf(error.getMessage()));
        }
        int functions = module.imported() + parsed.codeSection().functionBodyCount();
        return Worker.facts(seconds, version(), Generated.proof(machine, functions, () -> probe(compiler)));
    }

    /** Call a module that calls back. */
    private static void probe(String compiler) {
        try {
            WasmModule probe = Parser.parse(Generated.PROBE);
            HostFunction back = new HostFunction("a", "b", FunctionType.empty(), (instance, arguments) -> {
                Generated.look();
                return NOTHING;
            });
            Instance.builder(probe).withMachineFactory(factory(probe, compiler))
                    .withImportValues(ImportValues.builder().addFunction(back).build()).build().export("c").apply();
        } catch (Unavailable error) {
            throw new IllegalStateException(error);
        }
    }

    /** Of an instance of which nothing is run yet. */
    private Instance.Builder builder(Imports imports) {
        List<ImportFunction> functions = new ArrayList<>();
        for (int i = 0; i < parsed.importSection().importCount(); i++) {
            if (parsed.importSection().getImport(i).importType() != ExternalType.FUNCTION) continue;
            FunctionImport wanted = (FunctionImport) parsed.importSection().getImport(i);
            FunctionType type = parsed.typeSection().getType(wanted.typeIndex());
            Wasi.Call call = imports.find(wanted.module(), wanted.name());
            if (call == null) throw new ChicoryException("unknown import: " + wanted.module() + "." + wanted.name());
            boolean returns = !type.returns().isEmpty();
            functions.add(new HostFunction(wanted.module(), wanted.name(), type, (instance, arguments) -> {
                long result = call.of(arguments);
                return returns ? new long[] {result} : NOTHING;
            }));
        }
        return Instance.builder(parsed).withInitialize(false).withMachineFactory(factory)
                .withImportValues(ImportValues.builder().withFunctions(functions).build());
    }

    @Override
    public Engine.Guest open(Imports imports, Module module) throws Trap {
        try {
            return new Opened(builder(imports).build());
        } catch (ChicoryException | StackOverflowError error) {
            throw trap(error);
        }
    }

    private Trap trap(Throwable error) {
        return new Trap(String.valueOf(error.getMessage()), Generated.backtrace(error, module));
    }

    /** An instance, as the worker uses it. */
    private final class Opened implements Engine.Guest {
        private final Instance instance;
        private final Memory memory;

        Opened(Instance instance) {
            this.instance = instance;
            memory = instance.memory() == null ? null : new Linear(instance.memory());
        }

        @Override
        public Memory memory() {
            return memory;
        }

        @Override
        public void start() throws Trap {
            try {
                instance.initialize(false); // its start section, but no export
            } catch (ChicoryException | StackOverflowError | Memory.Outside error) {
                throw trap(error);
            }
        }

        @Override
        public Number call(String export) throws Trap {
            try {
                long[] results = instance.export(export).apply();
                boolean number = results != null && results.length > 0
                        && instance.exportType(export).returns().get(0).equals(ValType.F32);
                return number ? Float.intBitsToFloat((int) results[0]) : null;
            } catch (ChicoryException | StackOverflowError | Memory.Outside error) {
                throw trap(error);
            }
        }

        @Override
        public void close() {
            // Nothing of it lives outside of the heap.
        }
    }

    /** Its memory, which stays the same object when it grows. */
    private static final class Linear extends Memory {
        private final com.dylibso.chicory.runtime.Memory memory;

        Linear(com.dylibso.chicory.runtime.Memory memory) {
            this.memory = memory;
        }

        @Override
        public long size() {
            return 65536L * memory.pages();
        }

        @Override
        protected void copyOut(long at, byte[] to, int start, int count) {
            System.arraycopy(memory.readBytes((int) at, count), 0, to, start, count);
        }

        @Override
        protected void copyIn(long at, byte[] from, int start, int count) {
            memory.write((int) at, from, start, count);
        }
    }
}
