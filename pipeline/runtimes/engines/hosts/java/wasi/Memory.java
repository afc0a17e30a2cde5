package wasi;

/**
 * A guest's linear memory, of any engine. Addresses are bytes from its start, not negative. Each method throws
 * {@link Outside} for bytes that the guest does not have.
 */
public abstract class Memory {
    /** A call named memory that the guest does not have: a trap. */
    public static final class Outside extends RuntimeException {
        private static final long serialVersionUID = 1;

        Outside() {
            super("a call of WASI names memory that the guest does not have");
        }
    }

    private final byte[] small = new byte[8];

    /** Bytes that it has now. */
    public abstract long size();

    /** Copy so many bytes out of it; the caller has looked whether they are there. */
    protected abstract void copyOut(long at, byte[] to, int start, int count);

    /** The same into it. */
    protected abstract void copyIn(long at, byte[] from, int start, int count);

    final void check(long at, long count) {
        if (at + count > size()) throw new Outside();
    }

    final void read(long at, byte[] to, int start, int count) {
        check(at, count);
        copyOut(at, to, start, count);
    }

    final void write(long at, byte[] from, int start, int count) {
        check(at, count);
        copyIn(at, from, start, count);
    }

    final byte[] bytes(long at, long count) {
        check(at, count); // before there is an array of so many
        byte[] found = new byte[(int) count];
        copyOut(at, found, 0, found.length);
        return found;
    }

    final void put(long at, byte[] from) {
        write(at, from, 0, from.length);
    }

    private long number(long at, int count) {
        read(at, small, 0, count);
        long value = 0;
        for (int i = count - 1; i >= 0; i--) value = value << 8 | small[i] & 0xff;
        return value;
    }

    private void setNumber(long at, int count, long value) {
        for (int i = 0; i < count; i++) small[i] = (byte) (value >> 8 * i);
        write(at, small, 0, count);
    }

    final int get8(long at) {
        return (int) number(at, 1);
    }

    final int get16(long at) {
        return (int) number(at, 2);
    }

    /** Without a sign. */
    final long get32(long at) {
        return number(at, 4);
    }

    final long get64(long at) {
        return number(at, 8);
    }

    final void set8(long at, int value) {
        setNumber(at, 1, value);
    }

    final void set32(long at, long value) {
        setNumber(at, 4, value);
    }

    final void set64(long at, long value) {
        setNumber(at, 8, value);
    }

    /** The pieces that a list of them names: {start, bytes} of each. */
    final long[][] pieces(long at, long count) {
        check(at, 8 * count);
        long[][] found = new long[(int) count][];
        for (int i = 0; i < found.length; i++) {
            found[i] = new long[] {get32(at + 8L * i), get32(at + 8L * i + 4)};
            check(found[i][0], found[i][1]);
        }
        return found;
    }
}
