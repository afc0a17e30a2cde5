/* One program that does, by its first argument, what a guest may do with its input, its files and its output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "print.h"

extern char **environ;
static unsigned char block[200000];

/* "ok", or the name of what went wrong. */
static int said(int failed)
{
    puts(!failed ? "ok" : errno == ENOENT ? "ENOENT" : "refused");
    return 0;
}

static unsigned sum_of(const unsigned char *bytes, long count)
{
    unsigned sum = 0;
    for (long i = 0; i < count; i++)
        sum = 31 * sum + bytes[i];
    return sum;
}

/* Standard input in pieces of that many bytes: all bytes, their sum, and what two more reads get. */
static int sum_input(int piece)
{
    long all = 0;
    unsigned sum = 0;
    ssize_t got;
    while ((got = read(0, block, piece)) > 0) {
        all += got;
        for (ssize_t i = 0; i < got; i++)
            sum = 31 * sum + block[i];
    }
    ssize_t again = read(0, block, piece);
    print("%ld %u %d %d\n", all, sum, (int)got, (int)again);
    return 0;
}

/* A file's size as fseek, stat and fstat tell it, its sum, and its byte in the middle. */
static int show_file(const char *name)
{
    struct stat by_name, by_file;
    FILE *file = fopen(name, "rb");
    if (!file)
        return said(1);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    if (stat(name, &by_name) || fstat(fileno(file), &by_file))
        return said(1);
    rewind(file);
    long got = fread(block, 1, sizeof block, file);
    fseek(file, size / 2, SEEK_SET);
    int middle = fgetc(file);
    if (middle != EOF)
        fseek(file, -1, SEEK_CUR);
    long at = ftell(file);
    print("%ld %d %d %ld %u %d %ld %d %d\n", size, (int)by_name.st_size, (int)by_file.st_size, got,
          sum_of(block, got), middle, at, S_ISREG(by_name.st_mode), S_ISREG(by_file.st_mode));
    fclose(file);
    return 0;
}

/* Try to change something below the folder. */
static int attempt(const char *how, const char *name)
{
    if (!strcmp(how, "mkdir"))
        return said(mkdir(name, 0777));
    if (!strcmp(how, "rmdir"))
        return said(rmdir(name));
    if (!strcmp(how, "unlink"))
        return said(unlink(name));
    if (!strcmp(how, "rename"))
        return said(rename(name, "renamed"));
    if (!strcmp(how, "truncate"))
        return said(truncate(name, 1));
    if (!strcmp(how, "link"))
        return said(link(name, "linked"));
    if (!strcmp(how, "symlink"))
        return said(symlink("/etc/passwd", "leads-out") || open("leads-out", O_RDONLY) < 0);
    FILE *file = fopen(name, how);
    return said(!file || fputs("changed", file) < 0 || fclose(file));
}

/* Many files at once, and more than can be open. */
static int open_many(const char *name)
{
    int opened = 0, wrong = 0, files[40];
    for (int i = 0; i < 40; i++)
        opened += (files[i] = open(name, O_RDONLY)) > 2;
    for (int i = 0; i < 40; i++)
        wrong += lseek(files[i], i, SEEK_SET) != i;
    for (int i = 0; i < 40; i++)
        wrong += lseek(files[i], 0, SEEK_CUR) != i;
    for (int i = 0; i < 40; i++)
        wrong += close(files[i]) != 0;
    print("%d %d %d\n", opened, wrong, (int)read(files[0], block, 1));
    return 0;
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "sum"))
        return sum_input(atoi(name));
    if (!strcmp(what, "head"))
        return write(1, block, read(0, block, atoi(name))) < 0;
    if (!strcmp(what, "file"))
        return show_file(name);
    if (!strcmp(what, "open"))
        return said(open(name, O_RDONLY) < 0);
    if (!strcmp(what, "many"))
        return open_many(name);
    if (!strcmp(what, "stat"))
        return said(stat(name, (struct stat[1]){0}));
    if (!strcmp(what, "try"))
        return attempt(name, argv[3]);
    if (!strcmp(what, "environment"))
        for (char **variable = environ; *variable; variable++)
            puts(*variable);
    if (!strcmp(what, "bytes"))
        for (int i = 0; i < 256; i++)
            putchar(i);
    if (!strcmp(what, "pieces")) { /* unbuffered: a call a byte */
        for (int i = 0; i < atoi(name); i++)
            block[i] = i % 251;
        for (int i = 0; i < atoi(name); i++)
            if (write(1, block + i, 1) != 1)
                return 1;
    }
    if (!strcmp(what, "print"))
        for (int i = 0; i < atoi(name); i++)
            putchar(i % 251);
    return 0;
}
