/* A sort and a hash table over 16 MiB: caches and address translation.

   An iteration sorts, where they are, numbers that lie all over an array of 8 MiB, and has each of them
   replace an entry of a hash table of 8 MiB, of which half is filled at all times. */
/* clock_gettime is not in C itself. */
#define _POSIX_C_SOURCE 199309L

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NUMBERS = 1 << 21, SORTED = 1024 };
enum { SHARDS = 128, SLOTS = 1 << 13, LIVE = SLOTS / 2 };

/* value is 0 where the slot is empty. */
typedef struct {
    uint32_t key, value;
} Slot;

/* Linear probing within a shard, whose keys are mixed(first) to mixed(first + LIVE - 1). Shards begin as
   copies of one: filling a table of this size key by key takes an interpreter seconds. */
static Slot table[SHARDS][SLOTS];
static uint32_t first[SHARDS];
static uint32_t numbers[NUMBERS];

/* One to one, so that no key is there twice. */
static uint32_t mixed(uint32_t value)
{
    value = (value ^ value >> 16) * 0x85ebca6bu;
    value = (value ^ value >> 13) * 0xc2b2ae35u;
    return value ^ value >> 16;
}

static uint32_t home_of(uint32_t key) { return key * 0x9e3779b1u >> 19; }

/* Where the key is, or the empty slot where it belongs. */
static uint32_t slot_of(const Slot *shard, uint32_t key)
{
    uint32_t at = home_of(key);
    while (shard[at].value != 0 && shard[at].key != key)
        at = (at + 1) % SLOTS;
    return at;
}

/* Fills the gap from behind until no entry that follows could have lain in it. */
static void erase(Slot *shard, uint32_t gap)
{
    for (uint32_t at = (gap + 1) % SLOTS; shard[at].value != 0; at = (at + 1) % SLOTS) {
        uint32_t far = (at - home_of(shard[at].key)) % SLOTS;
        if (far >= (at - gap) % SLOTS) {
            shard[gap] = shard[at];
            gap = at;
        }
    }
    shard[gap].value = 0;
}

/* Doubles what is at the target's start until all of it is filled; sizes in bytes. */
static void repeat(void *target, size_t filled, size_t size)
{
    for (; filled < size; filled *= 2)
        memcpy((char *)target + filled, target, filled);
}

static void fill(uint32_t seed)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        numbers[i] = mixed(seed + i);
    repeat(numbers, SLOTS * sizeof *numbers, sizeof numbers);

    memset(table[0], 0, sizeof table[0]);
    for (uint32_t i = 0; i < LIVE; i++) {
        uint32_t key = mixed(i);
        table[0][slot_of(table[0], key)] = (Slot){key, numbers[i] | 1};
    }
    repeat(table, sizeof table[0], sizeof table);
    memset(first, 0, sizeof first);
}

/* Numbers `start`, `start + stride`, …: with an odd stride, SORTED different ones all over the array. */
typedef struct {
    uint32_t start, stride;
} View;

static uint32_t *number(View view, uint32_t index)
{
    return &numbers[(view.start + index * view.stride) % NUMBERS];
}

static void sift(View view, uint32_t root, uint32_t count)
{
    uint32_t value = *number(view, root), child;
    for (; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && *number(view, child) < *number(view, child + 1))
            child++;
        if (*number(view, child) <= value)
            break;
        *number(view, root) = *number(view, child);
    }
    *number(view, root) = value;
}

static void heap_sort(View view)
{
    for (uint32_t root = SORTED / 2; root-- > 0;)
        sift(view, root, SORTED);
    for (uint32_t count = SORTED - 1; count > 0; count--) {
        uint32_t largest = *number(view, 0);
        *number(view, 0) = *number(view, count);
        *number(view, count) = largest;
        sift(view, 0, count);
    }
}

/* Erases a shard's oldest entry, changes another and inserts a new one; 0 if one was missing or too many. */
static uint32_t replace(uint32_t random)
{
    uint32_t shard = random >> 25, oldest = first[shard]++;
    Slot *slots = table[shard];
    uint32_t gone = slot_of(slots, mixed(oldest)), value = slots[gone].value;
    if (value == 0)
        return 0;
    erase(slots, gone);
    Slot *other = &slots[slot_of(slots, mixed(oldest + 1 + random % (LIVE - 1)))];
    if (other->value == 0)
        return 0;
    other->value = (other->value * 5 + value) | 1;
    uint32_t key = mixed(oldest + LIVE);
    Slot *slot = &slots[slot_of(slots, key)];
    if (slot->value != 0)
        return 0;
    *slot = (Slot){key, (random + other->value) | 1};
    return other->value;
}

/* Goes on from a checksum to the next; 1 if something was wrong. */
static int iterate(uint32_t *checksum)
{
    View view = {*checksum, (*checksum >> 8) * 2654435761u | 1};
    uint32_t sum = *checksum, last = 0;
    heap_sort(view);
    for (uint32_t i = 0; i < SORTED; i++) {
        uint32_t *at = number(view, i), found = replace(*at * 0x9e3779b1u ^ sum);
        if (*at < last || found == 0)
            return 1;
        last = *at;
        sum = (sum ^ last) * 0x01000193u + found;
        *at = sum ^ sum >> 15;
    }
    *checksum = sum;
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

static uint64_t nanoseconds(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    uint32_t iterations = argc == 2 ? count_of(argv[1]) : 0;
    if (iterations == 0) {
        fputs("usage: memory ITERATIONS\n", stderr);
        return 2;
    }
    uint32_t checksum = iterations * 0x9e3779b9u;
    fill(checksum);
    uint64_t begun = nanoseconds();
    for (uint32_t i = 0; i < iterations; i++) {
        if (iterate(&checksum)) {
            fputs("memory: numbers out of order, or an entry lost\n", stderr);
            return 1;
        }
    }
    uint64_t time = nanoseconds() - begun;
    printf("memory: %u iterations, checksum 0x%08x\n", (unsigned)iterations, (unsigned)checksum);
    printf("time: %llu ns\n", (unsigned long long)time);
    return 0;
}
