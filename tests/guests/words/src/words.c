#include "words.h"

#include <ctype.h>

int count_words(const char *text, size_t size)
{
    int words = 0, within = 0;
    for (size_t i = 0; i < size; i++) {
        int letter = isalpha((unsigned char)text[i]) != 0;
        words += letter && !within;
        within = letter;
    }
    return words;
}
