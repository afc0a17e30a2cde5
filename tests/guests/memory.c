/* Uses memory of its own, or of the heap, as its first argument says: a byte of each of so many MiB's pages. */
#include "../../pipeline/build/guest_clock.c"

#define MIB (1u << 20)
#define MOST 16

static unsigned char own[MOST * MIB];

int main(int argc, char *argv[])
{
    size_t size = (size_t)(argc > 2 ? atoi(argv[2]) : MOST) * MIB;
    unsigned char *volatile begin = argc > 1 && !strcmp(argv[1], "heap") ? malloc(size) : own;
    unsigned char *p = begin;
    unsigned long sum = 0;
    if (!p || (p == own && size > sizeof own)) {
        printf("none\n");
        return 0;
    }
    for (size_t i = 0; i < size; i += 4096)
        p[i] += (unsigned char)(i >> 12);
    for (size_t i = 0; i < size; i += 4096)
        sum += p[i];
    printf("%lu\n", sum);
    return 0;
}
