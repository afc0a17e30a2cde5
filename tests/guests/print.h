/* Text and whole numbers on standard output: %s, %d, %u, %ld and %lu.
 *
 * The C library's printf is most of a program as small as these, for it knows floating point. Backends
 * that compile ahead of time compile all of it for each test.
 */
#include <stdarg.h>
#include <stdio.h>

static void print_number(unsigned long number)
{
    if (number > 9)
        print_number(number / 10);
    putchar('0' + number % 10);
}

static void print(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    for (; *format; format++) {
        if (*format != '%') {
            putchar(*format);
            continue;
        }
        int wide = *++format == 'l';
        format += wide;
        if (*format == 's')
            fputs(va_arg(values, const char *), stdout);
        else if (*format == 'u')
            print_number(wide ? va_arg(values, unsigned long) : va_arg(values, unsigned));
        else {
            long number = wide ? va_arg(values, long) : va_arg(values, int);
            if (number < 0)
                putchar('-');
            print_number(number < 0 ? -(unsigned long)number : (unsigned long)number);
        }
    }
    va_end(values);
}
