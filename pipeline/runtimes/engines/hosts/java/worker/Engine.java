package worker;

import java.util.List;
import java.util.Map;
import wasi.Memory;
import wasi.Wasi;

/** What a host says of its engine; all else of a worker is the same for every engine. */
public interface Engine {
    /** The folder of its host. */
    String name();

    /** Its release. */
    String version();

    /**
     * Compile a module; returns the facts of the answer: compile_seconds, code_bytes, version, proof and
     * runtime_seconds. {@code options} are those of the request.
     */
    Map<String, Object> load(byte[] data, Module module, Map<String, Object> options) throws Refused, Unavailable;

    /** What was wrong with the runs until now that nothing of them showed; null for nothing. */
    default String wrong() {
        return null;
    }

    /** A new instance of it, with nothing of its program run yet, where the engine can make one so. */
    Guest open(Imports imports, Module module) throws Trap;

    /** Functions of the host. */
    interface Imports {
        /** The function that a module imports by these names; null where there is none. */
        Wasi.Call find(String namespace, String name);
    }

    /** An instance that runs once. */
    interface Guest extends AutoCloseable {
        /** The exported memory; null where there is none. */
        Memory memory();

        /** Fill its memory and run its start function, unless that is done. */
        void start() throws Trap;

        /** Call an export without parameters; its result, null for none. Exit of the host may pass. */
        Number call(String export) throws Trap;

        /** Let go of it. */
        @Override
        void close();
    }

    /** This engine cannot load this module, and says why. */
    final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        public Refused(String message) {
            super(message);
        }
    }

    /** This release of the engine, or this JDK, has no such compiler, and says so. */
    final class Unavailable extends Exception {
        private static final long serialVersionUID = 1;

        public Unavailable(String message) {
            super(message);
        }
    }

    /** The engine stopped the guest, in the first of these functions, which the others called. */
    final class Trap extends Exception {
        private static final long serialVersionUID = 1;
        final transient List<String> backtrace;

        public Trap(String message, List<String> backtrace) {
            super(message == null || message.isBlank() ? "trap" : message.strip().lines().findFirst().orElse(""));
            this.backtrace = backtrace;
        }
    }
}
