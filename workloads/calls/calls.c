/* Functions that call themselves, and functions called through tables that are filled at run time.

   What is computed changes with each iteration, but how many calls it takes does not, or hardly. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TAK_X = 16, TAK_Y = 10, TAK_Z = 5, TAK = 6, FIBONACCI = 17, FIBONACCI_17 = 1597, FIBONACCI_16 = 987 };
enum { NODES = 1023, INNER = NODES / 2, TREES = 6, RECORDS = 256, ORDERS = 5 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Takeuchi's function: what is added to all arguments is added to the result. */
static int32_t tak(int32_t x, int32_t y, int32_t z)
{
    return y < x ? tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) : z;
}

/* The n-th number of the sequence that begins with these two. */
static uint32_t fibonacci(uint32_t n, uint32_t zeroth, uint32_t first)
{
    if (n < 2)
        return n == 0 ? zeroth : first;
    return fibonacci(n - 1, zeroth, first) + fibonacci(n - 2, zeroth, first);
}

/* A complete binary tree: the children of node n are 2n + 1 and 2n + 2, `values` counts for leaves only. */
typedef uint32_t Operator(uint32_t node);
enum { ADD, SUBTRACT, MULTIPLY, EXCLUSIVE, LARGER, SMALLER, SHIFT, OPERATORS, LEAF = OPERATORS };

static Operator *evaluate[OPERATORS + 1]; /* by what is in `kinds` */
static uint8_t kinds[NODES];
static uint32_t values[NODES];

static uint32_t value_of(uint32_t node) { return evaluate[kinds[node]](node); }
static uint32_t left(uint32_t node) { return value_of(2 * node + 1); }
static uint32_t right(uint32_t node) { return value_of(2 * node + 2); }

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

static uint32_t add(uint32_t node) { return left(node) + right(node); }
static uint32_t subtract(uint32_t node) { return left(node) - right(node); }
static uint32_t multiply(uint32_t node) { return (left(node) | 1) * right(node); }
static uint32_t exclusive(uint32_t node) { return left(node) ^ right(node); }
static uint32_t larger_of(uint32_t node) { return larger(left(node), right(node)); }
static uint32_t smaller_of(uint32_t node) { return smaller(left(node), right(node)); }
static uint32_t shift(uint32_t node) { return left(node) + (right(node) >> 7); }
static uint32_t leaf(uint32_t node) { return values[node]; }

/* A new tree; the table begins with operator `turn`. */
static void grow(uint32_t turn, uint32_t *random)
{
    static Operator *const all[OPERATORS] = {
        add, subtract, multiply, exclusive, larger_of, smaller_of, shift,
    };
    for (uint32_t i = 0; i < OPERATORS; i++)
        evaluate[i] = all[(turn + i) % OPERATORS];
    evaluate[LEAF] = leaf;
    for (uint32_t node = 0; node < NODES; node++) {
        kinds[node] = (uint8_t)(node < INNER ? next_random(random) % OPERATORS : LEAF);
        values[node] = node < INNER ? 0 : next_random(random) * 0x101u;
    }
}

/* The tree's value without any call of a function by its address, from the leaves up. */
static uint32_t value_of_tree(uint32_t turn)
{
    for (uint32_t node = INNER; node-- > 0;) {
        uint32_t a = values[2 * node + 1], b = values[2 * node + 2], *value = &values[node];
        switch ((kinds[node] + turn) % OPERATORS) {
        case ADD: *value = a + b; break;
        case SUBTRACT: *value = a - b; break;
        case MULTIPLY: *value = (a | 1) * b; break;
        case EXCLUSIVE: *value = a ^ b; break;
        case LARGER: *value = larger(a, b); break;
        case SMALLER: *value = smaller(a, b); break;
        case SHIFT: *value = a + (b >> 7); break;
        }
    }
    return values[0];
}

/* Whether a may stand before b. */
typedef int Order(uint32_t a, uint32_t b);

