/* What C++'s exceptions in wasm need of libunwind, and their tag.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "Unwind-wasm.c" /* LLVM's */

#if __clang_major__ >= 22 /* until then each object that throws defines it */
__asm__(".globl __cpp_exception\n"
        ".tagtype __cpp_exception i32\n"
        "__cpp_exception:\n");
#endif
