/* Uses memory of its own, or of the heap, as its first argument says: a byte of each of so many MiB's pages.
   Or all that it gets ("fill"), or so many KiB of output ("print"), or calls itself so often ("call"). */
#include "../../pipeline/build/guest_clock.c"
#include "print.h"

#define MIB (1u << 20)
#define MOST 16

static unsigned char own[MOST * MIB];
static char *volatile kept[4096];

static int call(int depth)
{
    volatile char block[100];
    block[depth % 100] = (char)depth;
    return depth == 0 ? 0 : call(depth - 1) + block[depth % 100] % 2;
}

int main(int argc, char *argv[])
{
    size_t size = (size_t)(argc > 2 ? atoi(argv[2]) : MOST) * MIB;
    unsigned char *volatile begin = argc > 1 && !strcmp(argv[1], "heap") ? malloc(size) : own;
    unsigned char *p = begin;
    unsigned long sum = 0;
    int wanted = argc > 2 ? atoi(argv[2]) : 0, got = 0;
    if (argc > 1 && !strcmp(argv[1], "fill")) {
        while (got < 4096 && (kept[got] = malloc(MIB))) {
            kept[got][MIB / 2] = 1;
            got++;
        }
        print("%d\n", got);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "print")) {
        char line[64];
        memset(line, '0', 63);
        line[63] = '\n';
        for (; got < wanted * 16; got++) {
            for (int at = 62, rest = got; rest; rest /= 10)
                line[at--] = (char)('0' + rest % 10);
            fwrite(line, 1, 64, stdout);
        }
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "call")) {
        print("%d\n", call(wanted));
        return 0;
    }
    if (!p || (p == own && size > sizeof own)) {
        print("none\n");
        return 0;
    }
    for (size_t i = 0; i < size; i += 4096)
        p[i] += (unsigned char)(i >> 12);
    for (size_t i = 0; i < size; i += 4096)
        sum += p[i];
    print("%lu\n", sum);
    return 0;
}
