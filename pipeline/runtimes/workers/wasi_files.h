/* What a guest has open: its input and outputs, which are the host's 0, 1 and 2, and what is below its folder "/", if
   it has one. That is opened only to read, and no link is followed. Included by wasi.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OK = 0, ACCES = 2, BADF = 8, ILSEQ = 25, INVAL = 28, IO = 29, LOOP = 32, MFILE = 33, NAMETOOLONG = 37,
       NOENT = 44, NOTDIR = 54, NOTSOCK = 57, NOTSUP = 58, PERM = 63, SPIPE = 70 };
/* NONE is no descriptor. Input and outputs are files of a kind without a number: no guest sees a terminal. */
enum { UNKNOWN = 0, DIRECTORY = 3, REGULAR_FILE = 4, NONE = 255 };
enum { CREAT = 1, ONLY_DIRECTORY = 2, TRUNC = 8 };
enum { APPEND = 1, NONBLOCK = 4, SYNCS = 2 | 8 | 16 };
#define RIGHT_READ (1ull << 1)
#define RIGHT_WRITE (1ull << 6)
/* Of a file, of a folder that was opened, and of the folder "/" with what is opened by it. */
#define FILE_RIGHTS 0x3fffffbfull
#define FOLDER_RIGHTS 0x3fb7ffbbull
#define ROOT_RIGHTS 0x7b7fe00ull
#define BELOW_ROOT 0xff7ffffull

/* The guest's descriptors, each with the host's; the folder "/" is the first one that is 3. A file's
   position is kept here, for the host's goes no further than its file system's largest file. */
enum { MOST_OPEN = 256, LONGEST_PATH = 4096 };
static struct descriptor { int kind, host, first, flags; s64 position; } opened[MOST_OPEN] = {
    { UNKNOWN, 0 }, { UNKNOWN, 1 }, { UNKNOWN, 2 },
};
static u32 count_opened = 3;

/* The guest's "/" is this folder of the host's. */
static void add_root(int folder)
{
    opened[count_opened++] = (struct descriptor){ DIRECTORY, folder, 1, 0 };
}

/* WASI's file type of a descriptor; NONE where the guest has none such. */
static int kind_of(u32 fd) { return fd < count_opened ? opened[fd].kind : NONE; }
static int is_stored(u32 fd) { return kind_of(fd) == REGULAR_FILE || kind_of(fd) == DIRECTORY; }
static int is_input(u32 fd) { return kind_of(fd) == UNKNOWN && opened[fd].host == 0; }
static int is_output(u32 fd) { return kind_of(fd) == UNKNOWN && opened[fd].host != 0; }

/* Why there is no position in a descriptor; OK for a regular file. */
static u32 seekable(u32 fd)
{
    return kind_of(fd) == REGULAR_FILE ? OK : kind_of(fd) == UNKNOWN ? SPIPE : BADF;
}

/* A number for a descriptor: the highest that was closed, or a new one. */
static u32 add(struct descriptor descriptor, u32 *fd)
{
    for (*fd = count_opened; *fd > 0; --*fd)
        if (opened[*fd - 1].kind == NONE) {
            opened[--*fd] = descriptor;
            return OK;
        }
    if (count_opened == MOST_OPEN)
        return MFILE;
    opened[*fd = count_opened++] = descriptor;
    return OK;
}

static void drop(u32 fd)
{
    if (opened[fd].host > 2 && !opened[fd].first)
        close(opened[fd].host);
    opened[fd].kind = NONE;
}

static u32 number_of(int error)
{
    switch (error) {
    case ENOENT: return NOENT;
    case ENOTDIR: return NOTDIR;
    case ELOOP: return LOOP;
    case EMFILE: return MFILE;
    case ENAMETOOLONG: return NAMETOOLONG;
    case EINVAL: return INVAL;
    default: return IO;
    }
}

/* Whether a text is UTF-8: in the shortest form, and of no surrogates. */
static int is_utf8(const u8 *text, u32 size)
{
    static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
    for (u32 i = 0; i < size;) {
        u32 first = text[i], none = first > 0xf4 || (first >= 0x80 && first < 0xc0);
        u32 more = (first >= 0xc0) + (first >= 0xe0) + (first >= 0xf0);
        if (none || more >= size - i)
            return 0;
        u32 point = more ? first & 0x3f >> more : first;
        for (u32 end = i++ + more; i <= end; i++) {
            if (text[i] >> 6 != 2)
                return 0;
            point = point << 6 | (text[i] & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff || point >> 11 == 0x1b)
            return 0;
    }
    return 1;
}

/* Open one part of a path, "." and ".." too, and close what it was opened from; the host's error, or 0. */
static int enter(int *at, const char *part, u32 size)
{
    char name[LONGEST_PATH];
    int next, error;
    memcpy(name, part, size);
    name[size] = 0;
    next = openat(*at, size ? name : ".", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    error = next < 0 ? errno : 0;
    close(*at);
    *at = next;
    return error;
}

/* Open what a path from a folder leads to, part by part, so that no link is followed and none is above it. */
static u32 open_path(u32 fd, const char *path, u32 size, int *found, struct stat *status)
{
    int depth = 0, at, error = 0;
    if (memchr(path, 0, size))
        return INVAL;
    if (size >= LONGEST_PATH)
        return NAMETOOLONG;
    if (!size)
        return NOENT;
    if (path[0] == '/')
        return PERM;
    at = fcntl(opened[fd].host, F_DUPFD_CLOEXEC, 3);
    if (at < 0)
        return number_of(errno);
    for (u32 i = 0, end; i <= size && !error; i = end + 1) {
        for (end = i; end < size && path[end] != '/'; end++)
            ;
        int plain = end == i || (end - i == 1 && path[i] == '.');
        int up = end - i == 2 && !memcmp(path + i, "..", 2);
        if (up && depth == 0) {
            close(at);
            return PERM;
        }
        depth += up ? -1 : plain ? 0 : 1;
        error = enter(&at, path + i, end - i);
    }
    if (error)
        return number_of(error);
    *found = at;
    if (fstat(at, status) == 0 && (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)))
        return OK;
    close(at);
    return ACCES;
}

/* A descriptor of the guest's for the file or folder that a path leads to. */
static u32 open_file(u32 fd, const char *path, u32 size, u32 how, u64 rights, u32 flags, u32 *number)
{
    struct stat status;
    struct descriptor found = { REGULAR_FILE, 0, 0, flags & (APPEND | NONBLOCK) };
    u32 error;
    if (kind_of(fd) != DIRECTORY)
        return kind_of(fd) == REGULAR_FILE ? NOTDIR : BADF;
    if (flags & SYNCS)
        return NOTSUP;
    if (how & (CREAT | TRUNC) || rights & RIGHT_WRITE)
        return PERM;
    if ((error = open_path(fd, path, size, &found.host, &status)))
        return error;
    if (S_ISDIR(status.st_mode)) {
        found.kind = DIRECTORY;
        found.flags = 0;
    } else if (how & ONLY_DIRECTORY)
        error = NOTDIR;
    if (!error)
        error = add(found, number);
    if (error)
        close(found.host);
    return error;
}
