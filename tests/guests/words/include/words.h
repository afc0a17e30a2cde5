#ifndef WORDS_H
#define WORDS_H
#include <stddef.h>
int count_words(const char *text, size_t size);
#endif
