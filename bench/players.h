// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The benchmarks' players: TLS 1.3 connections to 127.0.0.1 on one epoll, each of which says lines
// of PLAYER_LINE_BYTES and has them echoed. A program has one set of them.
//
// Errors: whatever goes wrong, a lost player or another byte than the one that was sent, ends the
// program with a message and status 1.
#ifndef BENCH_PLAYERS_H
#define BENCH_PLAYERS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define PLAYER_LINE_BYTES 60

struct player {
    SSL *ssl;
    int fd;
    bool has_shaken;
    int n_back; // bytes of the present line that came back
    uint64_t echoed_us;
    struct watched *watched; // what watch.c notes of it; NULL: nothing
};

extern struct player *players;
extern unsigned n_players;
extern int players_epoll; // data.ptr is the player

_Noreturn void die(const char *what);
uint64_t now_us(void);

// Connect n players, some at a time, and have each one's first line echoed.
void players_connect(unsigned n, uint16_t port);

// Say the line that is every player's.
void player_send(struct player *player);
// ... or another one.
void player_say(struct player *player, const char *line);

// Hear of this line what has come. True: the whole line is back.
bool player_hear(struct player *player, const char *line);

// Wait, and call back for each player whose line is back, until `wanted` are.
void players_run(uint64_t wanted, void (*back)(struct player *));

// watch.c, the command of that name: every gap_us a line from each of n_sample players, evenly
// spread over all, whether or not its last one is back; until a line comes from standard input.
void watch_lines(unsigned n_sample, uint64_t gap_us);

#endif
