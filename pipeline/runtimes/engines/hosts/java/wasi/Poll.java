package wasi;

import static wasi.Errno.BADF;
import static wasi.Errno.INVAL;
import static wasi.Errno.OK;
import static wasi.Errno.PERM;
import static wasi.Errno.failed;
import static wasi.Wasi.at;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import wasi.Descriptors.Descriptor;

/** poll_oneoff: sleeps until the first event. A descriptor is always ready. */
final class Poll {
    private static final int CLOCK = 0, FD_WRITE = 2, ABSOLUTE = 1;
    private static final int SUBSCRIPTION = 48, EVENT = 32;

    private final Descriptors files;
    private final Supplier<Memory> memory;

    Poll(Descriptors files, Supplier<Memory> memory) {
        this.files = files;
        this.memory = memory;
    }

    long oneoff(long[] a) {
        long from = at(a[0]), to = at(a[1]), count = at(a[2]);
        if (count == 0) return INVAL;
        memory.get().check(from, count * SUBSCRIPTION);
        long[] waits = new long[(int) count];
        for (int i = 0; i < waits.length; i++) waits[i] = until(from + (long) SUBSCRIPTION * i);
        long first = Arrays.stream(waits).min().getAsLong();
        sleep(first);
        long happened = 0;
        for (int i = 0; i < waits.length; i++) {
            if (waits[i] == first) tell(from + (long) SUBSCRIPTION * i, to + EVENT * happened++);
        }
        memory.get().set32(at(a[3]), happened);
        return OK;
    }

    /** How long until what is subscribed to, ns. */
    private long until(long place) {
        Memory given = memory.get();
        int kind = given.get8(place + 8);
        if (kind > FD_WRITE) throw failed(INVAL);
        if (kind != CLOCK) {
            Descriptor found = files.get((int) given.get32(place + 16));
            if (kind == FD_WRITE && found.kind == Errno.REGULAR_FILE) throw failed(PERM);
            if (kind == FD_WRITE ? found.output == null : found.content == null) throw failed(BADF);
            return 0;
        }
        long id = given.get32(place + 16);
        int flags = given.get16(place + 40);
        if (id > 1 || flags > ABSOLUTE) throw failed(INVAL);
        long timeout = given.get64(place + 24);
        if (timeout < 0) timeout = Long.MAX_VALUE; // of 64 bits without a sign
        return Math.max(0, flags == ABSOLUTE ? timeout - Wasi.nanoseconds(id == 0) : timeout);
    }

    private static void sleep(long nanoseconds) {
        long now = System.nanoTime(), left = nanoseconds;
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = nanoseconds - (System.nanoTime() - now);
        }
    }

    private void tell(long from, long to) {
        Memory given = memory.get();
        byte[] subscription = given.bytes(from, SUBSCRIPTION);
        byte[] event = new byte[EVENT];
        System.arraycopy(subscription, 0, event, 0, 8);
        event[10] = subscription[8];
        if (subscription[8] != CLOCK) event[16] = 1; // bytes, at least
        given.put(to, event);
    }
}
