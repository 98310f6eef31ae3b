// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From an entry to a worker: a player is one message (struct handover, the descriptor beside it) in
// a socket pair of type SOCK_SEQPACKET (unix(7)), one pair for each entry. The sending end is the
// entry's alone, the receiving end, the queue, is claimed in the vault (struct vault_entry), so that what
// was sent outlives worker and entry.
//
// Exactly once, whoever is killed (I28):
//
//   handover_peek: the message stays at the head, and its descriptor is open here, unclaimed
//   slot_claim, with the message's key in slot.arrival: from here the player is in
//   handover_take: the message is gone
//
// A worker that finds at its start (handover_settle), before it serves, closes or sets aside any
// slot, that the message at the head is a live slot's, takes it: the one before has died between the
// two. Were it not so, a slot that was claimed and freed again would be made anew, with keys and
// sequence numbers that were used (I15).
//
// The entry reads what strangers send, so its messages are doubted (arrival_doubt): number, lengths, and
// whether the descriptor is a connection.
//
// The format belongs to the vault's layout. Errors: as each says.
#ifndef STAYD_VAULT_HANDOVER_H
#define STAYD_VAULT_HANDOVER_H

#include "vault/arrival.h"
#include "vault/vault.h"

struct handover {
    uint64_t number; // 1 and following, of this entry
    uint32_t worker; // whose player it is; there is one, 0
    uint32_t reserved;
    struct arrival arrival;
};

// A pair: the queue, and the end for handover_send, both not blocking. -1 with errno.
int handover_make(int *queue, int *sending);

// 0, or -1 with errno and nothing was sent: EAGAIN, the queue is full; ETOOMANYREFS, too many
// descriptors are in flight (RLIMIT_NOFILE); EPIPE, nobody has the queue any more.
int handover_send(int sending, const struct handover *message, int fd);

enum handover_head {
    HANDOVER_NONE,  // the queue is empty
    HANDOVER_THERE, // *message and *fd, which is the caller's
    HANDOVER_WRONG, // no such message, or no such descriptor; to be taken and forgotten
    HANDOVER_SHORT, // of descriptors or memory (errno); to be tried again
    HANDOVER_ENDED, // the queue is empty, and its entry is gone
};

// Look at the head of the queue.
enum handover_head handover_peek(int queue, struct handover *message, int *fd);

// Throw the head away, with its descriptor.
void handover_take(int queue);

// What a slot keeps of the message by which its player came: not 0, and no other message's.
uint64_t handover_key(uint64_t serial, uint64_t number);

// See above. Returns how many messages it took.
unsigned handover_settle(const struct vault *vault);

// Orders to an entry, by whoever shares the table: a byte the other way. Lost, if it cannot be sent;
// each may be given twice.
enum handover_order {
    HANDOVER_OPEN = 'o',   // accept players
    HANDOVER_RETIRE = 'r', // accept nobody any more, finish, and end
    HANDOVER_LOG = 'l',    // open the log's file anew
};
void handover_order(int queue, enum handover_order order);

// For the entry: the next order, or 0: none yet; -1: everybody who could give one is gone.
int handover_hear(int sending);

// Is there somebody to hand players to? Takes no order.
bool handover_is_heard(int sending);

#endif
