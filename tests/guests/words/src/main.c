/* The program of the complete example in docs/workloads.md: counts the words of its input, again and again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "words.h"

#include "hash.c"

static char text[1 << 16];

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

int main(int argc, char *argv[])
{
    const char *order = getenv("WORDS_ORDER");
    const char *dictionary = argc > 3 ? argv[3] : NULL;
    long rounds = argc > 2 ? atol(argv[2]) : 1;
    size_t size = fread(text, 1, sizeof text - 1, stdin);
    long long begun = now_ns();
    double entropy = 0;
    int words = 0;
    unsigned sum = 0;
    if (dictionary) { /* a file that it opens */
        FILE *file = fopen(dictionary, "r");
        if (!file)
            return 1;
        size = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    for (long round = 0; round < rounds; round++) {
        words = count_words(text, size);
        entropy = log2(words + 1);
        sum = sum * 31 + hash(text, size) + (order && !strcmp(order, "reverse"));
    }
    printf("took %lld ns\n", now_ns() - begun);
    if (!words) {
        puts("no words");
        return 3;
    }
    printf("%s %s, version %s\nwords: %d, %.3f bits\nsum %08x\n", argv[1], order, VERSION, words, entropy, sum);
    return 0;
}
