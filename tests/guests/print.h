/* Text and whole numbers on a stream: %s, %.*s, %d, %ld, and %u and %x, also with l and ll.
 *
 * The C library's printf is most of a program as small as these, for it knows floating point. Backends
 * that compile ahead of time compile all of it for each test.
 */
#include <stdarg.h>
#include <stdio.h>

static void print_number(FILE *out, unsigned long long number, unsigned base)
{
    if (number >= base)
        print_number(out, number / base, base);
    fputc("0123456789abcdef"[number % base], out);
}

static void print_values(FILE *out, const char *format, va_list values)
{
    for (; *format; format++) {
        if (*format != '%') {
            fputc(*format, out);
            continue;
        }
        int wide = 0;
        while (*++format == 'l')
            wide++;
        if (*format == '.') { /* "%.*s" */
            format += 2;
            int length = va_arg(values, int);
            fwrite(va_arg(values, const char *), 1, length, out);
        } else if (*format == 's')
            fputs(va_arg(values, const char *), out);
        else if (*format == 'd') {
            long number = wide ? va_arg(values, long) : va_arg(values, int);
            if (number < 0)
                fputc('-', out);
            print_number(out, number < 0 ? -(unsigned long)number : (unsigned long)number, 10);
        } else {
            unsigned long long number = wide == 2 ? va_arg(values, unsigned long long)
                : wide                            ? va_arg(values, unsigned long)
                                                  : va_arg(values, unsigned);
            print_number(out, number, *format == 'x' ? 16 : 10);
        }
    }
}

static void print_to(FILE *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_values(out, format, values);
    va_end(values);
}

#define print(...) print_to(stdout, __VA_ARGS__)
