/* What picolibc's build finds out about the compiler; mallocr.c includes it. SPDX-License-Identifier: Apache-2.0 */
#define mul_overflow(a, b, result) __builtin_mul_overflow(a, b, result)
