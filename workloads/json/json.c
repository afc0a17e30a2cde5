/* A JSON text is parsed to a tree; the tree is changed, printed as compact UTF-8, parsed again, compared, and
   printed with indentation and all but ASCII escaped, which is the next iteration's text.

   Numbers are decimals without exponent; each keeps its number of decimals. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { COPIES = 20, TEXT_BYTES = 64 * 1024, NODES = 2048, DEPTH = 32, MAXIMUM_DECIMALS = 9 };

static const char document[] =
    "{\"id\": 4711, \"name\": \"Zo\\u00eb M\\u00fcller\", \"active\": true, \"manager\": null,\n"
    " \"address\": {\"street\": \"1 \\\"B\\\" Way\\nRear\", \"city\": \"\\u6771\\u4eac\", \"zip\": \"100\",\n"
    "   \"position\": {\"latitude\": 35.681236, \"longitude\": 139.767125, \"height\": -3.5}},\n"
    " \"tags\": [\"alpha\", \"b\\u00eata\", \"\\ud83d\\ude80 rocket\", \"to\\\\file\", \"a\\tb\", \"\"],\n"
    " \"scores\": [0, -1, 17, 123456, -98765.4321, 0.001, 3.14159265, 1000000, 42, 7.0],\n"
    " \"history\": [{\"day\": 1, \"hours\": 7.75, \"note\": \"first day \\u2014 caf\\u00e9\"},\n"
    "   {\"day\": 2, \"hours\": 8.25, \"note\": \"a longer note, where nothing has to be escaped\"},\n"
    "   {\"day\": 3, \"hours\": 0.00, \"note\": \"bell \\u0007, slash \\/, form feed \\f\"}],\n"
    " \"nested\": [[[[[\"deep\", {\"deeper\": [[], {}, [false]]}]]]]]}";

typedef enum { NULL_, FALSE_, TRUE_, NUMBER, STRING, ARRAY, OBJECT } Kind;

/* A value; within an object with its key. Nodes are named by their index, 0 is none. */
typedef struct {
    int64_t digits; /* of a number: its value times 10^decimals */
    uint32_t text, length, key, key_length; /* of a string and of a key: offset and bytes in `strings` */
    uint32_t child, next;
    uint8_t kind, decimals;
} Node;

typedef struct {
    Node nodes[NODES];
    char strings[TEXT_BYTES]; /* UTF-8 */
    uint32_t count, used;
} Tree;

/* Ends with a 0, which is not counted. */
typedef struct {
    char bytes[TEXT_BYTES];
    uint32_t length;
    int ascii; /* escape what is not, and indent */
} Text;

typedef struct {
    const char *at;
    Tree *tree;
} Parser;

static Tree tree, again;
static Text text, compact;

/* The first character that is not space; 0 at the text's end. */
static char skip(Parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\n')
        parser->at++;
    return *parser->at;
}

/* The functions that parse return 0 where the text is wrong or there is no more space. */
static int take(Parser *parser, const char *word)
{
    for (; *word; word++)
        if (*parser->at++ != *word)
            return 0;
    return 1;
}

/* UTF-8 of a code point; its bytes. */
static uint32_t encode(char *to, uint32_t point)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    uint32_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (uint32_t i = length; --i > 0; point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)((0xf00u >> length & 0xf0) | point);
    return length;
}

/* The code point that begins there, which the parser made; its bytes in *length. */
static uint32_t decode(const char *from, uint32_t *length)
{
    uint32_t lead = (uint8_t)*from;
    *length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = *length == 1 ? lead : lead & 0x7fu >> *length;
    for (uint32_t i = 1; i < *length; i++)
        point = point << 6 | ((uint8_t)from[i] & 0x3f);
    return point;
}

static int hex4(Parser *parser, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, *parser->at++, 16);
        if (!digit)
            return 0;
        *value = *value << 4 | (uint32_t)(digit - digits);
    }
    return 1;
}

static int parse_escape(Parser *parser, uint32_t *point)
{
    static const char names[] = "\"\\/nrtbf", means[] = "\"\\/\n\r\t\b\f";
    const char *found = memchr(names, *parser->at, sizeof names - 1);
    if (found) {
        parser->at++;
        *point = (uint8_t)means[found - names];
        return 1;
    }
    if (!take(parser, "u") || !hex4(parser, point))
        return 0;
    if (*point >= 0xd800 && *point < 0xdc00) {
        uint32_t low;
        if (!take(parser, "\\u") || !hex4(parser, &low) || low < 0xdc00 || low > 0xdfff)
            return 0;
        *point = 0x10000 + ((*point & 0x3ff) << 10 | (low & 0x3ff));
    }
    return 1;
}

static int parse_string(Parser *parser, uint32_t *start, uint32_t *length)
{
    Tree *into = parser->tree;
    *start = into->used;
    if (!take(parser, "\""))
        return 0;
    for (char c; (c = *parser->at++) != '"';) {
        if ((uint8_t)c < 0x20 || into->used + 4 > sizeof into->strings)
            return 0;
        if (c == '\\') {
            uint32_t point;
            if (!parse_escape(parser, &point))
                return 0;
            into->used += encode(into->strings + into->used, point);
        } else {
            into->strings[into->used++] = c;
        }
    }
    *length = into->used - *start;
    return 1;
}

