/* setjmp and longjmp for wasm, by its exceptions: what LLVM's -wasm-enable-sjlj calls.
 *
 * The compiler turns each call of setjmp into __wasm_setjmp, which notes where in which call of which function it
 * was. longjmp throws the tag __c_longjmp; a function with a setjmp catches it, and asks __wasm_setjmp_test whether
 * one of its own in this very call is meant (0: throw it again).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

/* Within a jmp_buf. The compiler reads ``thrown`` by its address. */
struct place {
    void *call;
    uint32_t label;
    struct {
        void *place;
        int value;
    } thrown;
};

void __wasm_setjmp(struct place *place, uint32_t label, void *call)
{
    place->call = call;
    place->label = label;
}

uint32_t __wasm_setjmp_test(struct place *place, void *call)
{
    return place->call == call ? place->label : 0;
}

void __wasm_longjmp(struct place *place, int value)
{
    place->thrown.place = place;
    place->thrown.value = value ? value : 1;
    __builtin_wasm_throw(1, &place->thrown);
}

#if __clang_major__ >= 22 /* until then each object that throws defines it */
__asm__(".globl __c_longjmp\n"
        ".tagtype __c_longjmp i32\n"
        "__c_longjmp:\n");
#endif
