/* What the guest of a wasm2c program has open: its input and output, and, where FILES_DESCRIPTOR names a folder of
   the host's, the regular files below that. They are opened only to read, and no link is followed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OK = 0, ACCES = 2, BADF = 8, INVAL = 28, IO = 29, ISDIR = 31, LOOP = 32, MFILE = 33, NAMETOOLONG = 37,
       NOENT = 44, NOSYS = 52, NOTDIR = 54, ROFS = 69, SPIPE = 70, NOTCAPABLE = 76 };
enum { CHARACTER_DEVICE = 2, DIRECTORY = 3, REGULAR_FILE = 4 };
enum { CREAT = 1, ONLY_DIRECTORY = 2, TRUNC = 8 };
#define RIGHT_READ (1ull << 1)
#define RIGHT_SEEK (1ull << 2)
#define RIGHT_TELL (1ull << 5)
#define RIGHT_WRITE (1ull << 6)
#define RIGHT_STAT (1ull << 21)
#define ALL_RIGHTS ((1ull << 29) - 1)

/* The guest's descriptors, and the host's that they stand for: the folder is 3, 0 is one that is free. */
enum { ROOT = 3, MOST_OPEN = 256, LONGEST_PATH = 4096 };
static int hosts[MOST_OPEN] = { 0, 1, 2 };

static void find_files(void)
{
    const char *folder = getenv("FILES_DESCRIPTOR");
    hosts[ROOT] = folder ? atoi(folder) : 0;
}

/* WASI's file type of a descriptor; 0 where the guest has none such. */
static int kind_of(u32 fd)
{
    if (fd < ROOT)
        return CHARACTER_DEVICE; /* so that a guest does not seek */
    if (fd >= MOST_OPEN || !hosts[fd])
        return 0;
    return fd == ROOT ? DIRECTORY : REGULAR_FILE;
}

static u64 rights_of(u32 fd)
{
    if (kind_of(fd) == REGULAR_FILE)
        return RIGHT_READ | RIGHT_SEEK | RIGHT_TELL | RIGHT_STAT;
    /* The folder's: what may be asked of a file in it; to write is refused when one is opened. */
    return fd == ROOT ? ALL_RIGHTS : fd ? RIGHT_WRITE : RIGHT_READ;
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

/* Without "." and "..", which need not be asked of the file system where there are no links. */
static u32 plain_path(const char *path, u32 size, char plain[LONGEST_PATH])
{
    u32 length = 0;
    if (size >= LONGEST_PATH)
        return NAMETOOLONG;
    if (memchr(path, 0, size))
        return INVAL;
    if (size && path[0] == '/')
        return NOTCAPABLE;
    for (u32 i = 0, end; i < size; i = end + 1) {
        for (end = i; end < size && path[end] != '/'; end++)
            ;
        u32 part = end - i;
        if (part == 2 && !memcmp(path + i, "..", 2)) {
            if (!length)
                return NOTCAPABLE;
            while (length && plain[--length] != '/')
                ;
        } else if (part && !(part == 1 && path[i] == '.')) {
            if (length)
                plain[length++] = '/';
            memcpy(plain + length, path + i, part);
            length += part;
        }
    }
    /* With a "/" at its end it can only be a folder. */
    if (length && path[size - 1] == '/' && length + 1 < LONGEST_PATH)
        plain[length++] = '/';
    plain[length] = 0;
    return OK;
}

/* Open what a path leads to, folder by folder, so that no link is followed. */
static u32 open_path(u32 fd, const char *path, u32 size, int *found, struct stat *status)
{
    char plain[LONGEST_PATH], *part = plain, *end;
    int folder, next, how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    u32 error;
    if (!kind_of(fd))
        return BADF;
    if (fd != ROOT)
        return NOTDIR;
    if ((error = plain_path(path, size, plain)))
        return error;
    if ((folder = openat(hosts[ROOT], ".", how | O_DIRECTORY)) < 0)
        return number_of(errno);
    for (; *part; part = end) {
        end = part + strcspn(part, "/");
        int last = !*end;
        if (!last)
            *end++ = 0;
        next = openat(folder, part, last ? how : how | O_DIRECTORY);
        error = next < 0 ? number_of(errno) : OK;
        close(folder);
        if (error)
            return error;
        folder = next;
    }
    *found = folder;
    if (fstat(folder, status) == 0 && (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)))
        return OK;
    close(folder);
    return ACCES;
}

/* A descriptor of the guest's for the file that a path leads to. */
static u32 open_file(u32 fd, const char *path, u32 size, u32 flags, u64 rights, u32 *opened)
{
    struct stat status;
    int found;
    u32 error = open_path(fd, path, size, &found, &status);
    if (error)
        return error == NOENT && flags & CREAT ? ROFS : error;
    for (*opened = ROOT + 1; *opened < MOST_OPEN && hosts[*opened]; ++*opened)
        ;
    if (S_ISDIR(status.st_mode))
        error = ISDIR;
    else if (flags & ONLY_DIRECTORY)
        error = NOTDIR;
    else if (flags & TRUNC || rights & RIGHT_WRITE)
        error = ROFS;
    else if (*opened == MOST_OPEN)
        error = MFILE;
    if (error)
        close(found);
    else
        hosts[*opened] = found;
    return error;
}
