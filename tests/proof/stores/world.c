// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stands in for the C library and the system in the emulated processor. What is not here does
// nothing and returns 0 (image.py).
#include "cases.h"

#include "conf/copy.h"
#include "game/header.h"
#include "process/clone.h"
#include "vault/handover.h"
#include <errno.h>
#include <event2/event.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

// ---- The vault ----

#define N_SLOTS 8u
#define N_CELLS 32u
#define N_CHUNKS 4u

static struct {
    union {
        struct vault_head head;
        uint8_t bytes[VAULT_HEAD_BYTES];
    };
    struct slot slots[N_SLOTS];
    struct cell cells[N_CELLS];
    uint8_t chunks[N_CHUNKS][CHUNK_BYTES];
} memory;

struct vault the_vault;

void world_make(void)
{
    the_vault = (struct vault){.fd = 5,
                               .head = &memory.head,
                               .slots = memory.slots,
                               .cells = memory.cells,
                               .chunks = memory.chunks[0]};
    memory.head.n_slots = N_SLOTS;
    memory.head.n_cells = N_CELLS;
    memory.head.n_chunks = N_CHUNKS;
    memory.head.slots_reserved = 1;
    memory.head.receipt.id = UINT64_C(0x7effffffffffffff); // all its bytes change
    whole(&memory, sizeof memory);
}

struct slot *a_slot(uint32_t index)
{
    struct slot *slot = &memory.slots[index];
    slot->state = SLOT_LIVE;
    slot->player_fd = 7;
    slot->game_fd = -1;
    for (unsigned dir = 0; dir < 2; dir++)
        for (unsigned copy = 0; copy < 2; copy++) {
            slot->flow[dir].copy[copy].in.chunk = CHUNK_NONE;
            slot->flow[dir].copy[copy].out.chunk = CHUNK_NONE;
        }
    return slot;
}

// ---- Bytes ----

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    if ((uintptr_t)to <= (uintptr_t)from)
        return memcpy(to, from, n);
    while (n-- > 0)
        ((volatile uint8_t *)to)[n] = ((const uint8_t *)from)[n];
    return to;
}

void *memset(void *at, int byte, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)at)[i] = (uint8_t)byte;
    return at;
}

void explicit_bzero(void *at, size_t n)
{
    memset(at, 0, n);
}

void OPENSSL_cleanse(void *at, size_t n)
{
    memset(at, 0, n);
}

int memcmp(const void *a, const void *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
            return ((const uint8_t *)a)[i] - ((const uint8_t *)b)[i];
    return 0;
}

int bcmp(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n);
}

size_t strnlen(const char *text, size_t most)
{
    size_t n = 0;
    while (n < most && text[n])
        n++;
    return n;
}

size_t strlen(const char *text)
{
    return strnlen(text, SIZE_MAX);
}

char *strcpy(char *restrict to, const char *restrict from)
{
    return memcpy(to, from, strlen(from) + 1);
}

void *calloc(size_t n, size_t size)
{
    static _Alignas(16) uint8_t heap[1 << 18];
    static size_t used;
    void *at = heap + used;
    used += (n * size + 15) & ~(size_t)15;
    return used <= sizeof heap ? at : NULL;
}

// ---- The system ----

int *__errno_location(void)
{
    static int error;
    return &error;
}

ssize_t getrandom(void *at, size_t n, unsigned flags)
{
    (void)flags;
    memset(at, 0x5a, n);
    return (ssize_t)n;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    (void)clock;
    *time = (struct timespec){1234567, 0};
    return 0;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    (void)fd, (void)bytes, (void)flags;
    called("send");
    return (ssize_t)n;
}

// The receipt's calls, which move five bytes; it is the kernel that stores the count.
long syscall_of_five(long number, long fd, struct mmsghdr *message, long n,
                     long flags) __asm__("syscall");
long syscall_of_five(long number, long fd, struct mmsghdr *message, long n, long flags)
{
    (void)number, (void)fd, (void)n, (void)flags;
    called("syscall");
    kernel(1);
    message->msg_len = 5;
    kernel(0);
    return 1;
}

// A queue with one message in it, number 3, whose descriptor is 9.
ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
    static struct handover message = {.number = 3};
    const size_t n =
        header->msg_iov->iov_len < sizeof message ? header->msg_iov->iov_len : sizeof message;
    (void)fd;
    if (!(flags & MSG_PEEK)) {
        called("take");
        return 1;
    }
    memcpy(header->msg_iov->iov_base, &message, n);
    if (header->msg_controllen >= CMSG_SPACE(sizeof(int))) {
        struct cmsghdr *control = header->msg_control;
        *control = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        *(int *)CMSG_DATA(control) = 9;
        header->msg_controllen = CMSG_SPACE(sizeof(int));
    }
    header->msg_flags = 0;
    return (ssize_t)n;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict n)
{
    (void)fd, (void)level, (void)n;
    if (option == SO_COOKIE)
        *(uint64_t *)value = UINT64_C(0x5a5a5a5a5a5a5a5a);
    else
        *(int *)value = option == SO_TYPE ? SOCK_STREAM : option == SO_DOMAIN ? AF_INET : 0;
    return 0;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    static _Alignas(4096) uint8_t some[1 << 22];
    (void)at, (void)protection, (void)flags, (void)fd, (void)offset;
    return n <= sizeof some ? some : MAP_FAILED;
}

FILE *fdopen(int fd, const char *mode)
{
    static int some;
    (void)fd, (void)mode;
    return (FILE *)&some;
}

size_t fwrite(const void *restrict bytes, size_t size, size_t n, FILE *restrict file)
{
    (void)bytes, (void)size, (void)file;
    return n;
}

bool conf_copy_write(const struct conf *conf, FILE *out)
{
    (void)conf, (void)out;
    return true;
}

pid_t clone_with_copy(int *pidfd)
{
    called("clone_with_copy");
    *pidfd = 12;
    return 0x11223344;
}

size_t header_write(enum conf_header format, const struct slot *slot, const uint8_t to[16],
                    uint16_t to_port, const struct header_resumed *resumed,
                    uint8_t out[HEADER_MAX_BYTES])
{
    (void)format, (void)slot, (void)to, (void)to_port, (void)resumed, (void)out;
    return 5;
}

int backtrace(void **calls, int n)
{
    called("backtrace");
    for (int i = 0; i < n && i < 3; i++)
        calls[i] = (void *)(uintptr_t)(const void *)backtrace;
    return n < 3 ? n : 3;
}

void (*the_handler)(int);

int sigaction(int number, const struct sigaction *restrict action,
              struct sigaction *restrict before)
{
    (void)number, (void)before;
    the_handler = action->sa_handler;
    return 0;
}

void (*the_callback)(int fd, short what, void *arg);
void *the_argument;

struct event *event_new(struct event_base *base, int fd, short what,
                        void (*callback)(int, short, void *), void *arg)
{
    static int some;
    (void)base, (void)fd;
    if (what & EV_READ) {
        the_callback = callback;
        the_argument = arg;
    }
    return (struct event *)&some;
}
