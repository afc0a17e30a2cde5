/* Included by main.c: no source of its own. */
static unsigned hash(const char *text, size_t size)
{
    unsigned sum = SEED;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)text[i]) * 16777619u;
    return sum;
}
