/* <setjmp.h> for wasm: see ../setjmp.c. Signals do not exist there, so masks of them are not saved.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef _SETJMP_H
#define _SETJMP_H

#ifndef __wasm_exception_handling__
#error "setjmp needs exception handling, which is switched off"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    unsigned long __place[8];
} jmp_buf[1];
typedef jmp_buf sigjmp_buf;

int setjmp(jmp_buf) __attribute__((__returns_twice__));
__attribute__((__noreturn__)) void longjmp(jmp_buf, int);

#define setjmp setjmp
#define _setjmp(place) setjmp(place)
#define sigsetjmp(place, signals) setjmp(place)
#define _longjmp(place, value) longjmp(place, value)
#define siglongjmp(place, value) longjmp(place, value)

#ifdef __cplusplus
}
#endif

#endif
