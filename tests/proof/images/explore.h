// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A life, again and again: each of its workers dies in each of the states that it can leave behind,
// and then its successor in each that it makes of that, up to its first call that the kernel
// remembers. The life's own assertions say whether anybody has noticed.
//
// A life clones its workers, by which any process is meant here that may die, by process/clone.h and awaits each by waitpid(2). It must be the
// same each time: the program that is linked with this has one clock that stands still, and random
// bytes that are always the same.
//
// Errors: what a life's assertions say is written to standard error, and where the workers died.
#ifndef STAYD_PROOF_EXPLORE_H
#define STAYD_PROOF_EXPLORE_H

#include "film.h"

// Returns when all is as it must be; else it ends its process.
typedef void (*explore_life)(void);

struct explore_options {
    bool is_stepped; // the first worker's films are taken by single steps, too, and are the same
    unsigned one_of; // the first death in one of so many states (1: in each)
    bool is_twice;   // the successor dies, too
    unsigned first;  // workers of the life that die first: from this one on
    unsigned n;      // ... so many (FILM_EVER: all)
};

struct explore_counts {
    unsigned n_workers;
    unsigned n_images; // different states that a death can leave
    unsigned n_deaths; // lives lived with one death or two
    unsigned n_faults;
};

struct explore_counts explore(explore_life life, const struct explore_options *options);

#endif
