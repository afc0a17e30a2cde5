/* A register machine with a program in its bytecode: integer arithmetic, and a branch for each instruction.

   As in Lua, an instruction is one word, its operands are registers of the function's window, and a call
   slides the window. The program sieves primes, follows Collatz sequences and takes greatest common
   divisors of pseudo-random numbers. */
#include <stdint.h>
#include <stdio.h>

enum { REGISTERS = 128, FRAMES = 8, MEMORY_BYTES = 8192 };
enum { SIEVED = 4096, PRIMES = 564, SEQUENCES = 64, PAIRS = 400 };

typedef enum {
    LABEL, /* no instruction: names the place A */
    LOADI, /* A = B, 16 bits without sign */
    MOVE,  /* A = B */
    ADD,   /* A = B + C, and so on */
    SUB,
    MUL,
    REM, /* B where C is 0 */
    AND,
    XOR,
    ADDI, /* A = B + C, an 8-bit number without sign */
    SHLI,
    SHRI,
    LOAD,  /* A = byte at B + C */
    STORE, /* byte at B + C = A */
    JUMP,  /* to place A */
    JEQ,   /* to place C if A == B */
    JNE,
    JLT,
    CALL,  /* the function at place B; its window begins at A, where it leaves what it returns */
    RETURN /* A */
} Opcode;

/* Functions, then places within them. */
enum { Iterate, Sieve, Sequences, Collatz, Gcd, Functions };
enum {
    NextPair = Functions, PairsDone,
    Clear, Cleared, Next, Strike, Sieved,
    NextSequence, SequencesDone,
    Step, Odd, AtOne,
    Divide, Divided,
    Places
};

typedef struct {
    uint8_t op, a;
    uint16_t b;
    uint8_t c;
} Line;

static const Line source[] = {
    /* iterate(r0 = seed) -> the next seed, and r1 = the primes found */
    {LABEL, Iterate, 0, 0},
    {LOADI, 20, SIEVED, 0},
    {CALL, 20, Sieve, 0},
    {MOVE, 1, 20, 0},
    {XOR, 0, 0, 20},
    {LOADI, 2, 65535, 0},
    {AND, 20, 0, 2},
    {CALL, 20, Sequences, 0},
    {ADD, 0, 0, 20},
    {LOADI, 2, 0, 0}, /* pairs done */
    {LOADI, 3, PAIRS, 0},
    {LOADI, 4, 0x6255, 0}, /* a multiplier, 0x62552d */
    {SHLI, 4, 4, 8},
    {ADDI, 4, 4, 0x2d},
    {LABEL, NextPair, 0, 0},
    {JEQ, 2, 3, PairsDone},
    {MUL, 0, 0, 4},
    {ADDI, 0, 0, 251},
    {SHRI, 20, 0, 8},
    {MUL, 0, 0, 4},
    {ADDI, 0, 0, 251},
    {SHRI, 21, 0, 8},
    {CALL, 20, Gcd, 0},
    {XOR, 0, 0, 20},
    {ADDI, 2, 2, 1},
    {JUMP, NextPair, 0, 0},
    {LABEL, PairsDone, 0, 0},
    {RETURN, 0, 0, 0},

    /* sieve(r0 = n) -> how many primes are below n; r1 = 0, r2 = 1, r3 = a number, r4 = a multiple */
    {LABEL, Sieve, 0, 0},
    {LOADI, 1, 0, 0},
    {LOADI, 2, 1, 0},
    {LOADI, 3, 0, 0},
    {LABEL, Clear, 0, 0},
    {JEQ, 3, 0, Cleared},
    {STORE, 2, 3, 1},
    {ADDI, 3, 3, 1},
    {JUMP, Clear, 0, 0},
    {LABEL, Cleared, 0, 0},
    {LOADI, 3, 1, 0},
    {LOADI, 5, 0, 0}, /* primes */
    {LABEL, Next, 0, 0},
    {ADDI, 3, 3, 1},
    {JEQ, 3, 0, Sieved},
    {LOAD, 6, 3, 1},
    {JEQ, 6, 1, Next},
    {ADDI, 5, 5, 1},
    {MOVE, 4, 3, 0},
    {LABEL, Strike, 0, 0},
    {STORE, 1, 4, 1},
    {ADD, 4, 4, 3},
    {JLT, 4, 0, Strike},
    {JUMP, Next, 0, 0},
    {LABEL, Sieved, 0, 0},
    {RETURN, 5, 0, 0},

    /* sequences(r0 = n) -> the steps of the Collatz sequences of n + 1 to n + SEQUENCES, together */
    {LABEL, Sequences, 0, 0},
    {LOADI, 1, SEQUENCES, 0},
    {ADD, 1, 1, 0}, /* the last */
    {LOADI, 2, 0, 0},
    {LABEL, NextSequence, 0, 0},
    {JEQ, 0, 1, SequencesDone},
    {ADDI, 0, 0, 1},
    {MOVE, 8, 0, 0},
    {CALL, 8, Collatz, 0},
    {ADD, 2, 2, 8},
    {JUMP, NextSequence, 0, 0},
    {LABEL, SequencesDone, 0, 0},
    {RETURN, 2, 0, 0},

    /* collatz(r0 = n) -> steps from n to 1; r1 = steps, r2 = 1 */
    {LABEL, Collatz, 0, 0},
    {LOADI, 1, 0, 0},
    {LOADI, 2, 1, 0},
    {LABEL, Step, 0, 0},
    {JEQ, 0, 2, AtOne},
    {ADDI, 1, 1, 1},
    {AND, 3, 0, 2},
    {JEQ, 3, 2, Odd},
    {SHRI, 0, 0, 1},
    {JUMP, Step, 0, 0},
    {LABEL, Odd, 0, 0},
    {SHLI, 3, 0, 2},
    {SUB, 0, 3, 0},
    {ADDI, 0, 0, 1},
    {JUMP, Step, 0, 0},
    {LABEL, AtOne, 0, 0},
    {RETURN, 1, 0, 0},

    /* gcd(r0, r1) -> the greatest number that divides both; r2 = 0 */
    {LABEL, Gcd, 0, 0},
    {LOADI, 2, 0, 0},
    {JEQ, 1, 2, Divided},
    {LABEL, Divide, 0, 0},
    {REM, 3, 0, 1},
    {MOVE, 0, 1, 0},
    {MOVE, 1, 3, 0},
    {JNE, 1, 2, Divide},
    {LABEL, Divided, 0, 0},
    {RETURN, 0, 0, 0},
};

