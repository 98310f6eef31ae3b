// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What both directions of the relay do alike: receive, send, commit with the
// chunks kept right, pass an end on. Private to relay/.
//
// Errors: a step returns true when something moved.
#ifndef STAYD_RELAY_FLOW_IO_H
#define STAYD_RELAY_FLOW_IO_H

#include "relay/relay.h"
#include "vault/flow.h"
#include "vault/slot.h"

// One run over a slot.
struct relay_run {
    struct vault *vault;
    struct chunk_pool *chunks;
    struct slot *slot;
    struct relay_conn *conn;
    unsigned wishes;        // RELAY_POLL so far
    bool is_short;          // memory was short: nothing is received before the next run
    unsigned receives_left; // so that one busy player does not starve the others
};

static inline struct flow_state run_state(const struct relay_run *run, enum flow_dir dir)
{
    return *flow_now(&run->slot->flow[dir]);
}

// Commit, and give back the chunks that the new state no longer claims.
void run_commit(struct relay_run *run, enum flow_dir dir, const struct flow_state *next);

// After a new key was committed: wipe the area that nobody uses now (I7).
void run_wipe_free_key(struct relay_run *run);

// Commit the flow's end: nothing more is taken or sent; buffers are dropped.
void run_shut(struct relay_run *run, enum flow_dir dir);

// A chunk for a buffer that owns none; CHUNK_NONE (and a wish to poll) if memory is short.
uint32_t run_chunk(struct relay_run *run, const struct buffer *buffer);

// Receive into the flow's receiving buffer, which has room. `bit` is the RELAY_READ_* of fd.
bool run_receive(struct relay_run *run, enum flow_dir dir, int fd, unsigned bit);

// Send from `out`, which is not empty. `bit` is the RELAY_WRITE_* of fd. A peer
// that is gone shuts the flow.
bool run_send(struct relay_run *run, enum flow_dir dir, int fd, unsigned bit);

// Pass the end on to fd (if any) and shut the flow.
void run_pass_end(struct relay_run *run, enum flow_dir dir, int fd);

bool to_game_run(struct relay_run *run);
bool to_player_run(struct relay_run *run);

// May more be received now? Decides what to wait for.
bool to_game_has_room(const struct relay_run *run);
bool to_player_has_room(const struct relay_run *run);

#endif
