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

// The rules for telnet in this direction.
struct telnet_rules run_telnet_rules(const struct relay_run *run, enum flow_dir dir);

// n bytes of text have come from this direction's source: note in *next what that says of HTTP.
// True: the connection is HTTP, and they go on as they are.
bool run_note_http(const struct relay_run *run, enum flow_dir dir, struct flow_state *next,
                   const uint8_t *in, size_t n);

// Follow n bytes of this direction from in to out (telnet_filter), noting it in *next, which is
// committed together with them (I18). Returns how many came out.
size_t run_filter(const struct relay_run *run, enum flow_dir dir, struct flow_state *next,
                  const uint8_t *in, size_t n, uint8_t *out);

// Plain players of telnet games: move text from `in` to `out`.
bool run_follow(struct relay_run *run, enum flow_dir dir);

// Make room for n more bytes behind `out`, if it can be had: by moving it to the front of a chunk,
// or, when the game has all of it and no end of a line is in it, by keeping less (TO_GAME).
bool run_make_out_room(struct relay_run *run, enum flow_dir dir, uint32_t n);

// Send from `out`, where something is unsent. `bit` is the RELAY_WRITE_* of fd. A peer
// that is gone shuts the flow.
bool run_send(struct relay_run *run, enum flow_dir dir, int fd, unsigned bit);

// Has the game closed both ways? A Unix socket says so; over TCP only a failing
// send can tell, so there it is not known yet.
bool relay_has_hung_up(const struct slot *slot);

// Without telnet nobody follows the player's lines: pass over what has come of the one in which a
// game died (FLOW_SKIP).
bool run_skip_line(struct relay_run *run);

// The flow's source says nothing more that counts; TO_PLAYER: and that is the player's end.
void run_start_ending(struct relay_run *run, enum flow_dir dir);

// Pass the end on to fd (if any) and shut the flow.
void run_pass_end(struct relay_run *run, enum flow_dir dir, int fd);

// Give the player n bytes of our own behind what it has been given, past telnet's filter, and
// commit *next with them. False: there is no room now, and nothing has changed.
bool run_give(struct relay_run *run, struct flow_state *next, const uint8_t *text, size_t n);

// Its parts: receive if there is room; take what was received as far as `out`.
bool to_game_receive(struct relay_run *run);
bool to_game_step(struct relay_run *run);

bool to_game_run(struct relay_run *run);
bool to_player_run(struct relay_run *run);

// May more be received now? Decides what to wait for.
bool to_game_has_room(const struct relay_run *run);
bool to_player_has_room(const struct relay_run *run);

#endif
