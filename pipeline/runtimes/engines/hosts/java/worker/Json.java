package worker;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON as the protocol has it. Objects are Maps, arrays Lists, numbers Long or Double; what is written has
 * ASCII characters only.
 */
final class Json {
    /** How bytes are written, each as a character: a guest's output has millions of them. */
    private static final byte[][] WRITTEN = new byte[256][];

    static {
        for (char c = 0; c < WRITTEN.length; c++) WRITTEN[c] = written(c);
    }

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** The value that a text has; throws IllegalArgumentException where it is no JSON. */
    static Object read(String text) {
        Json reader = new Json(text);
        Object value = reader.value();
        reader.blanks();
        if (reader.at != text.length()) throw reader.wrong();
        return value;
    }

    private IllegalArgumentException wrong() {
        return new IllegalArgumentException("no JSON at character " + at);
    }

    private void blanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private char next() {
        blanks();
        if (at == text.length()) throw wrong();
        return text.charAt(at);
    }

    private boolean skips(char wanted) {
        if (next() != wanted) return false;
        at++;
        return true;
    }

    private void expect(char wanted) {
        if (!skips(wanted)) throw wrong();
    }

    private Object value() {
        switch (next()) {
            case '{': return object();
            case '[': return array();
            case '"': return string();
            case 't': return word("true", true);
            case 'f': return word("false", false);
            case 'n': return word("null", null);
            default: return number();
        }
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) throw wrong();
        at += word.length();
        return value;
    }

    private Map<String, Object> object() {
        Map<String, Object> found = new LinkedHashMap<>();
        expect('{');
        if (skips('}')) return found;
        do {
            next();
            String name = string();
            expect(':');
            found.put(name, value());
        } while (skips(','));
        expect('}');
        return found;
    }

    private List<Object> array() {
        List<Object> found = new ArrayList<>();
        expect('[');
        if (skips(']')) return found;
        do found.add(value());
        while (skips(','));
        expect(']');
        return found;
    }

    private String string() {
        expect('"');
        StringBuilder found = new StringBuilder();
        while (at < text.length()) {
            char c = text.charAt(at++);
            if (c == '"') return found.toString();
            if (c != '\\') {
                found.append(c);
                continue;
            }
            if (at == text.length()) break;
            char escaped = text.charAt(at++);
            int known = "\"\\/bfnrt".indexOf(escaped);
            if (known >= 0) {
                found.append("\"\\/\b\f\n\r\t".charAt(known));
            } else if (escaped == 'u' && at + 4 <= text.length()) {
                found.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                at += 4;
            } else {
                throw wrong();
            }
        }
        throw wrong();
    }

    private Object number() {
        int start = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
        String digits = text.substring(start, at);
        try {
            return digits.matches("-?\\d+") ? (Object) Long.valueOf(digits) : Double.valueOf(digits);
        } catch (NumberFormatException error) {
            throw wrong();
        }
    }

    /** Write a value: null, Boolean, a number, a text (of any object), a byte[] as a character a byte, Map, List. */
    static void write(Object value, OutputStream to) throws IOException {
        if (value == null || value instanceof Boolean) {
            ascii(String.valueOf(value), to);
        } else if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            ascii(Double.isFinite(number) ? String.valueOf(number) : "null", to);
        } else if (value instanceof Number) {
            ascii(value.toString(), to);
        } else if (value instanceof Map) {
            char before = '{';
            if (((Map<?, ?>) value).isEmpty()) to.write(before);
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                to.write(before);
                write(entry.getKey().toString(), to);
                to.write(':');
                write(entry.getValue(), to);
                before = ',';
            }
            to.write('}');
        } else if (value instanceof Iterable) {
            String before = "[";
            for (Object each : (Iterable<?>) value) {
                ascii(before, to);
                write(each, to);
                before = ",";
            }
            ascii(before.equals("[") ? "[]" : "]", to);
        } else if (value instanceof byte[]) {
            to.write('"');
            for (byte each : (byte[]) value) to.write(WRITTEN[each & 0xff]);
            to.write('"');
        } else {
            to.write('"');
            String text = value.toString();
            for (int i = 0; i < text.length(); i++) to.write(written(text.charAt(i)));
            to.write('"');
        }
    }

    private static void ascii(String text, OutputStream to) throws IOException {
        to.write(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** How a character is in a text. */
    private static byte[] written(char c) {
        if (c < WRITTEN.length && WRITTEN[c] != null) return WRITTEN[c];
        String text = String.format("\\u%04x", (int) c);
        if (c == '"' || c == '\\') text = "\\" + c;
        else if (c == '\n') text = "\\n";
        else if (c >= ' ' && c < 127) text = String.valueOf(c);
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
