/* The worker's side of the protocol: pipeline/runtimes/workers/serve.py says what each message is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "engine.h"
#include "guest.h"
#include "process.h"

#define NO_FILE "/dev/null"
/* As LIMITS, STDERR_LIMIT and _STACK_FACTOR in serve.py, and its limit of a message. */
enum { USUAL_OUTPUT = 1 << 20, USUAL_STACK_KIB = 8192, STDERR_LIMIT = 4096, STACK_FACTOR = 4, MOST_MESSAGE = 500 };

static int answers;

/* What is loaded, and what its runs have in common. */
static struct {
    Options options;
    const char *standard_input;
    char **environment;
    size_t output_limit;
    int folder; /* that its "/" is; -1 for none */
} program;

static void say(const Text *text)
{
    for (size_t done = 0; done < text->size;) {
        ssize_t written = write(answers, text->bytes + done, text->size - done);
        if (written < 0)
            fail("the answers cannot be written");
        done += written;
    }
}

/* Make a file descriptor 0, from its start; an empty one of /dev/null, which is a device. */
static void set_input(const char *path)
{
    place(strcmp(path, NO_FILE) ? open(path, O_RDONLY | O_CLOEXEC) : memory_file(), 0);
}

/* The members of a list or an object, as a list that ends with NULL. */
static char **texts(const Json *list)
{
    size_t number = 0;
    for (const Json *each = list ? list->child : NULL; each; each = each->next)
        number++;
    char **made = calloc(number + 1, sizeof *made);
    number = 0;
    for (const Json *each = list ? list->child : NULL; made && each; each = each->next) {
        const char *text = each->text ? each->text : "";
        if (!each->key)
            made[number++] = strdup(text);
        else if (asprintf(&made[number++], "%s=%s", each->key, text) < 0)
            fail("out of memory");
    }
    return made;
}

static void free_texts(char **list)
{
    for (char **each = list; *each; each++)
        free(*each);
    free(list);
}

static void load(const Json *request, Text *answer)
{
    const Json *options = member(request, "options");
    const char *files = text_of(options, "files", NULL), *reason = "";
    size_t size = 0;
    uint8_t *module = (uint8_t *)whole_file(text_of(request, "path", ""), &size);
    if (!module)
        fail("the module cannot be read");
    program.options = (Options){
        .all = options,
        .clock = text_of(options, "clock", NULL),
        .memory_mib = number_of_member(options, "memory_mib", 0),
        .engine_stack = (size_t)number_of_member(options, "stack_kib", USUAL_STACK_KIB) * STACK_FACTOR << 10,
    };
    program.standard_input = text_of(options, "stdin", NO_FILE);
    program.environment = texts(member(options, "env"));
    program.output_limit = number_of_member(options, "output_bytes", USUAL_OUTPUT);
    program.folder = files ? open(files, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (files && program.folder < 0)
        fail("the folder of files cannot be opened");
    put(answer, "{\"version\":\"%s\"", engine_release());
    enum loaded outcome = engine_load(module, size, &program.options, answer, &reason);
    if (outcome != LOADED) {
        answer->size = 0;
        put(answer, "{\"%s\":", outcome == REFUSED ? "refused" : "unavailable");
        put_string(answer, reason, strlen(reason));
    }
    put(answer, "}\n");
}

/* Everything that the system knows of a run. */
static void put_usage(Text *answer, Usage before, double begun)
{
    Usage after = usage_now();
    double wall = seconds(CLOCK_MONOTONIC) - begun, cpu = after.cpu - before.cpu;
    put(answer, ",\"cpu_share\":%.9g,\"used\":{\"cpu_seconds\":%.9g,\"system_seconds\":%.9g},\"page_faults\":%ld",
        cpu / wall, cpu, after.system - before.system, after.page_faults - before.page_faults);
}

/* What the guest has printed; its standard error is taken out of the file that the parent reads. */
static void put_output(Text *answer, int64_t errors_before)
{
    size_t size;
    char *bytes = content(1, 0, program.output_limit, &size);
    put(answer, ",\"stdout_bytes\":%lld,\"stdout\":", (long long)file_size(1));
    put_string(answer, bytes, size);
    free(bytes);
    size = 0;
    bytes = errors_before < 0 ? NULL : content(2, errors_before, STDERR_LIMIT, &size);
    put(answer, ",\"stderr\":");
    put_string(answer, bytes ? bytes : "", size);
    free(bytes);
    if (errors_before >= 0)
        cut(2, errors_before);
}

static void run(const Json *request, Text *answer)
{
    char **words = texts(member(request, "argv"));
    uint32_t code = 0;
    const char *message = "";
    char status[40];
    cut(1, 0);
    int64_t errors_before = file_size(2);
    set_input(text_of(request, "stdin", program.standard_input));
    begin_guest(words, program.environment, program.folder);
    begin_clock(number_of_member(request, "speed", program.options.clock ? 1 : 0));
    Usage before = usage_now();
    double begun = seconds(CLOCK_MONOTONIC);
    Text facts = { 0 };
    enum ended how = engine_run(&facts, &code, &message);
    if (how == EXITED && code) {
        snprintf(status, sizeof status, "exit status %u", code);
        message = status;
    }
    put(answer, "{\"outcome\":\"%s\",\"code\":%u,\"message\":", how == TRAPPED ? "trap" : "exit", code);
    put_string(answer, message, strnlen(message, MOST_MESSAGE));
    put_usage(answer, before, begun);
    put_output(answer, errors_before);
    if (!program.options.clock)
        put_guest(&facts);
    if (!program.options.clock && has_clock())
        put_returned(&facts, NAN);
    put(answer, ",\"backtrace\":[]%.*s}\n", (int)facts.size, facts.bytes ? facts.bytes : "");
    free(facts.bytes);
    free_texts(words);
}

static void greet(double up)
{
    Text hello = { 0 };
    put(&hello, "{\"protocol\":1,\"monotonic\":%.9f}\n", up);
    say(&hello);
    free(hello.bytes);
}

int main(int argc, char *argv[])
{
    double up = seconds(CLOCK_MONOTONIC);
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("%s %s\n", engine_name, engine_release());
        return 0;
    }
    signal(SIGXFSZ, SIG_IGN); /* writing beyond the parent's limit is an error, and not the end */
    FILE *requests = fdopen(fcntl(0, F_DUPFD_CLOEXEC, 3), "r");
    answers = fcntl(1, F_DUPFD_CLOEXEC, 3);
    set_input(NO_FILE);
    place(memory_file(), 1);
    greet(up);
    char *line = NULL;
    size_t room = 0;
    bool loaded = false;
    while (getline(&line, &room, requests) > 0) {
        Text answer = { 0 };
        Json *request = read_json(line);
        if (!request)
            fail("the request is not JSON");
        if (!strcmp(text_of(request, "op", ""), "load")) {
            load(request, &answer);
            loaded = true;
            line = NULL; /* its options stay in use, and with them the request */
        } else if (loaded) {
            run(request, &answer);
            free(request);
        } else
            fail("asked to run before a module was loaded");
        say(&answer);
        free(answer.bytes);
    }
    _exit(0); /* an engine's clean-up at exit can abort; all that matters has been said */
}