static int parse_number(Parser *parser, Node *node)
{
    const char *start = parser->at;
    int negative = *start == '-', point = 0;
    node->kind = NUMBER;
    parser->at += negative;
    for (char c; (c = *parser->at) == '.' || (c >= '0' && c <= '9'); parser->at++) {
        if (parser->at - start > 17 || (c == '.' && point++))
            return 0;
        if (c != '.') {
            node->digits = 10 * node->digits + (c - '0');
            node->decimals += (uint8_t)point;
        }
    }
    if (negative)
        node->digits = -node->digits;
    return parser->at > start + negative && node->decimals <= MAXIMUM_DECIMALS;
}

static uint32_t parse_value(Parser *parser, int depth);

static int parse_items(Parser *parser, Node *node, int depth)
{
    char close = *parser->at++ == '{' ? '}' : ']';
    uint32_t *link = &node->child;
    node->kind = close == '}' ? OBJECT : ARRAY;
    if (skip(parser) != close) {
        do {
            uint32_t key = 0, length = 0;
            skip(parser);
            if (close == '}' && !parse_string(parser, &key, &length))
                return 0;
            if (close == '}' && (skip(parser) != ':' || !take(parser, ":")))
                return 0;
            uint32_t item = parse_value(parser, depth + 1);
            if (item == 0)
                return 0;
            parser->tree->nodes[item].key = key;
            parser->tree->nodes[item].key_length = length;
            *link = item;
            link = &parser->tree->nodes[item].next;
        } while (skip(parser) == ',' && take(parser, ","));
    }
    return *parser->at++ == close;
}

/* The value's node. */
static uint32_t parse_value(Parser *parser, int depth)
{
    uint32_t index = ++parser->tree->count;
    if (index >= NODES || depth > DEPTH)
        return 0;
    Node *node = &parser->tree->nodes[index];
    memset(node, 0, sizeof *node);
    int good;
    switch (skip(parser)) {
    case '{': case '[': good = parse_items(parser, node, depth); break;
    case '"': node->kind = STRING; good = parse_string(parser, &node->text, &node->length); break;
    case 't': node->kind = TRUE_; good = take(parser, "true"); break;
    case 'f': node->kind = FALSE_; good = take(parser, "false"); break;
    case 'n': node->kind = NULL_; good = take(parser, "null"); break;
    default: good = parse_number(parser, node);
    }
    return good ? index : 0;
}

/* Makes the tree of a text; its root is node 1. */
static int parse(Tree *into, const Text *from)
{
    Parser parser = {from->bytes, into};
    into->count = into->used = 0;
    return parse_value(&parser, 0) && skip(&parser) == '\0';
}

/* What is put where no space is left is lost: print() tells it by the length. */
static void put(Text *into, char c)
{
    if (into->length < TEXT_BYTES - 1)
        into->bytes[into->length++] = c;
}

static void put_all(Text *into, const char *word)
{
    for (; *word; word++)
        put(into, *word);
}

static void put_unit(Text *into, uint32_t unit)
{
    put_all(into, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4)
        put(into, "0123456789abcdef"[unit >> shift & 15]);
}

static void put_string(Text *into, const char *string, uint32_t length)
{
    static const char special[] = "\"\\\n\r\t\b\f", names[] = "\"\\nrtbf";
    put(into, '"');
    for (const char *end = string + length; string < end;) {
        uint32_t bytes, point = decode(string, &bytes);
        const char *found = bytes == 1 ? memchr(special, *string, sizeof special - 1) : NULL;
        if (found) {
            put(into, '\\');
            put(into, names[found - special]);
        } else if (point >= 0x10000 && into->ascii) {
            put_unit(into, 0xd800 | (point - 0x10000) >> 10);
            put_unit(into, 0xdc00 | (point & 0x3ff));
        } else if (point < 0x20 || (point >= 0x80 && into->ascii)) {
            put_unit(into, point);
        } else {
            for (uint32_t i = 0; i < bytes; i++)
                put(into, string[i]);
        }
        string += bytes;
    }
    put(into, '"');
}

static void put_number(Text *into, int64_t value, int decimals)
{
    char digits[24];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0)
        put(into, '-');
    do {
        if (count == decimals && decimals > 0)
            digits[count++] = '.';
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0 || count <= decimals);
    while (count > 0)
        put(into, digits[--count]);
}

static void new_line(Text *into, int depth)
{
    if (into->ascii) {
        put(into, '\n');
        while (depth-- > 0)
            put(into, ' ');
    }
}

