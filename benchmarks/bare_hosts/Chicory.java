import com.dylibso.chicory.runtime.Instance;
import com.dylibso.chicory.runtime.InterpreterMachine;
import com.dylibso.chicory.runtime.Machine;
import com.dylibso.chicory.wasm.Parser;
import com.dylibso.chicory.wasm.WasmModule;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.function.Function;

/** Chicory and nothing else: COMPILER MODULE; each line of input is a run of the module's _start; prints its seconds. */
public final class Host {
    public static void main(String[] arguments) throws Exception {
        WasmModule module = Parser.parse(Path.of(arguments[1]).toFile());
        boolean compiled = arguments[0].equals("compiler");
        Function<Instance, Machine> factory = compiled ? Compiler.compile(module) : InterpreterMachine::new;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            Instance instance = Instance.builder(module).withStart(false).withMachineFactory(factory).build();
            long begun = System.nanoTime();
            instance.export("_start").apply();
            System.out.println((System.nanoTime() - begun) / 1e9);
        }
    }
}
