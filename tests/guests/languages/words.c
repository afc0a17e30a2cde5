/* Counts primes, and the letters and words of a text that it makes, as often as its argument says. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 20000, LETTERS = 40000 };

static char is_composite[LIMIT], text[LETTERS];
static uint32_t seed = 1;

static uint32_t count_primes(void)
{
    uint32_t count = 0;
    memset(is_composite, 0, sizeof is_composite);
    for (uint32_t i = 2; i < LIMIT; i++) {
        if (is_composite[i])
            continue;
        count++;
        for (uint32_t k = i * i; k < LIMIT; k += i)
            is_composite[k] = 1;
    }
    return count;
}

static void make_text(void)
{
    for (int i = 0; i < LETTERS; i++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t letter = (seed >> 24) % 27;
        text[i] = letter == 26 ? ' ' : (char)('a' + letter);
    }
}

static uint32_t count_text(uint32_t sum)
{
    uint32_t letters[26] = {0}, longest = 0, length = 0;
    double mean = 0;
    for (int i = 0; i < LETTERS; i++) {
        length = text[i] == ' ' ? 0 : length + 1;
        longest = length > longest ? length : longest;
        if (text[i] != ' ')
            letters[text[i] - 'a']++;
    }
    for (int i = 0; i < 26; i++) {
        sum = sum * 31 + letters[i];
        mean += letters[i] / (i + 1.5);
    }
    return (sum * 31 + longest) ^ (uint32_t)mean;
}

int main(int argc, char *argv[])
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1, primes = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        primes = count_primes();
        make_text();
        sum = count_text(sum + primes);
    }
    printf("primes %u\nsum %u\n", (unsigned)primes, (unsigned)sum);
    return 0;
}
