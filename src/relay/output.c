// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The output step (relay_part.h): a step writes into free room behind `out`, where nobody looks,
// and one commit makes it part of it. Errors: no room, no memory: later.
#include "relay/relay_part.h"

#include <string.h>

bool relay_begin_output(struct relay *relay, const struct flow_state *now, uint32_t n,
                        struct place *place)
{
    if (buffer_room(&now->out) < n)
        return false;
    const uint32_t chunk = relay_chunk(relay, &now->out);
    if (chunk == CHUNK_NONE)
        return false;
    *place = (struct place){
        .chunk = chunk,
        .at = vault_chunk(relay->vault, chunk) + now->out.end,
        .room = buffer_room(&now->out),
    };
    return true;
}

void relay_publish_output(struct relay *relay, enum flow_dir dir, const struct place *place,
                          size_t n, struct flow_state *next)
{
    if (n) {
        next->out.chunk = place->chunk;
        next->out.end = (uint16_t)(next->out.end + n);
    }
    relay_commit(relay, dir, next);
    relay_drop_output(relay, place, next);
}

void relay_drop_output(struct relay *relay, const struct place *place, const struct flow_state *now)
{
    if (now->out.chunk == CHUNK_NONE)
        chunk_give(relay->chunks, place->chunk);
}

#define KEEP_LESS_BYTES (CHUNK_BYTES / 4) // at least, so that not every byte moves all others

// The game has got all of `out` and cannot act on it, for it is the beginning of a line only. It
// can only go on if there is more: the oldest bytes are kept no longer. Should it die, the rest of
// that line is for nobody (FLOW_HEADLESS).
static void keep_less(struct relay *relay, struct flow_state *next, uint32_t n)
{
    const uint8_t *unacked = vault_chunk(relay->vault, next->out.chunk) + next->out.start;
    bool is_telnet = slot_has(relay->slot, SLOT_FLAG_TELNET);
    uint32_t n_over = buffer_bytes(&next->out) + n - CHUNK_BYTES;
    if (flow_unsent(next, TO_GAME) > 0 ||
        front_ends_line(next->input.front, is_telnet, unacked, next->input.unacked))
        return;
    if (n_over < KEEP_LESS_BYTES)
        n_over = KEEP_LESS_BYTES;
    if (n_over > next->input.unacked)
        n_over = next->input.unacked;
    flow_pass_front(next, is_telnet, unacked, n_over);
    next->input.unacked = (uint16_t)(next->input.unacked - n_over);
    buffer_take(&next->out, n_over);
    relay_commit(relay, TO_GAME, next);
}

bool relay_make_out_room(struct relay *relay, enum flow_dir dir, uint32_t n, struct flow_state *now)
{
    if (dir == TO_GAME && buffer_bytes(&now->out) + n > CHUNK_BYTES)
        keep_less(relay, now, n);
    const uint32_t n_bytes = buffer_bytes(&now->out);
    if (buffer_room(&now->out) >= n)
        return true;
    if (n_bytes + n > CHUNK_BYTES)
        return false;
    // Copied, not moved in place: a kill in the middle must leave the old one whole.
    const uint32_t chunk = relay_chunk(relay, &BUFFER_EMPTY);
    if (chunk == CHUNK_NONE)
        return false;
    memcpy(vault_chunk(relay->vault, chunk),
           vault_chunk(relay->vault, now->out.chunk) + now->out.start, n_bytes);
    POINT(BUFFER_COPIED);
    now->out = (struct buffer){.chunk = chunk, .end = (uint16_t)n_bytes};
    relay_commit(relay, dir, now);
    return true;
}
