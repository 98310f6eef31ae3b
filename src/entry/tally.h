// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What each network has of something: players, handshakes under way, connections in the last
// seconds. A stranger with IPv6 has as many addresses as he likes, but few networks: so an IPv4
// address counts by itself, an IPv6 address for its /64 and for its /48.
//
// No socket, no clock, no allocation but at the beginning: time is what the caller says, and the
// number of networks is fixed. When all are in use the one that has nothing now and was looked at
// longest ago is given up. Who knows no key cannot choose addresses that meet in the table.
//
// Errors: NULL without memory; else none. A network for which there is no place is not counted,
// which the caller's number of places sees to.
#ifndef STAYD_ENTRY_TALLY_H
#define STAYD_ENTRY_TALLY_H

#include "base/network.h"

#include <stddef.h>
#include <sys/queue.h>

// An address' networks: it and its neighbours, or a house; and, of IPv6, a site.
#define TALLY_LEVELS 2u
#define TALLY_FAR_TIMES 4u // what a site may have, in what a house may

struct tally;
struct tally_network;

// Random; see tally_make.
struct tally_key {
    uint64_t number[6];
};

// Something that takes time, in the caller's memory: counted, and in line by age. The caller
// touches nothing in it.
struct tally_held {
    TAILQ_ENTRY(tally_held) in_network[TALLY_LEVELS];
    TAILQ_ENTRY(tally_held) by_age;
    TAILQ_ENTRY(tally_held) among_silent;
    TAILQ_ENTRY(tally_held) in_wait;
    struct tally_network *network[TALLY_LEVELS]; // NULL: not counted
    uint64_t since_ms;
    uint64_t turn; // if it is not counted, as a network's
    bool is_silent;
    bool is_waiting;
};

// n_networks: at least twice what can be held and counted at once, and some for the rest.
struct tally *tally_make(uint32_t n_networks, const struct tally_key *key);
void tally_free(struct tally *tally);

// The networks of an address, as they count. Returns how many there are, 1 or 2.
unsigned tally_networks(const uint8_t address[16], struct network networks[TALLY_LEVELS]);

// A connection has come. False, with the network: it is one more than `per_second` in the long run,
// five seconds' worth being possible at once, and does not count.
bool tally_take(struct tally *tally, const uint8_t address[16], uint32_t per_second,
                uint64_t now_ms, struct network *network);

// One more, one less.
void tally_add(struct tally *tally, const uint8_t address[16]);
void tally_drop(struct tally *tally, const uint8_t address[16]);

// Has one of the address' networks as many as it may, `limit` for the first, TALLY_FAR_TIMES as
// many for the second? Then *network is that one.
bool tally_is_full(const struct tally *tally, const uint8_t address[16], uint32_t limit,
                   struct network *network);

// Begin and end of what is held. address NULL: counted for no network. It is silent at first.
void tally_hold(struct tally *tally, struct tally_held *held, const uint8_t address[16],
                uint64_t now_ms);
void tally_let_go(struct tally *tally, struct tally_held *held);
void tally_speak(struct tally *tally, struct tally_held *held); // it is not silent any more

// It waits for its turn, or goes on waiting. Sites have their turns one after the other, and within
// a site its houses, so that nobody waits for the many others that one network has in line.
void tally_wait(struct tally *tally, struct tally_held *held);

// Whose turn it is, which waits no more; NULL: nobody waits. Looks at all that wait.
struct tally_held *tally_next(struct tally *tally);

// Who could give way, or NULL. Of one network: the oldest silent one, the oldest at all. Of all: the
// oldest silent one; the oldest of the network that has the most, by the 256 oldest, among which a
// network that has a good part of all is. *n is how many that network has; 0: it is not counted.
struct tally_held *tally_oldest_of(const struct tally *tally, const struct network *network,
                                   bool is_silent);
struct tally_held *tally_oldest_silent(const struct tally *tally);
struct tally_held *tally_oldest_of_busiest(const struct tally *tally, uint32_t *n);

#endif
