// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a game gets of the player's input when it is not the one that the player began with: what is
// kept for it, what is dropped, and the offsets by which the two speak of it.
// Errors: none.
#include "relay/relay_part.h"

#include <limits.h>

#define DROP_RECEIVES 8u // of a player's input are dropped when a link is made

// Unsent input goes; it counts as sent, so that offsets go on (I11).
static void drop_unsent(struct flow_state *next, uint32_t n)
{
    next->sent += n;
    buffer_take(&next->out, n);
}

// `out` has gone as far as *next says, and `front` is where that has left the line or the command
// begun: is the rest of that still to come? Telnet's follower finds its end by itself.
static void note_rest(const struct relay *relay, struct flow_state *next, uint8_t front)
{
    bool is_telnet = slot_has(relay->slot, SLOT_FLAG_TELNET);
    if (front)
        next->flags |= FLOW_SKIP;
    else if (!is_telnet)
        next->flags &= (uint8_t)~FLOW_SKIP;
    next->input.front = is_telnet ? 0 : front;
}

// All of `out` goes, and with it what is still to come of a line begun.
static void drop_out(const struct relay *relay, struct flow_state *next)
{
    uint32_t n = buffer_bytes(&next->out);
    uint8_t front = next->input.front;
    if (slot_has(relay->slot, SLOT_FLAG_TELNET)) {
        next->flags |= FLOW_DISCARD; // telnet's follower knows where the line ends
        next->input.front = 0;
    } else {
        if (n)
            front = front_follow(front, false,
                                 vault_chunk(relay->vault, next->out.chunk) + next->out.start, n);
        note_rest(relay, next, front);
    }
    drop_unsent(next, n);
}

// The rest of what the dead game had begun is for nobody.
static void skip_rest(const struct relay *relay, struct flow_state *next)
{
    uint32_t n = buffer_bytes(&next->out);
    uint8_t front = next->input.front;
    if (n)
        n = (uint32_t)front_rest(&front, slot_has(relay->slot, SLOT_FLAG_TELNET),
                                 vault_chunk(relay->vault, next->out.chunk) + next->out.start, n);
    drop_unsent(next, n);
    note_rest(relay, next, front);
}

void relay_skip_line(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_GAME);
    if (slot_has(relay->slot, SLOT_FLAG_TELNET) || !(next.flags & FLOW_SKIP) ||
        next.out.chunk == CHUNK_NONE)
        return;
    uint64_t sent = next.sent;
    skip_rest(relay, &next);
    // A game that is linked already does not count what it does not get.
    next.input.origin += next.sent - sent;
    relay_commit(relay, TO_GAME, &next);
}

void relay_keep_input(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_GAME);
    if (next.phase == FLOW_SHUT)
        return;
    next.sent -= next.input.unacked;
    next.input.unacked = 0;
    if (!slot_has(relay->slot, SLOT_FLAG_RESUMES)) {
        drop_out(relay, &next);
    } else {
        // A line begun for a game before this one is still to be passed over; what follows it is
        // not.
        if (next.flags & FLOW_DISCARD)
            next.flags = (uint8_t)((next.flags & ~FLOW_DISCARD) | FLOW_SKIP);
        if (next.flags & FLOW_HEADLESS)
            skip_rest(relay, &next);
        else if (slot_has(relay->slot, SLOT_FLAG_TELNET) || !(next.flags & FLOW_SKIP))
            next.input.front = 0;
    }
    next.flags &= (uint8_t)~FLOW_HEADLESS;
    next.telnet.flags &= (uint8_t)~TELNET_DROPPING;
    relay_commit(relay, TO_GAME, &next);
}

// The game is not told of those before it: no later one resumes what they knew of the player, and
// output is counted from here.
static void begin_anew(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    relay->slot->flags &= ~SLOT_FLAG_RESUMES;
    next.output.aside = next.received;
    relay_commit(relay, TO_PLAYER, &next);
}

// All that has come from the player by now, and the rest of a line begun, was for a game before.
static void drop_input(struct relay *relay)
{
    struct relay_conn conn = {.ready = RELAY_READ_PLAYER};
    struct relay own = *relay;
    own.conn = &conn;
    own.left[TO_GAME] = UINT_MAX; // of what is here all is dropped
    own.is_short = false;
    unsigned n_receives = 0;
    do {
        struct flow_state next = relay_state(&own, TO_GAME);
        drop_out(&own, &next);
        relay_commit(&own, TO_GAME, &next);
    } while (to_game_step(&own) || (n_receives++ < DROP_RECEIVES && to_game_receive(&own)));
}

void relay_prepare_link(struct relay *relay, bool is_resumed)
{
    if (!is_resumed)
        begin_anew(relay);
    if (slot_has(relay->slot, SLOT_FLAG_LINKED) && !is_resumed)
        drop_input(relay);
    struct flow_state next = relay_state(relay, TO_GAME);
    next.flags |= FLOW_FRESH;
    if (!is_resumed)
        next.input.origin = next.sent;
    relay_commit(relay, TO_GAME, &next);
}

uint64_t relay_input_offset(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_GAME]);
    return now->sent - now->input.origin;
}

uint64_t relay_output_offset(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_PLAYER]);
    return now->received - now->output.aside;
}

bool relay_acknowledge(struct relay *relay, uint64_t offset)
{
    struct flow_state next = relay_state(relay, TO_GAME);
    uint64_t first = next.sent - next.input.unacked;
    if (offset > next.sent - next.input.origin)
        return false;
    offset += next.input.origin;
    if (offset <= first)
        return true; // what was acknowledged already, or needed no acknowledgement
    uint32_t n = (uint32_t)(offset - first);
    next.input.front = front_follow(next.input.front, slot_has(relay->slot, SLOT_FLAG_TELNET),
                                    vault_chunk(relay->vault, next.out.chunk) + next.out.start, n);
    next.flags &= (uint8_t)~FLOW_HEADLESS; // it knows where in a line it is
    buffer_take(&next.out, n);
    next.input.unacked = (uint16_t)(next.sent - offset);
    relay_commit(relay, TO_GAME, &next);
    return true;
}
