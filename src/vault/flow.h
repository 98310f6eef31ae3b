// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One direction of a slot, and the commit. Whoever changes a flow takes a copy
// of its present state, changes the copy, and commits it: the copy goes to the
// half that is not in use and one store makes it the current one (I2). After a
// kill the vault shows the state before or the state after.
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

static inline void flow_commit(struct flow *flow, const struct flow_state *next)
{
    uint32_t other = (atomic_load_explicit(&flow->current, memory_order_relaxed) & 1u) ^ 1u;
    flow->copy[other] = *next;
    POINT(FLOW_WRITTEN);
    atomic_store_explicit(&flow->current, other, memory_order_release);
    POINT(FLOW_FLIPPED);
}

// TO_GAME: n bytes from the beginning of `out`, which are these, are not kept any longer. What is
// left of a line that the game has begun is then not for the next one.
static inline void flow_pass_front(struct flow_state *state, bool is_telnet, const uint8_t *bytes,
                                   uint32_t n)
{
    state->front = front_follow(state->front, is_telnet, bytes, n);
    state->flags = (uint8_t)((state->flags & ~FLOW_CUT) | (state->front ? FLOW_CUT : 0));
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

// How many bytes of `out` are still to be sent; those kept for an acknowledgement come before them.
static inline uint32_t flow_unsent(const struct flow_state *state)
{
    return buffer_bytes(&state->out) - state->kept;
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
