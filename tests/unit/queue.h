// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A queue between entry and worker, with both of its ends, for tests.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_QUEUE_H
#define STAYD_TESTS_QUEUE_H

#include "vault/handover.h"

#include <sys/resource.h>

#define QUEUE_MOST_FDS 4u

struct queue {
    int n_fds; // before all
    int queue;
    int sending;
};

// The end that is left open, and descriptors that are, fail the test.
int queue_set_up(void **state);
int queue_tear_down(void **state);

// stayd's end of a player's connection; the player has left.
int queue_make_connection(void);

void queue_send_player(const struct queue *fixture, uint64_t number);
void queue_assert_head(const struct queue *fixture, enum handover_head expected);
void queue_assert_player(const struct queue *fixture, uint64_t number);

// A message that may be none, with up to QUEUE_MOST_FDS descriptors.
void queue_send_anything(const struct queue *fixture, const void *bytes, size_t n_bytes,
                         const int *fds, unsigned n_fds);

// The entry dies.
void queue_die(struct queue *fixture);

// As many descriptors as this process has, and n more. Returns the limit of before.
struct rlimit queue_limit_fds(rlim_t n);

#endif
