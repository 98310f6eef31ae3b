// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Films, taken from within the worker, and moments made again (film.h).
// Errors: the process ends with a word on standard error.
#include "film.h"

#include "calls.h"
#include "film_part.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096u
#define TRAP_FLAG 0x100 // Intel 64 and IA-32 Architectures SDM, volume 1, 3.4.3.3
#define N_FORGOTTEN (sizeof forgotten_calls / sizeof *forgotten_calls)

static struct film_region regions[FILM_REGIONS];
static uint8_t *shadows[FILM_REGIONS];
static unsigned n_regions;

// In a worker.
static struct film *taken; // NULL: none is taken
static uint32_t n_calls;
static uint32_t last_call; // to die after; FILM_EVER: none
static bool is_until_moved;
static uint8_t *writable; // the pages that a store has been let into
static struct film_region *writable_in;

_Noreturn void film_fail(const char *what)
{
    taken = NULL; // what is said is no moment
    fprintf(stderr, "film: %s: %s\n", what, strerror(errno));
    _exit(1);
}

void film_watch(struct film_region region)
{
    if (n_regions == FILM_REGIONS)
        film_fail("too many regions");
    shadows[n_regions] = mmap(NULL, region.n, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shadows[n_regions] == MAP_FAILED)
        film_fail("mmap");
    regions[n_regions++] = region;
}

void film_forget_regions(void)
{
    for (unsigned i = 0; i < n_regions; i++)
        munmap(shadows[i], regions[i].n);
    n_regions = 0;
}

static uint8_t *whole(const struct film_region *region, unsigned i, size_t *n)
{
    *n = region->n;
    return i == 0 ? region->base : NULL;
}

void film_watch_all(void *base, size_t n)
{
    film_watch((struct film_region){.base = base, .n = n, .bytes_at = whole});
}

struct film *film_make(void)
{
    struct film *film = mmap(NULL, sizeof *film, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (film == MAP_FAILED)
        film_fail("mmap");
    return film;
}

bool film_is_remembered(long number, uint64_t second_argument)
{
    if (number == SYS_fcntl)
        return second_argument == F_SETFL;
    for (unsigned i = 0; i < N_FORGOTTEN; i++)
        if (forgotten_calls[i] == number)
            return false;
    return true;
}

// ---- What has changed ----

uint64_t film_digest(void)
{
    uint64_t digest = 14695981039346656037ULL; // FNV-1a, by words
    for (unsigned i = 0; i < n_regions; i++) {
        const uint8_t *bytes;
        size_t n;
        for (unsigned part = 0; (bytes = regions[i].bytes_at(&regions[i], part, &n)); part++)
            for (size_t at = 0; at + 8 <= n; at += 8) {
                uint64_t word;
                memcpy(&word, bytes + at, 8);
                digest = (digest ^ word) * 1099511628211ULL;
            }
    }
    return digest;
}

// Note that bytes [at, at + n) of a region are others now.
static void note_patch(struct film *film, unsigned region, size_t at, size_t n)
{
    struct film_patch patch = {.at = (uint32_t)at, .n = (uint16_t)n, .region = (uint16_t)region};
    const uint8_t *bytes = regions[region].base + at;
    if (n > UINT16_MAX || film->n_patch + sizeof patch + n > FILM_PATCH_BYTES)
        film_fail("too much has changed");
    memcpy(film->patch + film->n_patch, &patch, sizeof patch);
    memcpy(film->patch + film->n_patch + sizeof patch, bytes, n);
    film->n_patch += (uint32_t)(sizeof patch + n);
    memcpy(shadows[region] + at, bytes, n);
}

static bool compare(struct film *film, unsigned region, size_t from, size_t n)
{
    const uint8_t *now = regions[region].base + from;
    const uint8_t *before = shadows[region] + from;
    if (memcmp(now, before, n) == 0)
        return false;
    size_t first = 0;
    while (now[first] == before[first])
        first++;
    while (now[n - 1] == before[n - 1])
        n--;
    note_patch(film, region, from + first, n - first);
    return true;
}

static bool compare_all(struct film *film)
{
    bool is_other = false;
    for (unsigned i = 0; i < n_regions; i++) {
        const uint8_t *bytes;
        size_t n;
        for (unsigned part = 0; (bytes = regions[i].bytes_at(&regions[i], part, &n)); part++)
            is_other |= compare(film, i, (size_t)(bytes - regions[i].base), n);
    }
    return is_other;
}

static void take_shadows(void)
{
    for (unsigned i = 0; i < n_regions; i++) {
        const uint8_t *bytes;
        size_t n;
        for (unsigned part = 0; (bytes = regions[i].bytes_at(&regions[i], part, &n)); part++)
            memcpy(shadows[i] + (bytes - regions[i].base), bytes, n);
    }
}

static void note_moment(struct film *film, uint32_t calls)
{
    if (film->n_moments == FILM_MOMENTS)
        film_fail("too many moments");
    film->moment[film->n_moments++] =
        (struct film_moment){.n_calls = calls, .n_patch = film->n_patch, .digest = film_digest()};
}

void film_begin(struct film *film)
{
    film->n_moments = 0;
    film->n_patch = 0;
    take_shadows();
    note_moment(film, 0);
}

void film_see_store(struct film *film, uint32_t calls)
{
    if (compare_all(film))
        note_moment(film, calls);
}

// What is stored in the memory by then is there, too, when the run is made again; only the shadow
// has to follow.
void film_see_call(struct film *film, uint32_t calls)
{
    compare_all(film);
    note_moment(film, calls);
}

// ---- A worker that is filmed ----

static void protect(int how)
{
    for (unsigned i = 0; i < n_regions; i++)
        if (mprotect(regions[i].base, regions[i].n, how) < 0)
            film_fail("mprotect");
}

// A store: let it into its page, and the next one if it reaches into that.
static void see_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *worker = context;
    uint8_t *page = (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
    for (unsigned i = 0; i < n_regions; i++) {
        struct film_region *region = &regions[i];
        if (page < region->base || page >= region->base + region->n)
            continue;
        writable = page;
        writable_in = region;
        size_t n = page + PAGE < region->base + region->n ? 2 * PAGE : PAGE;
        if (mprotect(page, n, PROT_READ | PROT_WRITE) < 0)
            film_fail("mprotect");
        worker->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
        return;
    }
    const struct sigaction crash = {.sa_handler = SIG_DFL};
    sigaction(number, &crash, NULL);
}

// ... is done.
static void see_trap(int number, siginfo_t *info, void *context)
{
    ucontext_t *worker = context;
    (void)number;
    (void)info;
    worker->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if (!writable)
        return;
    size_t at = (size_t)(writable - writable_in->base);
    size_t n = writable_in->n - at < 2 * PAGE ? writable_in->n - at : 2 * PAGE;
    if (mprotect(writable, n, PROT_READ) < 0)
        film_fail("mprotect");
    if (compare(taken, (unsigned)(writable_in - regions), at, n))
        note_moment(taken, n_calls);
    writable = NULL;
}

// The one place whose system calls the filter lets pass.
extern const char film_call_end[];
__attribute__((naked, noinline)) static long
make_call(long number __attribute__((unused)), const greg_t *arguments __attribute__((unused)))
{
    __asm__ volatile("mov %rdi, %rax\n"
                     "mov %rsi, %r11\n"
                     "mov 0(%r11), %rdi\n"
                     "mov 8(%r11), %rsi\n"
                     "mov 16(%r11), %rdx\n"
                     "mov 24(%r11), %r10\n"
                     "mov 32(%r11), %r8\n"
                     "mov 40(%r11), %r9\n"
                     "syscall\n"
                     "film_call_end:\n"
                     "ret\n");
}

static bool is_moving(long number)
{
    static const int moving[] = {SYS_recvmmsg, SYS_sendmmsg, SYS_recvmsg,  SYS_sendmsg,
                                 SYS_recvfrom, SYS_sendto,   SYS_read,     SYS_write,
                                 SYS_connect,  SYS_accept4,  SYS_shutdown, SYS_close};
    for (unsigned i = 0; i < sizeof moving / sizeof *moving; i++)
        if (moving[i] == number)
            return true;
    return false;
}

static void see_call(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const greg_t arguments[] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    (void)number;
    if (taken && is_until_moved && is_moving(info->si_syscall))
        _exit(0);
    if (taken)
        protect(PROT_READ | PROT_WRITE);
    registers[REG_RAX] = make_call(info->si_syscall, arguments);
    n_calls++;
    if (taken) {
        film_see_call(taken, n_calls);
        protect(PROT_READ);
    } else if (n_calls == last_call) {
        kill(getpid(), SIGKILL);
    }
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
    const struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(number, &action, NULL) < 0)
        film_fail("sigaction");
}

