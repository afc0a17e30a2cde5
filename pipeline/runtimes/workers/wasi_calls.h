/* What a guest can ask of its descriptors: included by wasi.h. */

/* Read into the guest's pieces of memory; offset -1 is for the input, which has no positions. */
static u32 read_into(int file, u32 vectors, u32 number, s64 offset, u32 *total)
{
    *total = 0;
    for (u32 i = 0; i < number; i++) {
        u32 size = get32(vectors + 8ull * i + 4);
        char *data = at(get32(vectors + 8ull * i), size);
        ssize_t got = offset < 0 ? read(file, data, size) : pread(file, data, size, offset + *total);
        if (got < 0)
            return number_of(errno);
        *total += got;
        if (got < size)
            break;
    }
    return OK;
}

WASI(fd_read)(Host *host, u32 fd, u32 vectors, u32 number, u32 result)
{
    u32 total, error;
    CALLED;
    if (!is_input(fd) && kind_of(fd) != REGULAR_FILE)
        return BADF;
    error = read_into(opened[fd].host, vectors, number, is_input(fd) ? -1 : opened[fd].position, &total);
    if (error)
        return error;
    opened[fd].position += total;
    put32(result, total);
    return OK;
}

WASI(fd_pread)(Host *host, u32 fd, u32 vectors, u32 number, u64 offset, u32 result)
{
    u32 total, error;
    CALLED;
    if (kind_of(fd) != REGULAR_FILE)
        return is_input(fd) ? SPIPE : BADF;
    error = offset >> 63 ? INVAL : read_into(opened[fd].host, vectors, number, offset, &total);
    if (!error)
        put32(result, total);
    return error;
}

WASI(fd_pwrite)(Host *host, u32 fd, u32 a, u32 b, u64 c, u32 d) { CALLED; return is_output(fd) ? SPIPE : BADF; }

WASI(fd_seek)(Host *host, u32 fd, u64 offset, u32 whence, u32 result)
{
    struct stat status;
    s64 position = 0;
    u32 error = seekable(fd);
    CALLED;
    if (error)
        return error;
    if (whence == 2 && fstat(opened[fd].host, &status))
        return IO;
    if (whence > 0)
        position = whence == 1 ? opened[fd].position : status.st_size;
    if (whence > 2 || __builtin_add_overflow(position, (s64)offset, &position) || position < 0)
        return INVAL;
    opened[fd].position = position;
    put64(result, position);
    return OK;
}

WASI(fd_tell)(Host *host, u32 fd, u32 result)
{
    return CALL(fd_seek)(host, fd, 0, 1, result);
}

WASI(fd_close)(Host *host, u32 fd)
{
    CALLED;
    if (kind_of(fd) == NONE)
        return BADF;
    drop(fd);
    return OK;
}

WASI(fd_renumber)(Host *host, u32 from, u32 to)
{
    CALLED;
    if (kind_of(to) == NONE || kind_of(from) == NONE)
        return BADF;
    if (from != to) {
        drop(to);
        opened[to] = opened[from];
        opened[from].kind = NONE;
    }
    return OK;
}

WASI(fd_fdstat_get)(Host *host, u32 fd, u32 result)
{
    u64 base, below;
    CALLED;
    if (kind_of(fd) == NONE)
        return BADF;
    base = below = is_input(fd) ? RIGHT_READ : is_output(fd) ? RIGHT_WRITE :
                   kind_of(fd) == DIRECTORY ? FOLDER_RIGHTS : FILE_RIGHTS;
    if (opened[fd].first)
        base = ROOT_RIGHTS, below = BELOW_ROOT;
    put64(result, kind_of(fd) | opened[fd].flags << 16);
    put64(result + 8, base);
    put64(result + 16, below);
    return OK;
}

WASI(fd_fdstat_set_flags)(Host *host, u32 fd, u32 flags)
{
    CALLED;
    if (kind_of(fd) != REGULAR_FILE)
        return BADF;
    if (flags & SYNCS)
        return INVAL;
    opened[fd].flags = flags;
    return OK;
}

/* No device, one link, and no time. */
static void put_status(u32 result, int kind, const struct stat *status)
{
    memset(at(result, 64), 0, 64);
    if (kind == UNKNOWN)
        return;
    put64(result, 1);
    put64(result + 8, status->st_ino);
    *(char *)at(result + 16, 1) = kind;
    put64(result + 24, 1);
    put64(result + 32, kind == REGULAR_FILE ? status->st_size : 0);
}

WASI(fd_filestat_get)(Host *host, u32 fd, u32 result)
{
    struct stat status = {0};
    CALLED;
    if (kind_of(fd) == NONE)
        return BADF;
    if (is_stored(fd) && fstat(opened[fd].host, &status))
        return IO;
    put_status(result, kind_of(fd), &status);
    return OK;
}

static int is_text(u32 address, u32 size) { return is_utf8(at(address, size), size); }

