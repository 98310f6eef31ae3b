// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A film of a worker's run: every state in which a SIGKILL can leave the memory that outlives it
// and the kernel. A moment is the state between two instructions; a state that lasts over several
// instructions is one moment.
//
// How it is taken: the memory that is watched is read-only for the worker, so that each store
// faults; the one instruction runs (all of it, or one round of a repeated one), and what it has
// changed is noted. A call that the kernel remembers (film_is_remembered) is made with the memory
// writable, and is a moment by itself. film_step takes the same film by single steps of ptrace(2).
//
// How a moment is made again: the worker runs the same way as far as the moment's last such call,
// is killed there, and what was stored after that call is put into the memory.
//
// x86-64 only. Errors: the process ends with a word on standard error.
#ifndef STAYD_PROOF_FILM_H
#define STAYD_PROOF_FILM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILM_MOMENTS 65536u
#define FILM_PATCH_BYTES (8u << 20)
#define FILM_REGIONS 3u
#define FILM_EVER UINT32_MAX

// Memory that outlives the worker: a whole shared mapping, of which those of the parts are looked
// at that `bytes_at` says.
struct film_region {
    uint8_t *base;
    size_t n;
    // Part i of what is in use, *n bytes. NULL: there are no more parts.
    uint8_t *(*bytes_at)(const struct film_region *region, unsigned i, size_t *n);
};

struct film_moment {
    uint32_t n_calls; // that the kernel remembers, made so far
    uint32_t n_patch; // end of what was stored since the last of them, in `patch`
    uint64_t digest;  // of all regions
};

struct film {
    uint32_t n_moments;
    uint32_t n_patch;
    struct film_moment moment[FILM_MOMENTS];
    uint8_t patch[FILM_PATCH_BYTES];
};

// Look at this region from now on; all are to be named before the first worker.
void film_watch(struct film_region region);
void film_watch_all(void *base, size_t n); // a region that is in use as a whole
void film_forget_regions(void);

struct film *film_make(void); // in memory that is shared with children

// For a worker, before its first instruction: be filmed, to its end, or only up to the first call that
// moves bytes, or makes or ends a connection.
void film_take(struct film *film, bool until_moved);

// The same from outside, by single steps: the worker calls film_await_steps first of all, its parent
// film_step, which returns its wait status.
void film_await_steps(void);
int film_step(struct film *film, pid_t worker);

// For a worker: be killed right after the n-th call that the kernel remembers (0: at once).
void film_die_after(uint32_t n_calls);

// Bring the memory, in which a worker has died so, to this moment. False: the run was not the same.
bool film_put_moment(const struct film *film, uint32_t moment);

uint64_t film_digest(void);

// Does the kernel remember this call after its caller's death? (Of x86-64, by its number.)
bool film_is_remembered(long number, uint64_t second_argument);

#endif
