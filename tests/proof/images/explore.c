// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lives with planned deaths (explore.h). Each is lived by a process of its own, which has its
// workers as children.
// Errors: see explore.h.
#include "explore.h"

#include "film_part.h"

#include "process/clone.h"
#include "vault/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEATHS 2u
#define FILMED 77 // a life's status when it was lived for the film only
#define SHOWN_FAULTS 5u
#define PATIENCE_S 60u

// What is to befall the workers of one life, by their number in it.
struct plan {
    struct {
        unsigned worker;
        const struct film *film;
        uint32_t moment;
    } death[DEATHS];
    unsigned n_deaths;
    unsigned filmed; // this one is filmed, and then the life ends; FILM_EVER: none
    struct film *film;
    bool until_moved;
    bool is_stepped;
};

static struct plan plan;
static unsigned n_workers; // of this life, so far
static pid_t worker;
static bool is_filmed; // this is that worker
static struct vault vault;

// ---- Within a life ----

int __real_vault_make(struct vault *vault, uint32_t n_seats);
int __wrap_vault_make(struct vault *vault, uint32_t n_seats);
pid_t __real_clone_sharing_table(int *pidfd);
pid_t __wrap_clone_sharing_table(int *pidfd);
pid_t __real_clone_with_copy(int *pidfd);
pid_t __wrap_clone_with_copy(int *pidfd);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags);
sighandler_t __real_signal(int number, sighandler_t handler);
sighandler_t __wrap_signal(int number, sighandler_t handler);

// Of a vault: its head, and what is reserved.
static uint8_t *vault_part(const struct film_region *region, unsigned i, size_t *n)
{
    const struct vault_head *head = vault.head;
    uint8_t *const part[] = {region->base, (uint8_t *)vault.slots, (uint8_t *)vault.cells,
                             vault.chunks};
    const size_t bytes[] = {VAULT_HEAD_BYTES, head->slots_reserved * sizeof(struct slot),
                            head->cells_reserved * sizeof(struct cell),
                            (size_t)head->chunks_reserved * CHUNK_BYTES};
    if (i == sizeof part / sizeof *part)
        return NULL;
    *n = bytes[i];
    return part[i];
}

int __wrap_vault_make(struct vault *made, uint32_t n_seats)
{
    int result = __real_vault_make(made, n_seats);
    vault = *made;
    film_watch((struct film_region){
        .base = (void *)vault.head, .n = vault.head->total_bytes, .bytes_at = vault_part});
    return result;
}

static const struct film_moment *death_of(unsigned number, unsigned *death)
{
    for (*death = 0; *death < plan.n_deaths; ++*death)
        if (plan.death[*death].worker == number)
            return &plan.death[*death].film->moment[plan.death[*death].moment];
    return NULL;
}

static pid_t begin_worker(pid_t pid)
{
    unsigned death;
    const unsigned number = n_workers++;
    worker = pid;
    if (worker != 0)
        return worker;
    const struct film_moment *last = death_of(number, &death);
    if (last)
        film_die_after(last->n_calls);
    else if (number == plan.filmed && plan.is_stepped)
        film_await_steps();
    else if (number == plan.filmed)
        film_take(plan.film, plan.until_moved);
    is_filmed = number == plan.filmed && !plan.is_stepped;
    return 0;
}

pid_t __wrap_clone_sharing_table(int *pidfd)
{
    return begin_worker(__real_clone_sharing_table(pidfd));
}

pid_t __wrap_clone_with_copy(int *pidfd)
{
    return begin_worker(__real_clone_with_copy(pidfd));
}

// Here a life that is lived for a film ends, and a worker's memory comes to the moment of its death.
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    unsigned death;
    const unsigned number = n_workers - 1;
    if (pid != worker)
        return __real_waitpid(pid, status, options);
    if (number == plan.filmed) {
        *status = plan.is_stepped ? film_step(plan.film, pid) : 0;
        if (!plan.is_stepped)
            __real_waitpid(pid, status, 0);
        _exit(WIFEXITED(*status) && WEXITSTATUS(*status) == 0 ? FILMED : 1);
    }
    pid_t result = __real_waitpid(pid, status, options);
    if (!death_of(number, &death))
        return result;
    if (!WIFSIGNALED(*status) || WTERMSIG(*status) != SIGKILL) {
        fprintf(stderr, "explore: worker %u did not come to its death\n", number);
        _exit(1);
    }
    if (!film_put_moment(plan.death[death].film, plan.death[death].moment)) {
        fprintf(stderr, "explore: worker %u did not do the same as before\n", number);
        _exit(1);
    }
    return result;
}

// A clock that stands, and random bytes that are the same in each life.
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    *now = (struct timespec){.tv_sec = clock == CLOCK_REALTIME ? 1800000000 : 1000000};
    return 0;
}

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(n_workers * 16 + i + 1);
    return (ssize_t)n;
}

// Worlds give SIGSEGV its default back in a worker; films need it.
sighandler_t __wrap_signal(int number, sighandler_t handler)
{
    return is_filmed && number == SIGSEGV ? SIG_DFL : __real_signal(number, handler);
}

// ---- Lives ----

static int output; // of the life that is lived

