package worker;

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.jar.Manifest;

/**
 * The worker's side of the protocol for an engine in a JVM: see workers/serve.py. Guests run in a thread with
 * the stack that the system property "stack_bytes" says. They reach no descriptor of this process: what they
 * read and write is in memory.
 */
public final class Worker {
    private final Engine engine;
    private final OutputStream answers;
    private Run run;

    private Worker(Engine engine) {
        this.engine = engine;
        answers = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
        System.setOut(System.err); // what libraries print is no answer
    }

    /** Answer requests until the input ends, then end the process. */
    public static void serve(Engine engine, String[] arguments) throws InterruptedException {
        double up = System.nanoTime() / 1e9;
        if (arguments.length == 1 && arguments[0].equals("--version")) {
            System.out.println(engine.name() + " " + engine.version());
            return;
        }
        Worker worker = new Worker(engine);
        int[] status = {1};
        Thread thread = new Thread(null, () -> status[0] = worker.answerAll(up), "guest",
                Long.getLong("stack_bytes", 8L << 20));
        thread.start();
        thread.join();
        // Not by System.exit: an engine's clean-up is for none.
        Runtime.getRuntime().halt(status[0]);
    }

    /** The release that a jar of Maven's says it is; "unknown" where it does not. */
    public static String version(String group, String artifact) {
        Properties told = new Properties();
        String name = "META-INF/maven/" + group + "/" + artifact + "/pom.properties";
        try (InputStream stream = ClassLoader.getSystemResourceAsStream(name)) {
            if (stream != null) told.load(stream);
            for (URL url : Collections.list(ClassLoader.getSystemResources("META-INF/MANIFEST.MF"))) {
                if (!url.getPath().contains("/" + artifact + "-")) continue;
                try (InputStream manifest = url.openStream()) {
                    String found = new Manifest(manifest).getMainAttributes().getValue("Implementation-Version");
                    if (found != null) told.putIfAbsent("version", found);
                }
            }
        } catch (IOException error) {
            // As where there is none.
        }
        return told.getProperty("version", "unknown");
    }

    /** The facts of an answer to a request to load. No engine here knows the size of its code. */
    public static Map<String, Object> facts(Double compileSeconds, String version, Map<String, Object> proof) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("compile_seconds", compileSeconds);
        facts.put("code_bytes", null);
        facts.put("version", version);
        facts.put("proof", proof);
        return facts;
    }

    private int answerAll(double up) {
        try {
            Usage usage = new Usage();
            BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            Map<String, Object> greeting = new LinkedHashMap<>();
            greeting.put("protocol", 1);
            greeting.put("monotonic", up);
            say(greeting);
            for (String line; (line = requests.readLine()) != null; ) say(answer(line, usage));
            return 0;
        } catch (Exception | Error error) {
            error.printStackTrace(); // the parent shows its last words
            return 1;
        }
    }

    @SuppressWarnings("unchecked") // of JSON objects
    private Map<String, Object> answer(String line, Usage usage) throws IOException {
        Map<String, Object> request = (Map<String, Object>) Json.read(line);
        if (!"load".equals(request.get("op"))) {
            if (run == null) throw new IllegalStateException("run before load");
            return run.answer(request);
        }
        Map<String, Object> options = (Map<String, Object>) request.get("options");
        try {
            return load(Files.readAllBytes(Path.of(request.get("path").toString())), options, usage);
        } catch (Engine.Refused error) {
            return Map.of("refused", String.valueOf(error.getMessage()));
        } catch (Engine.Unavailable error) {
            return Map.of("unavailable", error.getMessage());
        }
    }

    private Map<String, Object> load(byte[] data, Map<String, Object> options, Usage usage)
            throws IOException, Engine.Refused, Engine.Unavailable {
        Module module = Module.of(data);
        Map<String, Object> facts = engine.load(data, module, options);
        String refusal = options.get("clock") == null ? module.refusal() : null;
        if (refusal != null) throw new Engine.Refused(refusal);
        run = new Run(engine, usage, module, options);
        return facts;
    }

    private void say(Map<String, Object> message) throws IOException {
        Json.write(message, answers);
        answers.write('\n');
        answers.flush();
    }
}
