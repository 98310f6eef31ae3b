// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// For tests of libstay with real sockets and processes: a game in a directory of its own, players,
// and stayd's control channel, which a child of the test plays.
#ifndef STAY_LIBSTAY_WORLD_H
#define STAY_LIBSTAY_WORLD_H

#include "stay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { N_HEADER = 47, PATIENCE_MS = 60000 };

extern const char header[N_HEADER + 1]; // of a new player with the id CONN
#define CONN "30313233343536373839616263646566"

extern char directory[64];
extern char open_error[STAY_ERROR_BYTES]; // of the game that was opened last

// The path of a file in it, until the next call.
const char *in_directory(const char *name);

// Before each test and after it.
int make_directory(void **state);
int remove_directory(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

// NULL and `open_error`: it could not be opened.
struct stay *open_game(unsigned timeout_ms, uid_t user);

// A game that resumes and acknowledges.
struct stay *open_able(void);

// As stayd connects for a player.
int connect_game(void);

void say(int fd, const void *bytes, size_t n);
bool is_readable(int fd, int timeout_ms);
void assert_closed(int fd);

// The next player, waited for. Returns 1, or 0: none came.
int await_player(struct stay *stay, struct stay_player *player);

// A child that plays stayd's control channel. It writes what it is asked, without the ids, into the
// file "said", and whether the game listened then.
pid_t start_control(void);
void end_control(pid_t pid);
const char *what_was_said(void);

#endif