static uint32_t code[sizeof source / sizeof *source]; /* opcode, A, B, C: bytes from the lowest on */
static uint8_t places[Places];    /* words */
static uint32_t registers[REGISTERS];
static uint8_t memory[MEMORY_BYTES];

static void assemble(void)
{
    const Line *end = source + sizeof source / sizeof *source;
    uint8_t word = 0;
    for (const Line *line = source; line < end; line++) {
        if (line->op == LABEL)
            places[line->a] = word;
        else
            word++;
    }
    word = 0;
    for (const Line *line = source; line < end; line++) {
        uint32_t a = line->a, bc = line->b | (uint32_t)line->c << 8;
        switch (line->op) {
        case LABEL: continue;
        case LOADI: bc = line->b; break;
        case JUMP: a = places[a]; break;
        case CALL: bc = places[line->b]; break;
        case JEQ: case JNE: case JLT: bc = line->b | (uint32_t)places[line->c] << 8; break;
        default: break;
        }
        code[word++] = line->op | a << 8 | bc << 16;
    }
}

/* Runs a function whose arguments are in registers 0 and on; what it returns. */
static uint32_t run(uint8_t function)
{
    struct { const uint32_t *next; uint32_t *window; } frames[FRAMES];
    uint32_t depth = 0, *window = registers;
    const uint32_t *next = code + places[function];
    for (;;) {
        uint32_t word = *next++, b = word >> 16 & 255, c = word >> 24;
        uint32_t *a = window + (word >> 8 & 255);
        switch (word & 255) {
        case LOADI: *a = word >> 16; break;
        case MOVE: *a = window[b]; break;
        case ADD: *a = window[b] + window[c]; break;
        case SUB: *a = window[b] - window[c]; break;
        case MUL: *a = window[b] * window[c]; break;
        case REM: *a = window[c] ? window[b] % window[c] : window[b]; break;
        case AND: *a = window[b] & window[c]; break;
        case XOR: *a = window[b] ^ window[c]; break;
        case ADDI: *a = window[b] + c; break;
        case SHLI: *a = window[b] << (c & 31); break;
        case SHRI: *a = window[b] >> (c & 31); break;
        case LOAD: *a = memory[(window[b] + window[c]) % MEMORY_BYTES]; break;
        case STORE: memory[(window[b] + window[c]) % MEMORY_BYTES] = (uint8_t)*a; break;
        case JUMP: next = code + (word >> 8 & 255); break;
        case JEQ: if (*a == window[b]) next = code + c; break;
        case JNE: if (*a != window[b]) next = code + c; break;
        case JLT: if (*a < window[b]) next = code + c; break;
        case CALL:
            frames[depth].next = next;
            frames[depth++].window = window;
            window = a;
            next = code + b;
            break;
        case RETURN:
            window[0] = *a;
            if (depth == 0)
                return window[0];
            next = frames[--depth].next;
            window = frames[depth].window;
            break;
        }
    }
}

static uint32_t call(uint8_t function, uint32_t first, uint32_t second)
{
    registers[0] = first;
    registers[1] = second;
    return run(function);
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
        fputs("usage: interpreter ITERATIONS\n", stderr);
        return 2;
    }
    assemble();
    if (call(Collatz, 27, 0) != 111 || call(Gcd, 1071, 462) != 21) {
        fputs("interpreter: a wrong answer to a known question\n", stderr);
        return 1;
    }
    uint32_t seed = iterations * 0x9e3779b9u, checksum = 0;
    for (uint32_t i = 0; i < iterations; i++) {
        seed = call(Iterate, seed, 0);
        if (registers[1] != PRIMES) {
            fputs("interpreter: a wrong number of primes\n", stderr);
            return 1;
        }
        checksum = (checksum ^ seed) * 0x01000193u;
    }
    printf("interpreter: %u iterations, checksum 0x%08x\n", (unsigned)iterations, (unsigned)checksum);
    return 0;
}