static int rising(uint32_t a, uint32_t b) { return a <= b; }
static int falling(uint32_t a, uint32_t b) { return a >= b; }
static int by_last_byte(uint32_t a, uint32_t b) { return (a & 255) <= (b & 255); }
static int by_middle(uint32_t a, uint32_t b) { return (a >> 8 & 0xffff) <= (b >> 8 & 0xffff); }
static int odd_first(uint32_t a, uint32_t b) { return (a & 1) > (b & 1) || ((a & 1) == (b & 1) && a <= b); }

static Order *orders[ORDERS];
static uint32_t records[RECORDS], merged[RECORDS];

/* Stable, so that there is one right result. */
static void sort(uint32_t begin, uint32_t end, Order *before)
{
    uint32_t middle = begin + (end - begin) / 2, low = begin, high = middle;
    if (end - begin < 2)
        return;
    sort(begin, middle, before);
    sort(middle, end, before);
    for (uint32_t to = begin; to < end; to++) {
        if (low < middle && (high == end || before(records[low], records[high])))
            merged[to] = records[low++];
        else
            merged[to] = records[high++];
    }
    memcpy(records + begin, merged + begin, (end - begin) * sizeof *records);
}

/* Goes on from a checksum to the next; 1 if something was wrong. */
static int iterate(uint32_t *checksum)
{
    uint32_t random = *checksum, hash = *checksum;
    int32_t more = (int32_t)(next_random(&random) & 0xffff);
    int32_t result = tak(TAK_X + more, TAK_Y + more, TAK_Z + more);
    uint32_t zeroth = next_random(&random), first = next_random(&random);
    uint32_t number = fibonacci(FIBONACCI, zeroth, first);
    if (result != TAK + more || number != FIBONACCI_16 * zeroth + FIBONACCI_17 * first)
        return 1;
    hash = (hash ^ (uint32_t)result ^ number) * 0x01000193u;

    for (uint32_t tree = 0; tree < TREES; tree++) {
        uint32_t turn = next_random(&random) % OPERATORS;
        grow(turn, &random);
        uint32_t value = value_of(0);
        if (value != value_of_tree(turn))
            return 1;
        hash = (hash ^ value) * 0x01000193u;
    }

    for (uint32_t i = 0; i < RECORDS; i++)
        records[i] = next_random(&random);
    for (uint32_t i = 0; i < ORDERS; i++) {
        Order *order = orders[(hash + i) % ORDERS];
        sort(0, RECORDS, order);
        for (uint32_t k = 0; k < RECORDS; k++) {
            if (k > 0 && !order(records[k - 1], records[k]))
                return 1;
            hash = (hash ^ records[k]) * 0x01000193u;
        }
    }
    *checksum = hash;
    return 0;
}

/* 1 to 2^31 - 1 in decimal digits; 0 for anything else. */
static uint32_t count_of(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value <= INT32_MAX; text++)
        value = 10 * value + (uint64_t)(*text - '0');
    return *text == '\0' && value <= INT32_MAX ? (uint32_t)value : 0;
}

int main(int argc, char **argv)
{
    static Order *const all[ORDERS] = {rising, falling, by_last_byte, by_middle, odd_first};
    uint32_t iterations = argc == 2 ? count_of(argv[1]) : 0;
    if (iterations == 0) {
        fputs("usage: calls ITERATIONS\n", stderr);
        return 2;
    }
    for (uint32_t i = 0; i < ORDERS; i++)
        orders[i] = all[(iterations + i) % ORDERS];
    uint32_t checksum = iterations * 0x9e3779b9u;
    for (uint32_t i = 0; i < iterations; i++) {
        if (iterate(&checksum)) {
            fputs("calls: a wrong result\n", stderr);
            return 1;
        }
    }
    printf("calls: %u iterations, checksum 0x%08x\n", (unsigned)iterations, (unsigned)checksum);
    return 0;
}
