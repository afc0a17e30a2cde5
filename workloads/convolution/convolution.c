/* Filters over 16-bit integers and floats in plain loops, which compilers vectorise: an image with 5 x 5 taps
   and a signal with 48. Each output is added up tap by tap, so that vectors give the bits that scalars do. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Machines that have fused multiply-add would round otherwise. */
#pragma STDC FP_CONTRACT OFF

enum { SIDE = 128, REACH = 2, TAPS = 2 * REACH + 1, ROW = SIDE + 2 * REACH };
enum { SAMPLES = 8192, BLOCK = 256, SIGNAL_TAPS = 48 };

/* Zeros surround what is filtered: of the image on all sides, of the signal at its end. */
static int16_t image[ROW][ROW], filtered[SIDE][SIDE], kernel[TAPS][TAPS];
static float signals[SAMPLES + SIGNAL_TAPS], response[SAMPLES], filter[SIGNAL_TAPS];

static int16_t clamp(int32_t value)
{
    value = value < INT16_MIN ? INT16_MIN : value;
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value);
}

/* A pseudo-random number in -2^23 to 2^23 - 1 for each place. */
static int32_t noise(uint32_t place, uint32_t seed)
{
    place = (place + seed) * 0x9e3779b1u;
    place = (place ^ place >> 15) * 0x85ebca6bu;
    return (int32_t)(place >> 8) - (1 << 23);
}

/* New taps, and half of what was filtered last with new noise as what is to be filtered. */
static void prepare(uint32_t seed)
{
    for (uint32_t i = 0; i < TAPS * TAPS; i++)
        kernel[i / TAPS][i % TAPS] = (int16_t)(noise(i, ~seed) / (1 << 20));
    for (uint32_t i = 0; i < SIGNAL_TAPS; i++)
        filter[i] = (float)noise(i, seed) / ((1 << 23) * (float)SIGNAL_TAPS);
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++)
            image[y + REACH][x + REACH] = clamp(filtered[y][x] / 2 + noise(y * SIDE + x, seed) / 256);
    for (uint32_t i = 0; i < SAMPLES; i++)
        signals[i] = 0.5f * response[i] + (float)noise(i, ~seed) / (1 << 23);
}

static void filter_image(void)
{
    for (uint32_t y = 0; y < SIDE; y++) {
        int32_t sums[SIDE] = {0};
        for (uint32_t dy = 0; dy < TAPS; dy++)
            for (uint32_t dx = 0; dx < TAPS; dx++)
                for (uint32_t x = 0; x < SIDE; x++)
                    sums[x] += kernel[dy][dx] * image[y + dy][x + dx];
        for (uint32_t x = 0; x < SIDE; x++)
            filtered[y][x] = clamp(sums[x] / 32);
    }
}

static void filter_signal(void)
{
    for (uint32_t begin = 0; begin < SAMPLES; begin += BLOCK) {
        float sums[BLOCK] = {0.0f};
        for (uint32_t tap = 0; tap < SIGNAL_TAPS; tap++)
            for (uint32_t i = 0; i < BLOCK; i++)
                sums[i] += filter[tap] * signals[begin + i + tap];
        memcpy(&response[begin], sums, sizeof sums);
    }
}

/* Whether one pixel and one sample are what their definitions say. */
static int right_at(uint32_t place)
{
    uint32_t y = place / SIDE % SIDE, x = place % SIDE, i = place % SAMPLES;
    int32_t pixel = 0;
    float sample = 0.0f;
    for (uint32_t k = 0; k < TAPS * TAPS; k++)
        pixel += kernel[k / TAPS][k % TAPS] * image[y + k / TAPS][x + k % TAPS];
    for (uint32_t k = 0; k < SIGNAL_TAPS; k++)
        sample += filter[k] * signals[i + k];
    float off = sample - response[i];
    return filtered[y][x] == clamp(pixel / 32) && off < 1e-5f && off > -1e-5f;
}

static uint32_t checksum_of_all(void)
{
    uint32_t sum = 0;
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++)
            sum += (uint32_t)filtered[y][x] * (2 * (y * SIDE + x) + 1);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t bits;
        memcpy(&bits, &response[i], sizeof bits);
        sum += bits * (2 * i + 1);
    }
    return sum;
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
    uint32_t iterations = argc == 2 ? count_of(argv[1]) : 0;
    if (iterations == 0) {
        fputs("usage: convolution ITERATIONS\n", stderr);
        return 2;
    }
    uint32_t checksum = iterations * 0x9e3779b9u;
    for (uint32_t i = 0; i < iterations; i++) {
        prepare(checksum);
        filter_image();
        filter_signal();
        if (!right_at(checksum)) {
            fputs("convolution: a wrong pixel or sample\n", stderr);
            return 1;
        }
        checksum = (checksum ^ checksum_of_all()) * 0x01000193u;
    }
    printf("convolution: %u iterations, checksum 0x%08x\n", (unsigned)iterations, (unsigned)checksum);
    return 0;
}
