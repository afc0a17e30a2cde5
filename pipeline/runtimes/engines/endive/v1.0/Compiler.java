import java.util.function.Function;
import run.endive.compiler.InterpreterFallback;
import run.endive.compiler.MachineFactoryCompiler;
import run.endive.runtime.Instance;
import run.endive.runtime.Machine;
import run.endive.wasm.WasmModule;

/** Endive's compiler, whole or not at all. */
final class Compiler {
    private Compiler() {}

    static Function<Instance, Machine> compile(WasmModule parsed) {
        return MachineFactoryCompiler.builder(parsed).withInterpreterFallback(InterpreterFallback.FAIL).compile();
    }
}
