package wasi;

/** Numbers of WASI preview 1, as its witx has them. */
final class Errno {
    static final int OK = 0, BADF = 8, ILSEQ = 25, INVAL = 28, MFILE = 33, NAMETOOLONG = 37, NOENT = 44;
    static final int NOSYS = 52, NOTDIR = 54, NOTSOCK = 57, NOTSUP = 58, PERM = 63, SPIPE = 70;
    /** Kinds of files. Standard input and outputs are of one without a number: no guest sees a terminal. */
    static final int UNKNOWN = 0, DIRECTORY = 3, REGULAR_FILE = 4;

    private Errno() {}

    /** A call that ends with such a number. */
    static final class Failed extends RuntimeException {
        private static final long serialVersionUID = 1;
        final int number;

        Failed(int number) {
            super(null, null, false, false);
            this.number = number;
        }
    }

    static Failed failed(int number) {
        return new Failed(number);
    }
}
