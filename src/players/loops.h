// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A game's address may lead back to stayd: to a listener of its own, or to another stayd or a proxy
// whose game this one is. Each player would then bring a next one, until there is no room for more.
// Such a player is known by its two ends: the kernel, or a PROXY header that it begins with, names
// those of a link to a game, or of the player whose link it is. (One end does not tell: a port of
// ours can have two connections.) On plain listeners only: a link never begins with TLS.
//
// Errors: none; a proxy that sends no header is not found out.
#ifndef STAYD_PLAYERS_LOOPS_H
#define STAYD_PLAYERS_LOOPS_H

#include "process/heritage.h"
#include "vault/layout.h"
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct players;

#define LOOPS_HEADER_BYTES 108u // more than version 1 can have, and enough of version 2

struct loops {
    uint64_t own[HERITAGE_MAX_SOCKETS + 1]; // inodes of our listening sockets
    unsigned n_own;
    uint64_t port[65536 / 64]; // a link over TCP has, or had, this port of ours
    struct loops_said {
        bool is_said;
    } game[CONF_MAX_GAMES];
};

// What the vault holds.
void loops_start(struct players *players);

// Is this one of our listening sockets, by its inode?
bool loops_is_own(const struct loops *loops, uint64_t inode);

// A link has been made.
void loops_note_link(struct players *players, const struct slot *slot);

// Say, once, that this game's address leads back to us.
void loops_say(struct players *players, unsigned game, const char *how);

// Of a player of whom nothing was received yet: is it the other end of a link of ours, or does it
// begin with a PROXY header, which on its listener is nobody's to send? That is said; returned is why
// it is to be closed, or NULL.
const char *loops_look(struct conn *conn);

// A connection, as the one who made it sees it.
struct loops_ends {
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
};

// Sans-I/O: what a PROXY header names. False: this is not the whole beginning of one.
bool loops_read_header(const uint8_t *bytes, size_t n, struct loops_ends *ends);

#endif
