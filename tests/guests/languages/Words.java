/** Counts primes, and the letters and words of a text that it makes, as often as its argument says. */
public final class Words {
    private static final int LIMIT = 20000;
    private static final int TEXT_LENGTH = 40000;
    private static int seed = 1;

    private static int countPrimes() {
        boolean[] isComposite = new boolean[LIMIT];
        int count = 0;
        for (int i = 2; i < LIMIT; i++) {
            if (isComposite[i]) {
                continue;
            }
            count++;
            for (int k = i * i; k < LIMIT; k += i) {
                isComposite[k] = true;
            }
        }
        return count;
    }

    private static String makeText() {
        StringBuilder text = new StringBuilder();
        while (text.length() < TEXT_LENGTH) {
            seed = seed * 1664525 + 1013904223;
            int letter = (seed >>> 24) % 27;
            text.append(letter == 26 ? ' ' : (char) ('a' + letter));
        }
        return text.toString();
    }

    private static int countText(String text, int sum) {
        int[] letters = new int[26];
        int longest = 0;
        int length = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            length = c == ' ' ? 0 : length + 1;
            longest = Math.max(longest, length);
            if (c != ' ') {
                letters[c - 'a']++;
            }
        }
        double mean = 0;
        for (int i = 0; i < letters.length; i++) {
            sum = sum * 31 + letters[i];
            mean += letters[i] / (i + 1.5);
        }
        return (sum * 31 + longest) ^ (int) mean;
    }

    public static void main(String[] args) {
        long n = args.length > 0 ? Long.parseLong(args[0]) : 1;
        int primes = 0;
        int sum = 0;
        for (long i = 0; i < n; i++) {
            primes = countPrimes();
            sum = countText(makeText(), sum + primes);
        }
        System.out.print("primes " + primes + "\nsum " + (sum & 0xffffffffL) + "\n");
    }
}
