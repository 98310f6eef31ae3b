// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table (table.h): a place for each descriptor's number. A copy of a descriptor has another
// number, and is looked for by its cookie. Threads and forked processes share the memory; each
// place is written by who has just got that descriptor.
#include "table.h"

#include "../memfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "stayd-preload"
#define LINK "/memfd:" NAME " (deleted)"
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define CLEAR_OF_GAME 200 // games count on the lowest numbers

struct place {
    _Atomic uint64_t cookie; // 0: nobody
    uint32_t words[TABLE_WORDS];
};

struct table {
    _Atomic uint32_t n_used; // no place behind these was ever used
    struct place place[TABLE_SOCKETS];
};

static _Atomic(struct table *) table;
static atomic_bool is_looked_for;

static struct table *map(int fd)
{
    void *memory = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// Of several threads that have mapped one, the first one's counts.
static bool settle(struct table *mine)
{
    struct table *none = NULL;
    if (mine && !atomic_compare_exchange_strong(&table, &none, mine))
        munmap(mine, sizeof *mine);
    return atomic_load(&table);
}

static bool is_ours(int folder, const char *number)
{
    char target[sizeof LINK];
    struct stat status;
    ssize_t n = readlinkat(folder, number, target, sizeof target);
    int fd = atoi(number);
    return n == sizeof LINK - 1 && memcmp(target, LINK, (size_t)n) == 0 &&
           fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
           status.st_size == sizeof(struct table) && stay_memfd_has(fd, SEALS);
}

// What an earlier program of this process has made; looked for once.
static void find(void)
{
    const int error = errno;
    DIR *folder = atomic_exchange(&is_looked_for, true) ? NULL : opendir("/proc/self/fd");
    for (struct dirent *entry; folder && !atomic_load(&table) && (entry = readdir(folder));)
        if (is_ours(dirfd(folder), entry->d_name))
            settle(map(atoi(entry->d_name)));
    if (folder)
        closedir(folder);
    errno = error;
}

// The descriptor stays open, and is not close-on-exec.
static bool make(void)
{
    int fd = stay_memfd(NAME, 0);
    if (fd < 0)
        return false;
    int high = fcntl(fd, F_DUPFD, CLEAR_OF_GAME);
    if (high >= 0) {
        close(fd);
        fd = high;
    }
    if (ftruncate(fd, sizeof(struct table)) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0 &&
        settle(map(fd)))
        return true;
    const int error = errno;
    close(fd);
    errno = error;
    return false;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t n = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) == 0 ? cookie : 0;
}

static void note_used(struct table *its, uint32_t n)
{
    uint32_t n_used = atomic_load(&its->n_used);
    while (n_used < n && !atomic_compare_exchange_weak(&its->n_used, &n_used, n))
        continue;
}

bool table_put(int fd, const uint32_t words[TABLE_WORDS], bool *is_first)
{
    const uint64_t cookie = cookie_of(fd);
    *is_first = false;
    if (cookie == 0)
        return false;
    if (fd < 0 || (uint32_t)fd >= TABLE_SOCKETS) {
        errno = EMFILE;
        return false;
    }
    find();
    if (!atomic_load(&table)) {
        if (!make())
            return false;
        *is_first = true;
    }
    struct table *its = atomic_load(&table);
    struct place *place = &its->place[fd];
    atomic_store(&place->cookie, 0);
    atomic_thread_fence(memory_order_seq_cst); // on aarch64 the store above holds nothing back
    memcpy(place->words, words, sizeof place->words);
    atomic_store(&place->cookie, cookie);
    note_used(its, (uint32_t)fd + 1);
    return true;
}

bool table_find(int fd, uint32_t words[TABLE_WORDS])
{
    const int error = errno;
    const uint64_t cookie = cookie_of(fd);
    errno = error;
    find();
    const struct table *its = atomic_load(&table);
    if (!its || cookie == 0 || fd < 0)
        return false;
    const uint32_t n_used = atomic_load(&its->n_used);
    uint32_t at = (uint32_t)fd;
    if (at >= n_used || atomic_load(&its->place[at].cookie) != cookie)
        for (at = 0; at < n_used && atomic_load(&its->place[at].cookie) != cookie; at++)
            continue;
    if (at >= n_used)
        return false;
    memcpy(words, its->place[at].words, TABLE_WORDS * sizeof *words);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&its->place[at].cookie) == cookie; // else these may be another player's
}
