// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Records through exec (carry.h). Errors: false or -1 with errno.
#include "carry.h"

#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct frame {
    char magic[8];
    uint32_t version;
    uint32_t pid; // exec does not change it: tells our own file from one that a parent left open
};

struct head {
    uint32_t kind;
    int32_t fd;
    uint32_t n_facts;
    uint32_t n_state;
};

#define VERSION 1u
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static const char magic[8] = {'s', 't', 'a', 'y', 'c', 'a', 'r', 'y'};

static bool make_room(struct stay_carry *carry, size_t n_more)
{
    if (carry->room - carry->n >= n_more)
        return true;
    size_t room = carry->room * 2 > carry->n + n_more ? carry->room * 2 : carry->n + n_more;
    uint8_t *bytes = realloc(carry->bytes, room);
    if (!bytes)
        return false;
    carry->bytes = bytes;
    carry->room = room;
    return true;
}

static void append(struct stay_carry *carry, const void *bytes, size_t n)
{
    if (n > 0) {
        memcpy(carry->bytes + carry->n, bytes, n);
        carry->n += n;
    }
}

bool stay_carry_add(struct stay_carry *carry, const struct stay_carry_record *record)
{
    if (record->n_state > STAY_CARRY_MAX_STATE || record->n_facts > STAY_CARRY_MAX_STATE) {
        errno = EMSGSIZE;
        return false;
    }
    struct head head = {.kind = record->kind,
                        .fd = record->fd,
                        .n_facts = (uint32_t)record->n_facts,
                        .n_state = (uint32_t)record->n_state};
    if (!make_room(carry, sizeof head + record->n_facts + record->n_state))
        return false;
    append(carry, &head, sizeof head);
    append(carry, record->facts, record->n_facts);
    append(carry, record->state, record->n_state);
    return true;
}

bool stay_carry_next(const struct stay_carry *carry, size_t *at, struct stay_carry_record *record)
{
    struct head head;
    if (carry->n - *at < sizeof head)
        return false;
    memcpy(&head, carry->bytes + *at, sizeof head);
    size_t n_left = carry->n - *at - sizeof head;
    if (head.n_facts > n_left || head.n_state > n_left - head.n_facts)
        return false;
    const uint8_t *facts = carry->bytes + *at + sizeof head;
    *record = (struct stay_carry_record){.kind = head.kind,
                                         .fd = head.fd,
                                         .facts = facts,
                                         .n_facts = head.n_facts,
                                         .state = facts + head.n_facts,
                                         .n_state = head.n_state};
    *at += sizeof head + head.n_facts + head.n_state;
    return true;
}

bool stay_carry_unwrap(struct stay_carry *carry, uint32_t pid)
{
    struct frame frame;
    struct stay_carry_record record = {.kind = STAY_CARRY_GAME};
    if (carry->n < sizeof frame)
        return false;
    memcpy(&frame, carry->bytes, sizeof frame);
    if (memcmp(frame.magic, magic, sizeof magic) != 0 || frame.version != VERSION ||
        frame.pid != pid)
        return false;
    size_t at = sizeof frame;
    size_t end = at;
    while (record.kind != STAY_CARRY_END) {
        end = at;
        if (!stay_carry_next(carry, &at, &record))
            return false;
    }
    if (at != carry->n)
        return false;
    carry->n = end - sizeof frame;
    memmove(carry->bytes, carry->bytes + sizeof frame, carry->n);
    return true;
}

static bool write_all(int fd, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0) {
        ssize_t n_written = write(fd, at, n);
        if (n_written < 0 && errno != EINTR)
            return false;
        at += n_written > 0 ? n_written : 0;
        n -= n_written > 0 ? (size_t)n_written : 0;
    }
    return true;
}

static int write_memfd(const struct stay_carry *carry)
{
    struct frame frame = {.version = VERSION, .pid = (uint32_t)getpid()};
    struct head end = {.kind = STAY_CARRY_END, .fd = -1};
    memcpy(frame.magic, magic, sizeof magic);
    int fd = stay_memfd("stay-carry", MFD_CLOEXEC);
    if (fd >= 0 && write_all(fd, &frame, sizeof frame) && write_all(fd, carry->bytes, carry->n) &&
        write_all(fd, &end, sizeof end) && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return -1;
}

// A descriptor that the game has closed since it was noted is passed over here and after exec.
static void set_all_close_on_exec(const struct stay_carry *carry, int flag)
{
    struct stay_carry_record record;
    for (size_t at = 0; stay_carry_next(carry, &at, &record);)
        if (record.fd >= 0)
            fcntl(record.fd, F_SETFD, flag);
}

int stay_carry_exec(const struct stay_carry *carry, const char *path, char *const argv[])
{
    char number[16];
    int fd = write_memfd(carry);
    if (fd < 0)
        return -1;
    snprintf(number, sizeof number, "%d", fd);
    if (setenv(STAY_CARRY_VARIABLE, number, 1) == 0) {
        set_all_close_on_exec(carry, 0);
        fcntl(fd, F_SETFD, 0);
        execv(path, argv);
    }
    int reason = errno;
    set_all_close_on_exec(carry, FD_CLOEXEC);
    unsetenv(STAY_CARRY_VARIABLE);
    close(fd);
    errno = reason;
    return -1;
}

// The environment may have come from anywhere: only a memfd with all our seals is looked at.
static int find_memfd(size_t *size)
{
    const char *number = getenv(STAY_CARRY_VARIABLE);
    char *end;
    struct stat status;
    if (!number || number[0] < '0' || number[0] > '9')
        return -1;
    long fd = strtol(number, &end, 10);
    if (*end != '\0' || fd > INT32_MAX || !stay_memfd_has((int)fd, SEALS) ||
        fstat((int)fd, &status) != 0)
        return -1;
    *size = (size_t)status.st_size;
    return (int)fd;
}

static bool read_all(int fd, uint8_t *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t n_read = pread(fd, bytes + at, n - at, (off_t)at);
        if (n_read == 0 || (n_read < 0 && errno != EINTR))
            return false;
        at += n_read > 0 ? (size_t)n_read : 0;
    }
    return true;
}

bool stay_carry_load(struct stay_carry *carry)
{
    *carry = (struct stay_carry){0};
    size_t size = 0;
    int fd = find_memfd(&size);
    unsetenv(STAY_CARRY_VARIABLE);
    if (fd < 0 || !make_room(carry, size) || !read_all(fd, carry->bytes, size)) {
        stay_carry_free(carry);
        return false;
    }
    carry->n = size;
    if (!stay_carry_unwrap(carry, (uint32_t)getpid())) {
        stay_carry_free(carry);
        return false;
    }
    close(fd);
    set_all_close_on_exec(carry, FD_CLOEXEC);
    return true;
}

void stay_carry_free(struct stay_carry *carry)
{
    free(carry->bytes);
    *carry = (struct stay_carry){0};
}
