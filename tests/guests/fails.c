/* One program that fails in the way that its argument names, after it printed a part of its output. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static void check_size(int size)
{
    assert(size > 100);
}

__attribute__((noinline)) void read_table(int size)
{
    check_size(size);
    printf("read\n");
}

int main(int argc, char *argv[])
{
    const char *how = argc > 1 ? argv[1] : "";
    printf("a part\n");
    if (!strcmp(how, "assert"))
        read_table(argc);
    if (!strcmp(how, "status")) {
        fprintf(stderr, "cannot open table.bin\nh\303\251 too\n");
        return 3;
    }
    if (!strcmp(how, "much"))
        for (int i = 0; i < 100000; i++)
            fputc('0' + i % 10, stderr);
    return 0;
}
