/* What this process asks of the system. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

double seconds(clockid_t clock);
int64_t nanoseconds(void);

/* What this process has used so far. */
typedef struct { double cpu, system; long page_faults; } Usage;
Usage usage_now(void);

/* Executable memory of this process that is no part of a file: what a compiler made, or what was loaded as such. */
enum { MOST_RANGES = 256 };
typedef struct { int count; struct range { uintptr_t from, to; } all[MOST_RANGES]; } Ranges;
void executable_ranges(Ranges *found);
/* What is in the later ones and not in the former ones. */
void added_ranges(const Ranges *before, Ranges *after);
size_t bytes_in(const Ranges *ranges);

/* A file in memory; its descriptor. */
int memory_file(void);
/* Make an opened file this descriptor. */
void place(int opened, int descriptor);
/* -1 where the descriptor is no file. */
int64_t file_size(int descriptor);
/* The file has this size, and what is written next comes at its end. */
void cut(int descriptor, int64_t size);
/* At most so many bytes of a file from a place on; freed with free(). */
char *content(int descriptor, int64_t from, size_t most, size_t *size);
/* All of a file; NULL where it cannot be read. */
char *whole_file(const char *path, size_t *size);

/* Make a temporary folder, which is removed also when this process is killed; false where there is no room. */
bool make_scratch(char *path, size_t room);
void remove_scratch(const char *path);

/* End this process with one line, which the parent reads. */
void fail(const char *what) __attribute__((noreturn));
