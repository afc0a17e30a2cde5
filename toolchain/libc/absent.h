/* Functions of C and POSIX that WASI has nothing for, for programs that can do without them when they run:
 * each fails as the standards allow it to. Included before everything else where workload.toml asks for
 * libraries = ["absent-functions"]. It includes nothing itself, since that would fix the program's choice of
 * standards. Weak, since each source has them, and so that those of a C library come first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifdef __cplusplus
extern "C" {
#endif

struct _IO_FILE;
extern __thread int errno;
#define ABSENT(declaration, value) \
    __attribute__((weak)) declaration \
    { \
        errno = 52; /* ENOSYS */ \
        return value; \
    }

/* C: without a command it asks whether there is a command processor. */
ABSENT(int system(const char *command), command ? -1 : 0)
ABSENT(struct _IO_FILE *tmpfile(void), 0)
ABSENT(char *tmpnam(char *name), 0)
#define L_tmpnam 20
#define TMP_MAX 25 /* the least that C allows */

/* POSIX */
ABSENT(struct _IO_FILE *popen(const char *command, const char *mode), 0)
ABSENT(int pclose(struct _IO_FILE *stream), -1)
ABSENT(char *tempnam(const char *folder, const char *prefix), 0)
ABSENT(int mkstemp(char *name), -1)
ABSENT(char *mkdtemp(char *name), 0)
ABSENT(int fork(void), -1)
ABSENT(int execv(const char *path, char *const arguments[]), -1)
ABSENT(int execvp(const char *file, char *const arguments[]), -1)
ABSENT(int execve(const char *path, char *const arguments[], char *const variables[]), -1)
ABSENT(int pipe(int ends[2]), -1)
ABSENT(int dup(int descriptor), -1)
ABSENT(int dup2(int descriptor, int number), -1)
ABSENT(unsigned umask(unsigned mode), 0)
ABSENT(int chmod(const char *path, unsigned mode), -1)

#undef ABSENT
#ifdef __cplusplus
}
#endif
