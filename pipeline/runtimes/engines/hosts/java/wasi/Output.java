package wasi;

import java.util.Arrays;

/** What a guest writes to one of its outputs: counted, and kept up to a limit. */
public final class Output {
    private final int limit;
    private byte[] kept = new byte[1024];
    private long size;

    public Output(int limit) {
        this.limit = limit;
    }

    /** Bytes that were written. */
    public long size() {
        return size;
    }

    /** Those that are kept. */
    public byte[] content() {
        return Arrays.copyOf(kept, (int) Math.min(size, limit));
    }

    void add(Memory memory, long at, long count) {
        int room = (int) Math.max(0, Math.min(count, limit - size));
        memory.check(at, count);
        if (room > 0) {
            int used = (int) size;
            if (used + room > kept.length) {
                kept = Arrays.copyOf(kept, Math.min(limit, Math.max(2 * kept.length, used + room)));
            }
            memory.read(at, kept, used, room);
        }
        size += count;
    }
}
