// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One direction of a slot, and the commit. Whoever changes a flow takes a copy
// of its present state, changes the copy, and commits it: the copy goes to the
// half that is not in use and one store makes it the current one (I2). After a
// kill the vault shows the state before or the state after.
//
// A flow's phase takes these steps and no others (I8), each in the commit of what
// belongs to it. SHUT holds no bytes any more.
//
//   TO_GAME     OPEN ──a──▶ ENDING ──f──▶ SHUT
//
//   TO_PLAYER   OPEN ──b──▶ CUT ──d──▶ ENDING ──f──▶ SHUT       from each to SHUT: g
//                │ ◀──c────              ▲
//                └───────────e───────────┘
//
//   a  the player says nothing more: receipt_recv (end of file), receive_failed (an
//      error), stop_records (close_notify, an alert, a broken record),
//      relay_start_ending (stayd ends the player)
//   b  the game's side has ended: receipt_recv, receive_failed; relay_unlink (it is dead)
//   c  it is dead, and the player's terminal is put right: relay_mend
//   d  the end is the player's: relay_start_ending (the game closed this one, or stayd
//      does), relay_take_words (last words), seal_alert
//   e  as d, before the game's side has ended; seal_worn_notice
//   f  all has gone: relay_pass_end
//   g  nobody is there to hear it: relay_shut
//
// Errors: none.
#ifndef STAYD_VAULT_FLOW_H
#define STAYD_VAULT_FLOW_H

#include "telnet/http.h"
#include "telnet/telnet_front.h"
#include "vault/layout.h"
#include "vault/point.h"

static inline const struct flow_state *flow_now(const struct flow *flow)
{
    return &flow->copy[atomic_load_explicit(&flow->current, memory_order_acquire) & 1u];
}

void flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next);

const char *flow_phase_name(enum flow_phase phase);

// *next, a copy that is to be committed, goes on to this phase, or is there already. Along the
// arrows only: another step is a mistake of the caller's, and the end of this process.
void flow_set_phase(struct flow_state *next, enum flow_dir dir, enum flow_phase phase);

// The source has said its last.
static inline void flow_end_source(struct flow_state *next, enum flow_dir dir)
{
    flow_set_phase(next, dir, dir == TO_GAME ? FLOW_ENDING : FLOW_CUT);
}

// Has the end begun that nothing takes back?
static inline bool flow_is_ending(const struct flow_state *state)
{
    return state->phase >= FLOW_ENDING;
}

// TO_GAME: n bytes from the beginning of `out`, which are these, are given up. What is
// left of a line that the game has begun is then not for the next one.
static inline void flow_pass_front(struct flow_state *state, bool is_telnet, const uint8_t *bytes,
                                   uint32_t n)
{
    state->input.front = front_follow(state->input.front, is_telnet, bytes, n);
    state->flags &= (uint8_t)~FLOW_HEADLESS;
    if (state->input.front)
        state->flags |= FLOW_HEADLESS;
}

// n bytes of text have come from this direction's source.
static inline void flow_note_http(struct flow_state *state, enum flow_dir dir, const uint8_t *bytes,
                                  uint32_t n)
{
    state->http = dir == TO_GAME ? http_follow_request(state->http, bytes, n)
                                 : http_follow_answer(state->http, bytes, n);
}

#define BUFFER_EMPTY ((struct buffer){.chunk = CHUNK_NONE})

static inline uint32_t buffer_bytes(const struct buffer *buffer)
{
    return (uint32_t)buffer->end - buffer->start;
}

// How many bytes at the front of `out` are sent, and not yet acknowledged.
static inline uint32_t flow_unacked(const struct flow_state *state, enum flow_dir dir)
{
    return dir == TO_GAME ? state->input.unacked : 0;
}

// ... and how many behind them are still to be sent.
static inline uint32_t flow_unsent(const struct flow_state *state, enum flow_dir dir)
{
    return buffer_bytes(&state->out) - flow_unacked(state, dir);
}

// Room behind the last byte; a whole chunk when the buffer owns none.
static inline uint32_t buffer_room(const struct buffer *buffer)
{
    return CHUNK_BYTES - buffer->end;
}

// Take n bytes from the front; a buffer that is then empty owns no chunk (I5).
static inline void buffer_take(struct buffer *buffer, uint32_t n)
{
    buffer->start = (uint16_t)(buffer->start + n);
    if (buffer->start == buffer->end)
        *buffer = BUFFER_EMPTY;
}

#endif
