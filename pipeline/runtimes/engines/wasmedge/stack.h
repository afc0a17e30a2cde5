/* Where a guest's calls come to an end. WasmEdge has no limit for them: its interpreter's stack grows on the heap as
   long as there is memory, and its handler of signals needs the stack that compiled code has used up. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

/* Watch a run. It returns 0, and again 1 when the interpreter's stack becomes larger than so many bytes (0: it is not
   the interpreter that runs). Within the frame of its caller only. */
#define watch_stack(most) (begin_watch(most), setjmp(stack_end))
void unwatch_stack(void);
/* Whether the trap that has just ended compiled code came from the end of its stack. */
bool stack_has_ended(void);

extern jmp_buf stack_end;
void begin_watch(size_t most);
