"""malloc and its family: the same allocator for native and wasm, as C programs meet it."""

from __future__ import annotations

import resource
import subprocess

import pytest

from tests.contract.test_cplusplus import build, cxx, output, shelf, target, toolchain  # noqa: F401
from toolchain.model import CXX, NATIVE

FAMILY = """
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define WANT(x) if (!(x)) { printf("line %d\\n", __LINE__); return 1; }
static unsigned seed = 1;
void *memalign(size_t, size_t), *valloc(size_t);
static unsigned next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }
int main(void)
{
    static unsigned char *blocks[500];
    static size_t sizes[500];
    for (int i = 0; i < 20000; i++) {
        unsigned at = next() % 500;
        for (size_t n = 0; n < sizes[at]; n += 97) WANT(blocks[at][n] == (unsigned char)(at + n));
        size_t size = next() % (i % 50 ? 3000 : 60000);
        if (i % 3 == 0) { free(blocks[at]); blocks[at] = malloc(size); }
        else blocks[at] = realloc(blocks[at], size);
        WANT((blocks[at] || size == 0) && (uintptr_t)blocks[at] % 16 == 0);
        if (size && i % 3) for (size_t n = 0; n < (size < sizes[at] ? size : sizes[at]); n += 97)
            WANT(blocks[at][n] == (unsigned char)(at + n));
        sizes[at] = blocks[at] ? size : 0;
        for (size_t n = 0; n < sizes[at]; n += 97) blocks[at][n] = (unsigned char)(at + n);
        WANT(malloc_usable_size(blocks[at]) >= sizes[at]);
    }
    for (int at = 0; at < 500; at++) free(blocks[at]);
    unsigned char *zeros = calloc(1000, 77);
    for (size_t n = 0; n < 77000; n++) WANT(zeros[n] == 0);
    free(zeros);
    for (size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        void *one = aligned_alloc(alignment, alignment * 3), *two = NULL;
        WANT(one && posix_memalign(&two, alignment, 5) == 0 && two);
        WANT(((uintptr_t)one | (uintptr_t)two) % alignment == 0);
        free(one); free(two);
    }
    void *kept = &seed;
    WANT(posix_memalign(&kept, 24, 5) == EINVAL && kept == &seed);
    volatile size_t most = SIZE_MAX - 70000;
    errno = 0;
    /* Compilers know of malloc itself that it leaves errno as it is. */
    void *(*volatile get)(size_t) = malloc, *(*volatile get_zeros)(size_t, size_t) = calloc;
    void *none = get(most);
    WANT(none == NULL && (errno == ENOMEM || !ALL));
    errno = 0;
    none = get_zeros(most, 4);
    WANT(none == NULL && (errno == ENOMEM || !ALL));
#if ALL /* Debian's wasi-libc has only some of the others, and sets errno not always */
    errno = 0;
    void *(*volatile again)(void *, size_t, size_t) = reallocarray;
    none = again(NULL, most, 4);
    WANT(none == NULL && (errno == ENOMEM || !ALL));
    none = memalign(4096, 10);
    WANT(none && (uintptr_t)none % 4096 == 0);
    free(none);
    none = valloc(10);
    WANT(none && (uintptr_t)none % 4096 == 0);
    free(none);
#endif
    free(NULL);
    puts("well");
    return 0;
}
"""
AGAIN = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    size_t size = (size_t)atol(argv[1]);
    for (int i = 0; i < 3000; i++) {
        volatile char *block = malloc(size);
        for (size_t at = 0; at < size; at += 4096) block[at] = (char)i;
        free((void *)block);
    }
    return 0;
}
"""
THREADS = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *number)
{
    char *blocks[64] = {0};
    unsigned seed = (unsigned)(size_t)number;
    for (int i = 0; i < 200000; i++) {
        unsigned at = (seed = seed * 1664525u + 1013904223u) >> 26;
        if (blocks[at] && blocks[at][0] != (char)(size_t)number) abort();
        free(blocks[at]);
        blocks[at] = malloc(1 + (seed >> 8) % 2000);
        blocks[at][0] = (char)(size_t)number;
    }
    return 0;
}
int main(void)
{
    pthread_t threads[4];
    for (size_t n = 0; n < 4; n++) if (pthread_create(&threads[n], 0, work, (void *)(n + 1))) return 1;
    for (size_t n = 0; n < 4; n++) pthread_join(threads[n], 0);
    puts("well");
    return 0;
}
"""
NEW = """
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <string>
#include <vector>
int main()
{
    std::vector<std::string> words;
    for (int i = 0; i < 1000; i++) words.push_back(std::string(100, 'x'));
    int *numbers = new int[1000];
    bool ours = malloc_usable_size(numbers) >= 4000 && malloc_usable_size(numbers) < 4100;
    delete[] numbers;
    std::puts(ours ? "well" : "not malloc's");
}
"""


def made(toolchain, target, text, shelf, folder, libraries=(), name="a.c"):  # noqa: F811
    source = folder / name
    source.write_text(text)
    flags = ["-O2", f"-DALL={int(toolchain.name == 'zig')}"]
    assert build(toolchain, target, flags, source, libraries, shelf, folder / "a") == ""
    return folder / "a"


def test_the_family_keeps_what_it_promises(toolchain, target, shelf, tmp_path):  # noqa: F811
    assert output(target, made(toolchain, target, FAMILY, shelf, tmp_path)) == "well\n"


@pytest.mark.parametrize("size", [16, 1000, 33_000, 100_000, 1_000_000])
def test_a_block_that_is_freed_and_wanted_again_needs_no_pages_of_the_kernel(
    toolchain,  # noqa: F811
    shelf,  # noqa: F811
    tmp_path,
    size,
):
    if toolchain.missing(NATIVE):
        pytest.skip(toolchain.missing(NATIVE))
    program = made(toolchain, NATIVE, AGAIN, shelf, tmp_path)
    program.chmod(0o755)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    subprocess.run([program, str(size)], check=True)
    faults = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before
    assert faults < 1000 + size / 4096


@pytest.mark.parametrize("toolchain", ["zig"], indirect=True)
def test_threads_do_not_disturb_each_other(toolchain, shelf, tmp_path):  # noqa: F811
    assert output(NATIVE, made(toolchain, NATIVE, THREADS, shelf, tmp_path)) == "well\n"


def test_new_is_malloc(cxx, target, shelf, tmp_path):  # noqa: F811
    assert output(target, made(cxx, target, NEW, shelf, tmp_path, [CXX], "a.cc")) == "well\n"
