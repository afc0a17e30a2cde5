package worker;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What shows whether an engine translated a module to classes, which have a method {@code func_NUMBER} for each
 * function, or interprets it. Such classes have a loader of their own.
 */
public final class Generated {
    private static final Pattern METHOD = Pattern.compile("(?:.*\\D)?func_(\\d+)");
    /** A module whose export "c" calls its import "a" "b", both without parameters and results. */
    public static final byte[] PROBE = {
        0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 'a', 1, 'b', 0, 0, 3, 2, 1, 0,
        7, 5, 1, 1, 'c', 0, 1, 10, 6, 1, 4, 0, 0x10, 0, 0x0b,
    };
    /** What called us back, as {@link #look} saw it. */
    private static final Set<String> seen = new TreeSet<>();

    private Generated() {}

    /** A call from the probe: whose methods are on the stack. */
    public static void look() {
        StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE).forEach(frame -> {
            Class<?> type = frame.getDeclaringClass();
            if (isGenerated(type)) seen.add("generated");
            else if (type.getSimpleName().contains("InterpreterMachine")) seen.add("interpreter");
        });
    }

    private static boolean isGenerated(Class<?> type) {
        ClassLoader loader = type.getClassLoader();
        return loader != null && loader.getClass().getSimpleName().equals("WasmClassLoader");
    }

    /**
     * The evidence: of the machine that runs an artifact of so many functions, imported ones included, of a probe that calls back, and
     * of the JVM, which compiles what these are made of.
     */
    public static Map<String, Object> proof(Object machine, int functions, Runnable probe) {
        seen.clear();
        probe.run();
        Class<?> type = machine.getClass();
        Set<Integer> found = new HashSet<>();
        for (Class<?> each : groups(type)) {
            for (Method method : each.getDeclaredMethods()) {
                Matcher named = METHOD.matcher(method.getName());
                if (named.matches()) found.add(Integer.valueOf(named.group(1)));
            }
        }
        Map<String, Object> proof = new LinkedHashMap<>();
        proof.put("machine", type.getName());
        proof.put("code", isGenerated(type) ? "generated" : "interpreter");
        String some = found.size() + " of " + functions;
        proof.put("generated", found.isEmpty() ? "none" : found.size() == functions ? "all" : some);
        proof.put("frames", String.join(", ", seen));
        CompilationMXBean jit = ManagementFactory.getCompilationMXBean();
        proof.put("jit", jit == null ? "none" : jit.getName());
        return proof;
    }

    /** Those that a machine's functions are in: the compiler spreads them over numbered classes of its loader. */
    private static List<Class<?>> groups(Class<?> type) {
        List<Class<?>> found = new ArrayList<>();
        try {
            while (isGenerated(type)) {
                found.add(type.getClassLoader().loadClass(type.getName() + "FuncGroup_" + found.size()));
            }
        } catch (ClassNotFoundException error) {
            // That was the last one.
        }
        return found;
    }

    /** The guest's functions on the stack of an error, innermost first. */
    public static List<String> backtrace(Throwable error, Module module) {
        List<String> found = new ArrayList<>();
        for (StackTraceElement frame : error.getStackTrace()) {
            Matcher named = METHOD.matcher(frame.getMethodName());
            if (named.matches()) found.add(module.function(Integer.parseInt(named.group(1))));
        }
        return found;
    }
}
