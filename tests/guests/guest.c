/* One program that does, by its first argument, each thing that a guest may do to a worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

char *volatile kept; /* or the compiler drops an allocation that is not used */

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "hello")) {
        for (int i = 0; i < argc; i++)
            print("%s\n", argv[i]);
        print("env %d, stdin %d\n", getenv("PATH") != NULL, getchar());
        FILE *secret = fopen("/etc/hostname", "r");
        print("file %d\n", secret != NULL);
        return 0;
    }
    if (!strcmp(what, "exit"))
        return 3;
    if (!strcmp(what, "trap"))
        __builtin_trap();
    if (!strcmp(what, "loop")) {
        volatile int x = 1;
        while (x)
            ;
    }
    if (!strcmp(what, "flood")) {
        static char block[65536];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < 1600; i++) /* 100 MiB */
            fwrite(block, 1, sizeof block, stdout);
        print("flooded\n");
        return 0;
    }
    if (!strcmp(what, "grow")) {
        unsigned long got = 0;
        for (;;) {
            char *block = malloc(16 << 20);
            if (!block)
                break;
            memset(block, 1, 16 << 20);
            kept = block;
            got += 16;
        }
        print("got %lu MiB\n", got);
        return 0;
    }
    return 0;
}