// Calls that the kernel remembers come to see_call (seccomp(2), SECCOMP_RET_TRAP).
static void filter_calls(void)
{
    struct sock_filter code[2 * N_FORGOTTEN + 16];
    const uint64_t own = (uint64_t)(uintptr_t)film_call_end;
    unsigned n = 0;
#define LOAD(field)                                                                                \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, yes, no)                                                                         \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define RETURN(what) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, what)
    code[n++] = LOAD(instruction_pointer);
    code[n++] = IF(own, 0, 3);
    code[n++] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
    code[n++] = IF(own >> 32, 0, 1);
    code[n++] = RETURN(SECCOMP_RET_ALLOW);
    code[n++] = LOAD(nr);
    for (unsigned i = 0; i < N_FORGOTTEN; i++) {
        code[n++] = IF(forgotten_calls[i], 0, 1);
        code[n++] = RETURN(SECCOMP_RET_ALLOW);
    }
    code[n++] = IF(SYS_fcntl, 0, 3);
    code[n++] = LOAD(args[1]);
    code[n++] = IF(F_SETFL, 1, 0);
    code[n++] = RETURN(SECCOMP_RET_ALLOW);
    code[n++] = RETURN(SECCOMP_RET_TRAP);
    const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    handle(SIGSYS, see_call);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        film_fail("prctl");
}

void film_take(struct film *film, bool until_moved)
{
    taken = film;
    is_until_moved = until_moved;
    film_begin(film);
    handle(SIGSEGV, see_fault);
    handle(SIGTRAP, see_trap);
    filter_calls();
    protect(PROT_READ);
}

void film_die_after(uint32_t calls)
{
    last_call = calls;
    if (calls == 0)
        kill(getpid(), SIGKILL);
    filter_calls();
}

// ---- A moment that is made again ----

bool film_put_moment(const struct film *film, uint32_t moment)
{
    const struct film_moment *wanted = &film->moment[moment];
    uint32_t first = moment; // right after the call, or at the start
    while (first > 0 && film->moment[first - 1].n_calls == wanted->n_calls)
        first--;
    if (film_digest() != film->moment[first].digest)
        return false;
    for (uint32_t at = film->moment[first].n_patch; at < wanted->n_patch;) {
        struct film_patch patch;
        memcpy(&patch, film->patch + at, sizeof patch);
        memcpy(regions[patch.region].base + patch.at, film->patch + at + sizeof patch, patch.n);
        at += (uint32_t)sizeof patch + patch.n;
    }
    return film_digest() == wanted->digest;
}