/* Open what a path of the guest's leads to, only to look at it. */
static u32 find(u32 fd, u32 path, u32 size, int *found, struct stat *status)
{
    if (kind_of(fd) != DIRECTORY)
        return BADF;
    return is_text(path, size) ? open_path(fd, at(path, size), size, found, status) : ILSEQ;
}

WASI(path_filestat_get)(Host *host, u32 fd, u32 flags, u32 name, u32 size, u32 result)
{
    struct stat status;
    int found;
    u32 error = find(fd, name, size, &found, &status);
    CALLED;
    if (error)
        return error;
    close(found);
    put_status(result, S_ISDIR(status.st_mode) ? DIRECTORY : REGULAR_FILE, &status);
    return OK;
}

WASI(path_readlink)(Host *host, u32 fd, u32 name, u32 size, u32 c, u32 d, u32 e)
{
    struct stat status;
    int found;
    u32 error = find(fd, name, size, &found, &status);
    CALLED;
    if (error)
        return error;
    close(found);
    return INVAL; /* it is none */
}

WASI(path_open)(Host *host, u32 fd, u32 look, u32 name, u32 size, u32 how, u64 rights, u64 inherited,
                u32 flags, u32 result)
{
    u32 number, error = ILSEQ;
    CALLED;
    if (is_text(name, size))
        error = open_file(fd, at(name, size), size, how, rights, flags, &number);
    if (!error)
        put32(result, number);
    return error;
}

WASI(fd_prestat_get)(Host *host, u32 fd, u32 result)
{
    CALLED;
    if (kind_of(fd) == NONE || !opened[fd].first)
        return BADF;
    put64(result, 1ull << 32); /* a folder, with a name of one byte */
    return OK;
}

WASI(fd_prestat_dir_name)(Host *host, u32 fd, u32 name, u32 size)
{
    CALLED;
    if (kind_of(fd) == NONE)
        return BADF;
    if (!opened[fd].first)
        return NOTDIR;
    if (!size)
        return NAMETOOLONG;
    *(char *)at(name, 1) = '/';
    return OK;
}

/* The next entry that a guest may see: a folder or a regular file. */
static struct dirent *next_entry(DIR *folder, struct stat *status)
{
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (fstatat(dirfd(folder), entry->d_name, status, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISREG(status->st_mode) || S_ISDIR(status->st_mode)))
            return entry;
    }
    return NULL;
}

/* As many entries as there is room for, the last one cut off. */
WASI(fd_readdir)(Host *host, u32 fd, u32 buffer, u32 size, u64 cookie, u32 result)
{
    static const char *const own[] = { ".", ".." };
    static char *entries; /* kept, and copied when the folder is closed: at() may not return */
    struct stat status;
    struct dirent *entry;
    DIR *folder;
    u32 used = 0;
    CALLED;
    if (kind_of(fd) != DIRECTORY)
        return BADF;
    if (fstat(opened[fd].host, &status) ||
        !(folder = fdopendir(openat(opened[fd].host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))))
        return IO;
    for (u64 i = 0; used < size; i++) {
        const char *name = i < 2 ? own[i] : NULL;
        if (!name && !(entry = next_entry(folder, &status)))
            break;
        if (!name)
            name = entry->d_name;
        if (i < cookie)
            continue;
        u32 length = strlen(name), room = size - used;
        struct { u64 next, inode; u32 length, kind; } head = { i + 1, status.st_ino, length,
                                                               S_ISDIR(status.st_mode) ? DIRECTORY : REGULAR_FILE };
        u32 part = room < sizeof head ? room : sizeof head, rest = room - part < length ? room - part : length;
        char *more = realloc(entries, used + part + rest);
        if (!more)
            break;
        entries = more;
        memcpy(entries + used, &head, part);
        memcpy(entries + used + part, name, rest);
        used += part + rest;
    }
    closedir(folder);
    if (used)
        memcpy(at(buffer, used), entries, used);
    put32(result, used);
    return OK;
}

/* Nanoseconds until what a subscription is for, from these times of the two clocks on. */
static u32 wait_of(u64 place, const u64 *now, u64 *wait)
{
    u32 kind = *(u8 *)at(place + 8, 1), subject = get32(place + 16), flags = get32(place + 40) & 0xffff;
    *wait = 0;
    if (kind > 2 || (!kind && (subject > 1 || flags > 1)))
        return INVAL;
    if (kind && kind_of(subject) == REGULAR_FILE)
        return kind == 1 ? OK : PERM;
    if (kind)
        return (kind == 1 ? is_input(subject) : is_output(subject)) ? OK : BADF;
    memcpy(wait, at(place + 24, 8), 8);
    if (flags) /* a time, and not how long */
        *wait -= *wait < now[subject] ? *wait : now[subject];
    return OK;
}

