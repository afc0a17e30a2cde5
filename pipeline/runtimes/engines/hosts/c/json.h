/* JSON as the protocol has it: requests that are read, and answers that are written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct Json Json;
struct Json {
    char kind; /* '{', '[', '"', '0' for a number, 't', 'f' or 'n' */
    const char *key, *text;
    double number;
    Json *child, *next;
};

/* One line, which is changed and must last as long as what is read; NULL if it is not JSON. Freed with free(). */
Json *read_json(char *line);

/* NULL where there is none of that name. */
const Json *member(const Json *object, const char *key);
/* Of a member; what is usual where there is none of that kind. */
const char *text_of(const Json *object, const char *key, const char *usual);
double number_of_member(const Json *object, const char *key, double usual);

/* A text that grows. */
typedef struct { char *bytes; size_t size, room; } Text;
void put(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A string of JSON with a character for each of these bytes. */
void put_string(Text *text, const char *bytes, size_t size);