static void put_value(Text *into, const Tree *from, const Node *node, int depth)
{
    switch (node->kind) {
    case NULL_: put_all(into, "null"); return;
    case FALSE_: put_all(into, "false"); return;
    case TRUE_: put_all(into, "true"); return;
    case NUMBER: put_number(into, node->digits, node->decimals); return;
    case STRING: put_string(into, from->strings + node->text, node->length); return;
    }
    put(into, node->kind == OBJECT ? '{' : '[');
    for (uint32_t index = node->child; index; index = from->nodes[index].next) {
        const Node *item = &from->nodes[index];
        if (index != node->child)
            put(into, ',');
        new_line(into, depth + 1);
        if (node->kind == OBJECT) {
            put_string(into, from->strings + item->key, item->key_length);
            put_all(into, into->ascii ? ": " : ":");
        }
        put_value(into, from, item, depth + 1);
    }
    if (node->child)
        new_line(into, depth);
    put(into, node->kind == OBJECT ? '}' : ']');
}

/* 0 where the text had not enough space. */
static int print(Text *into, const Tree *from, int ascii)
{
    into->length = 0;
    into->ascii = ascii;
    put_value(into, from, &from->nodes[1], 0);
    into->bytes[into->length] = '\0';
    return into->length < TEXT_BYTES - 1;
}

/* Moves the first item to the end. */
static void rotate(Tree *of, Node *node)
{
    Node *old = &of->nodes[node->child], *last = old;
    if (node->child == 0 || old->next == 0)
        return;
    while (last->next)
        last = &of->nodes[last->next];
    last->next = node->child;
    node->child = old->next;
    old->next = 0;
}

/* New values of the same size in about the same places. */
static void change(Tree *of, uint32_t random)
{
    for (uint32_t i = 1; i <= of->count; i++) {
        Node *node = &of->nodes[i];
        char *string = of->strings + node->text;
        random = random * 1664525u + 1013904223u;
        switch (node->kind) {
        case FALSE_: case TRUE_: node->kind = random >> 31 ? TRUE_ : FALSE_; break;
        case NUMBER: node->digits = (int64_t)(((uint64_t)node->digits + random) & 0xffffff) - 0x800000; break;
        case STRING:
            for (uint32_t k = 0; k < node->length; k++)
                if (string[k] >= 'a' && string[k] <= 'z')
                    string[k] = (char)('a' + ((uint32_t)(string[k] - 'a') + (random >> 28)) % 26);
            break;
        case ARRAY: case OBJECT: rotate(of, node); break;
        }
    }
}

static int same_bytes(const Tree *a, uint32_t x, uint32_t m, const Tree *b, uint32_t y, uint32_t n)
{
    return m == n && memcmp(a->strings + x, b->strings + y, n) == 0;
}

static int same(const Tree *a, const Node *x, const Tree *b, const Node *y)
{
    uint32_t i = x->child, k = y->child;
    for (; i && k; i = a->nodes[i].next, k = b->nodes[k].next)
        if (!same(a, &a->nodes[i], b, &b->nodes[k]))
            return 0;
    return i == k && x->kind == y->kind && x->digits == y->digits && x->decimals == y->decimals
        && same_bytes(a, x->text, x->length, b, y->text, y->length)
        && same_bytes(a, x->key, x->key_length, b, y->key, y->key_length);
}

static uint32_t hash_of(const Text *of, uint32_t hash)
{
    for (uint32_t i = 0; i < of->length; i++)
        hash = (hash ^ (uint8_t)of->bytes[i]) * 0x01000193u;
    return hash;
}

/* 1 to 2^31 - 1 in decimal digits; 0 for anything else. */
static uint32_t count_of(const char *word)
{
    uint64_t value = 0;
    for (; *word >= '0' && *word <= '9' && value <= INT32_MAX; word++)
        value = 10 * value + (uint64_t)(*word - '0');
    return *word == '\0' && value <= INT32_MAX ? (uint32_t)value : 0;
}

int main(int argc, char **argv)
{
    uint32_t iterations = argc == 2 ? count_of(argv[1]) : 0;
    if (iterations == 0) {
        fputs("usage: json ITERATIONS\n", stderr);
        return 2;
    }
    text.length = 0;
    for (int i = 0; i < COPIES; i++) {
        put(&text, i == 0 ? '[' : ',');
        put_all(&text, document);
    }
    put_all(&text, "]");
    text.bytes[text.length] = '\0';

    uint32_t checksum = iterations * 0x9e3779b9u;
    for (uint32_t i = 0; i < iterations; i++) {
        int good = parse(&tree, &text) && (i == 0 || same(&tree, &tree.nodes[1], &again, &again.nodes[1]));
        if (good) {
            change(&tree, checksum);
            good = print(&compact, &tree, 0) && parse(&again, &compact)
                && same(&tree, &tree.nodes[1], &again, &again.nodes[1]) && print(&text, &again, 1);
        }
        if (!good) {
            fputs("json: what was parsed is not what was printed\n", stderr);
            return 1;
        }
        checksum = hash_of(&compact, checksum);
    }
    checksum = hash_of(&text, checksum);
    printf("json: %u iterations, checksum 0x%08x\n", (unsigned)iterations, (unsigned)checksum);
    return 0;
}