/* Sleep until the first event. A descriptor is always ready. */
WASI(poll_oneoff)(Host *host, u32 subscriptions, u32 events, u32 number, u32 result)
{
    u64 now[2] = { 0 }, first = ~0ull, wait;
    u32 happened = 0, error;
    CALLED;
    if (!number)
        return INVAL;
    (void)at(subscriptions, 48ull * number);
    for (u32 id = 0; id < 2; id++)
        clock_of(id, &now[id], clock_gettime);
    for (u32 i = 0; i < number; i++) {
        if ((error = wait_of(subscriptions + 48ull * i, now, &wait)))
            return error;
        first = wait < first ? wait : first;
    }
    struct timespec left = { first / 1000000000, first % 1000000000 };
    while (first && nanosleep(&left, &left) && errno == EINTR)
        ;
    for (u32 i = 0; i < number; i++)
        if (!wait_of(subscriptions + 48ull * i, now, &wait) && wait == first) {
            char *from = at(subscriptions + 48ull * i, 48), *to = at(events + 32ull * happened++, 32);
            memset(to, 0, 32);
            memcpy(to, from, 8);
            to[10] = from[8];
            to[16] = from[8] != 0; /* bytes, at least */
        }
    put32(result, happened);
    return OK;
}

/* What changes nothing, or would. */
#define FILE_ONLY(fd, answer) (calls++, kind_of(fd) == REGULAR_FILE ? (answer) : BADF)
#define STORED_ONLY(fd, answer) (calls++, is_stored(fd) ? (answer) : BADF)
#define FOLDER_ONLY(fd, answer) (calls++, kind_of(fd) == DIRECTORY ? (answer) : BADF)
#define FOLDERS_ONLY(fd, to, answer) FOLDER_ONLY(fd, kind_of(to) == DIRECTORY ? (answer) : BADF)
#define REFUSED(texts) ((texts) ? PERM : ILSEQ)
/* One time cannot be both a given one and the present one; that is looked at first. */
#define TIMES(flags, answer) (((flags) & 3) == 3 || ((flags) & 12) == 12 ? (calls++, INVAL) : (answer))
WASI(fd_advise)(Host *host, u32 fd, u64 b, u64 length, u32 d)
{
    return FILE_ONLY(fd, length >> 63 ? INVAL : OK);
}
WASI(fd_allocate)(Host *host, u32 fd, u64 b, u64 c) { return FILE_ONLY(fd, NOTSUP); }
WASI(fd_datasync)(Host *host, u32 fd) { return FILE_ONLY(fd, OK); }
WASI(fd_sync)(Host *host, u32 fd) { return FILE_ONLY(fd, OK); }
WASI(fd_filestat_set_size)(Host *host, u32 fd, u64 b) { return FILE_ONLY(fd, PERM); }
WASI(fd_filestat_set_times)(Host *host, u32 fd, u64 b, u64 c, u32 flags)
{
    return TIMES(flags, STORED_ONLY(fd, PERM));
}
WASI(fd_fdstat_set_rights)(Host *host, u32 fd, u64 b, u64 c) { return STORED_ONLY(fd, NOTSUP); }
WASI(path_create_directory)(Host *host, u32 fd, u32 path, u32 size)
{
    return FOLDER_ONLY(fd, REFUSED(is_text(path, size)));
}
WASI(path_filestat_set_times)(Host *host, u32 fd, u32 b, u32 path, u32 size, u64 e, u64 f, u32 flags)
{
    return TIMES(flags, FOLDER_ONLY(fd, REFUSED(is_text(path, size))));
}
WASI(path_link)(Host *host, u32 fd, u32 b, u32 from, u32 size, u32 to, u32 path, u32 length)
{
    return FOLDERS_ONLY(fd, to, REFUSED(is_text(from, size) && is_text(path, length)));
}
WASI(path_remove_directory)(Host *host, u32 fd, u32 path, u32 size)
{
    return FOLDER_ONLY(fd, REFUSED(is_text(path, size)));
}
WASI(path_rename)(Host *host, u32 fd, u32 from, u32 size, u32 to, u32 path, u32 length)
{
    return FOLDERS_ONLY(fd, to, REFUSED(is_text(from, size) && is_text(path, length)));
}
WASI(path_symlink)(Host *host, u32 target, u32 size, u32 fd, u32 path, u32 length)
{
    return FOLDER_ONLY(fd, REFUSED(is_text(target, size) && is_text(path, length)));
}
WASI(path_unlink_file)(Host *host, u32 fd, u32 path, u32 size)
{
    return FOLDER_ONLY(fd, REFUSED(is_text(path, size)));
}
#define NO_SOCKET(fd) (calls++, kind_of(fd) == NONE ? BADF : NOTSOCK)
WASI(sock_accept)(Host *host, u32 fd, u32 b, u32 c) { return NO_SOCKET(fd); }
WASI(sock_recv)(Host *host, u32 fd, u32 b, u32 c, u32 d, u32 e, u32 f) { return NO_SOCKET(fd); }
WASI(sock_send)(Host *host, u32 fd, u32 b, u32 c, u32 d, u32 e) { return NO_SOCKET(fd); }
WASI(sock_shutdown)(Host *host, u32 fd, u32 b) { return NO_SOCKET(fd); }
