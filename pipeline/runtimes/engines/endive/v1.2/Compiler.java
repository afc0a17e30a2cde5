import java.util.function.Function;
import run.endive.runtime.Instance;
import run.endive.runtime.Machine;
import run.endive.wasm.WasmModule;
import worker.Engine;

/** In these releases it is not published. */
final class Compiler {
    private Compiler() {}

    static Function<Instance, Machine> compile(WasmModule parsed) throws Engine.Unavailable {
        throw new Engine.Unavailable("the compiler of this release of Endive is not published");
    }
}
