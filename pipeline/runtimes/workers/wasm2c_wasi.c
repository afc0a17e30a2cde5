/* WASI preview 1 for one wasm2c module named "guest": arguments, environment, clocks, random bytes, standard input
   and output, and files to read. No network: those calls say so. */
#include "wasm2c_host.h"

#ifndef HOST
#define HOST , NULL
#endif

typedef struct w2c_wasi__snapshot__preview1 Host;
#define CALL(name) w2c_wasi__snapshot__preview1_##name
#define WASI(name) u32 CALL(name)

/* wasm2c has no bounds checks that host code could use: every pointer of the guest goes through here. */
static void *at(u64 address, u64 size)
{
    wasm_rt_memory_t *memory = w2c_guest_memory(&guest);
    if (address > memory->size || size > memory->size - address)
        wasm_rt_trap(WASM_RT_TRAP_OOB);
    return memory->data + address;
}

#include "wasi.h"

extern char **environ;

/* The guest's own are those behind a sign: see wasm2c_worker.py. */
static void find_variables(void)
{
    static const char sign[] = "guest:";
    size_t length = sizeof sign - 1;
    int all = 0;
    while (environ[all])
        all++;
    variables = calloc(all + 1, sizeof *variables);
    for (int i = 0; i < all; i++)
        if (!strncmp(environ[i], sign, length))
            variables[variable_count++] = environ[i] + length;
}

/* How often the guest called, as eight bytes in this machine's order: see wasm2c_worker.py. */
static void end(int code)
{
    tell("CALLS_DESCRIPTOR", &calls, sizeof calls);
    _exit(code);
}

void w2c_wasi__snapshot__preview1_proc_exit(Host *host, u32 code)
{
    /* The kernel keeps eight bits, and 256 is no success. */
    end(code > 255 ? 255 : (int)code);
}

int main(int argc, char *argv[])
{
    (void)checks[0]; /* or the linker drops it */
    count = argc;
    words = argv;
    find_variables();
    const char *folder = getenv("FILES_DESCRIPTOR");
    if (folder)
        add_root(atoi(folder));
    wasm_rt_init();
    CATCH;
    wasm2c_guest_instantiate(&guest HOST);
    w2c_guest_0x5Fstart(&guest);
    end(0);
}
