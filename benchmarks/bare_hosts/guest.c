/* CoreMark as a command that asks nothing of its host: so many iterations, and a trap where a result is wrong.
 *
 * A bare program then needs the engine's own interface and nothing else. Compiled together with CoreMark's
 * sources, whose main() and printf() have other names here.
 */
#include <stdarg.h>
#include <string.h>

#include "coremark.h"

int coremark_main(int argc, char *argv[]);

static int validated;

/* What it prints is not read, but for the line that says whether all results are right. */
int unprinted(const char *format, ...)
{
    validated |= strncmp(format, "Correct operation validated", 27) == 0;
    return 0;
}

ee_u32 default_num_contexts = 1;
void portable_init(core_portable *p, int *argc, char *argv[]) { p->portable_id = 1; }
void portable_fini(core_portable *p) { p->portable_id = 0; }
void start_time(void) {}
void stop_time(void) {}
CORE_TICKS get_time(void) { return 11; }
/* Fewer than ten seconds are an error of its own. */
secs_ret time_in_secs(CORE_TICKS ticks) { return (secs_ret)ticks; }

void _start(void)
{
    char *arguments[] = {"coremark", "0", "0", "0x66", ITERATIONS};
    coremark_main(5, arguments);
    if (!validated) __builtin_trap();
}
