#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *past_blanks(char *at) { return at + strspn(at, " \t\r\n"); }

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = code;
        return to;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    *to++ = lead[more] | code >> 6 * more;
    while (more--)
        *to++ = 0x80 | (code >> 6 * more & 0x3f);
    return to;
}

static unsigned hexadecimal(const char *at)
{
    char digits[5] = { 0 };
    memcpy(digits, at, strnlen(at, 4));
    return strtoul(digits, NULL, 16);
}

/* Decode in place what follows a quote: no text becomes longer. Returns what follows it, or NULL. */
static char *read_string(char *at, const char **text)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *to = at;
    *text = at;
    while (*at && *at != '"') {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        const char *found = at[1] ? strchr(plain, at[1]) : NULL;
        if (found) {
            *to++ = meant[found - plain];
            at += 2;
        } else if (at[1] == 'u' && strnlen(at, 6) == 6) {
            unsigned code = hexadecimal(at + 2);
            at += 6;
            if (code >> 10 == 0x36 && at[0] == '\\' && at[1] == 'u') {
                code = 0x10000 + ((code & 0x3ff) << 10 | (hexadecimal(at + 2) & 0x3ff));
                at += strnlen(at, 6);
            }
            to = put_utf8(to, code);
        } else
            return NULL;
    }
    if (!*at)
        return NULL;
    *to = 0;
    return at + 1;
}

static char *read_value(char *at, Json *into, Json **spare);

static char *read_members(char *at, Json *into, Json **spare)
{
    char end = into->kind == '{' ? '}' : ']';
    Json **last = &into->child;
    at = past_blanks(at);
    if (*at == end)
        return at + 1;
    for (;; at++) {
        Json *each = (*spare)++;
        at = past_blanks(at);
        if (into->kind == '{') {
            if (*at != '"' || !(at = read_string(at + 1, &each->key)) || *(at = past_blanks(at)) != ':')
                return NULL;
            at++;
        }
        if (!(at = read_value(at, each, spare)))
            return NULL;
        *last = each;
        last = &each->next;
        at = past_blanks(at);
        if (*at == end)
            return at + 1;
        if (*at != ',')
            return NULL;
    }
}

static char *read_value(char *at, Json *into, Json **spare)
{
    at = past_blanks(at);
    into->kind = *at;
    if (*at == '{' || *at == '[')
        return read_members(at + 1, into, spare);
    if (*at == '"')
        return read_string(at + 1, &into->text);
    if (*at == 't' || *at == 'n')
        return strnlen(at, 4) == 4 ? at + 4 : NULL;
    if (*at == 'f')
        return strnlen(at, 5) == 5 ? at + 5 : NULL;
    char *end;
    into->number = strtod(at, &end);
    into->kind = '0';
    return end == at ? NULL : end;
}

Json *read_json(char *line)
{
    /* Each value but the last has a character of its own and a comma, a colon or a bracket. */
    Json *all = calloc(strlen(line) / 2 + 2, sizeof *all), *spare = all + 1;
    char *rest = all ? read_value(line, all, &spare) : NULL;
    if (rest && !*past_blanks(rest))
        return all;
    free(all);
    return NULL;
}

const Json *member(const Json *object, const char *key)
{
    const Json *each = object && object->kind == '{' ? object->child : NULL;
    while (each && strcmp(each->key, key))
        each = each->next;
    return each;
}

const char *text_of(const Json *object, const char *key, const char *usual)
{
    const Json *found = member(object, key);
    return found && found->kind == '"' ? found->text : usual;
}

double number_of_member(const Json *object, const char *key, double usual)
{
    const Json *found = member(object, key);
    return found && found->kind == '0' ? found->number : usual;
}

static void make_room(Text *text, size_t more)
{
    if (text->size + more <= text->room)
        return;
    text->room = 2 * (text->size + more);
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes)
        abort();
}

void put(Text *text, const char *format, ...)
{
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int size = vsnprintf(NULL, 0, format, values);
    make_room(text, size + 1);
    vsnprintf(text->bytes + text->size, size + 1, format, again);
    text->size += size;
    va_end(again);
    va_end(values);
}

void put_string(Text *text, const char *bytes, size_t size)
{
    make_room(text, 6 * size + 3);
    char *to = text->bytes + text->size;
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char each = bytes[i];
        if (each == '"' || each == '\\')
            *to++ = '\\';
        if (each < 0x20)
            to += sprintf(to, "\\u%04x", each);
        else
            to = put_utf8(to, each);
    }
    *to++ = '"';
    *to = 0;
    text->size = to - text->bytes;
}
