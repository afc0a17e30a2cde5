import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.graalvm.polyglot.Context;
import org.graalvm.polyglot.Engine;
import org.graalvm.polyglot.Source;
import org.graalvm.polyglot.Value;
import org.graalvm.polyglot.io.ByteSequence;

/** GraalWasm and nothing else: KIND MODULE; each line of input is a run of the module's _start; prints its seconds. */
public final class Host {
    public static void main(String[] arguments) throws Exception {
        ByteSequence module = ByteSequence.create(Files.readAllBytes(Path.of(arguments[1])));
        Source source = Source.newBuilder("wasm", module, "guest").build();
        Engine engine = Engine.newBuilder("wasm").option("engine.WarnInterpreterOnly", "false").build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            try (Context context = Context.newBuilder("wasm").engine(engine).build()) {
                Value start = context.eval(source).newInstance().getMember("exports").getMember("_start");
                long begun = System.nanoTime();
                start.executeVoid();
                System.out.println((System.nanoTime() - begun) / 1e9);
            }
        }
    }
}
