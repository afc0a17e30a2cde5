/* Closes its outputs at its end, as GNU programs do; with an argument standard output is closed before that. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void close_outputs(void)
{
    if (fclose(stdout))
        _Exit(3);
    if (fclose(stderr))
        _Exit(4);
}

int main(int argc, char *argv[])
{
    atexit(close_outputs);
    puts("hello");
    if (argc > 1) {
        fflush(stdout);
        close(1);
    }
    return 0;
}