// Lives one life by the plan. Returns its exit status, or what signal has ended it, negative.
static int live(explore_life life)
{
    int status;
    pid_t pid;
    if (ftruncate(output, 0) < 0 || lseek(output, 0, SEEK_SET) < 0)
        film_fail("output");
    if ((pid = fork()) < 0)
        film_fail("fork");
    if (pid == 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        close(output);
        alarm(PATIENCE_S);
        life();
        _exit(0);
    }
    if (__real_waitpid(pid, &status, 0) != pid)
        film_fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void show_fault(const struct explore_counts *counts, int status)
{
    char text[4096];
    if (counts->n_faults > SHOWN_FAULTS)
        return;
    for (unsigned i = 0; i < plan.n_deaths; i++) {
        const struct film_moment *moment = &plan.death[i].film->moment[plan.death[i].moment];
        fprintf(stderr, "worker %u died in its state %u, after %u calls\n", plan.death[i].worker,
                plan.death[i].moment, moment->n_calls);
    }
    if (plan.filmed != FILM_EVER)
        fprintf(stderr, "worker %u was filmed\n", plan.filmed);
    fprintf(stderr, "ended with status %d\n", status);
    ssize_t n = pread(output, text, sizeof text, 0);
    if (n > 0)
        fwrite(text, 1, (size_t)n, stderr);
}

static void live_to_the_end(explore_life life, struct explore_counts *counts)
{
    plan.filmed = FILM_EVER;
    counts->n_deaths++;
    int status = live(life);
    if (status == 0)
        return;
    counts->n_faults++;
    show_fault(counts, status);
}

// Films this worker. False: the life has no such worker, or no film could be made.
static bool film_worker(explore_life life, unsigned number, struct film *film, bool until_moved,
                        bool is_stepped, struct explore_counts *counts)
{
    plan.filmed = number;
    plan.film = film;
    plan.until_moved = until_moved;
    plan.is_stepped = is_stepped;
    int status = live(life);
    if (status == FILMED)
        return true;
    if (status != 0) {
        counts->n_faults++;
        show_fault(counts, status);
    }
    return false;
}

// ---- What has been seen ----

#define SEEN (1u << 22)
static uint64_t *seen; // by digest of memory and of what the kernel has
static unsigned n_seen;

// True: for the first time.
static bool see(unsigned number, const struct film_moment *moment)
{
    uint64_t key =
        (moment->digest ^ ((uint64_t)number << 32 | moment->n_calls)) * 0x9e3779b97f4a7c15ULL;
    key += key == 0;
    size_t at = key >> 42;
    while (seen[at] != 0 && seen[at] != key)
        at = (at + 1) % SEEN;
    if (seen[at] == key)
        return false;
    if (++n_seen > SEEN / 2)
        film_fail("too many states");
    seen[at] = key;
    return true;
}

static void die_twice(explore_life life, struct film *film, struct explore_counts *counts)
{
    const unsigned first = plan.death[0].worker;
    const uint32_t n_calls = plan.death[0].film->moment[plan.death[0].moment].n_calls;
    if (!film_worker(life, first + 1, film, true, false, counts))
        return;
    for (uint32_t moment = 0; moment < film->n_moments; moment++) {
        // At the first death the kernel had what it has now, but for a descriptor or so.
        struct film_moment same = film->moment[moment];
        same.n_calls += n_calls;
        if (!see(first, &same))
            continue;
        counts->n_images++;
        plan.n_deaths = 2;
        plan.death[1].worker = first + 1;
        plan.death[1].film = film;
        plan.death[1].moment = moment;
        live_to_the_end(life, counts);
        plan.n_deaths = 1;
    }
}

static bool is_same(const struct film *one, const struct film *other)
{
    if (one->n_moments != other->n_moments)
        return false;
    for (uint32_t i = 0; i < one->n_moments; i++)
        if (one->moment[i].digest != other->moment[i].digest ||
            one->moment[i].n_calls != other->moment[i].n_calls)
            return false;
    return true;
}

struct explore_counts explore(explore_life life, const struct explore_options *options)
{
    struct explore_counts counts = {0};
    struct film *film = film_make();
    struct film *second = film_make();
    output = memfd_create("output", 0);
    seen = calloc(SEEN, sizeof *seen);
    if (output < 0 || !seen)
        film_fail("memory");
    for (unsigned i = 0, number = options->first; i < options->n; i++, number++) {
        plan = (struct plan){.filmed = FILM_EVER};
        if (!film_worker(life, number, film, false, false, &counts))
            break;
        counts.n_workers++;
        if (options->is_stepped && film_worker(life, number, second, false, true, &counts) &&
            !is_same(film, second)) {
            fprintf(stderr, "worker %u: the two films differ\n", number);
            counts.n_faults++;
        }
        for (uint32_t moment = 0; moment < film->n_moments; moment++) {
            if (!see(number, &film->moment[moment]))
                continue;
            counts.n_images++;
            if (moment % options->one_of != 0)
                continue;
            plan = (struct plan){.n_deaths = 1, .filmed = FILM_EVER};
            plan.death[0].worker = number;
            plan.death[0].film = film;
            plan.death[0].moment = moment;
            live_to_the_end(life, &counts);
            if (options->is_twice)
                die_twice(life, second, &counts);
        }
    }
    close(output);
    free(seen);
    return counts;
}
