// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet and HTTP on the way, in both directions (relay_part.h).
// Errors: none.
#include "relay/relay_part.h"

#include <string.h>

struct telnet_rules relay_telnet_rules(const struct relay *relay, enum flow_dir dir)
{
    const struct slot *slot = relay->slot;
    uint8_t flags = flow_now(&slot->flow[TO_GAME])->flags;
    struct telnet_rules rules = {
        .is_player = dir == TO_GAME,
        .may_compress = slot_has(slot, SLOT_FLAG_MAY_COMPRESS),
        .is_mnes = slot_has(slot, SLOT_FLAG_MNES),
        .is_forwarded = slot_has(slot, SLOT_FLAG_FORWARDED),
        .other = &flow_now(&slot->flow[!dir])->telnet,
    };
    if (dir == TO_GAME && flags & FLOW_DISCARD && slot->game_fd < 0)
        rules.keep = TELNET_DROP_ALL;
    else if (dir == TO_GAME && flags & (FLOW_DISCARD | FLOW_SKIP))
        rules.keep = TELNET_DROP_LINE;
    return rules;
}

// The line in which the game died is over.
static void stop_dropping(const struct relay *relay, struct flow_state *next)
{
    if (telnet_is_dropping(&next->telnet))
        return;
    next->flags &= (uint8_t)~FLOW_SKIP;
    if (relay->slot->game_fd >= 0)
        next->flags &= (uint8_t)~FLOW_DISCARD;
}

bool relay_is_http(const struct slot *slot)
{
    return http_is_it(flow_now(&slot->flow[TO_GAME])->http, flow_now(&slot->flow[TO_PLAYER])->http);
}

bool relay_note_http(const struct relay *relay, enum flow_dir dir, struct flow_state *next,
                     const uint8_t *in, size_t n)
{
    uint8_t other = flow_now(&relay->slot->flow[!dir])->http;
    flow_note_http(next, dir, in, (uint32_t)n);
    if (dir == TO_PLAYER)
        return http_is_it(other, next->http);
    // Who claims to speak HTTP must not say by telnet where it is; what telnet holds back of it
    // goes on with telnet.
    bool is_guarded = slot_has(relay->slot, SLOT_FLAG_MNES | SLOT_FLAG_FORWARDED);
    bool is_safe = other == HTTP_SEEN && next->telnet.command == TELNET_TEXT;
    return http_is_it(next->http, other) && (is_safe || !is_guarded);
}

size_t relay_filter(const struct relay *relay, enum flow_dir dir, struct flow_state *next,
                    const uint8_t *in, size_t n, uint8_t *out)
{
    struct telnet_rules rules = relay_telnet_rules(relay, dir);
    if (relay_note_http(relay, dir, next, in, n)) {
        memmove(out, in, n);
        return n;
    }
    if (telnet_pass(&next->telnet, &rules, in, n)) {
        if (out != in)
            memcpy(out, in, n);
        return n;
    }
    n = telnet_filter(&next->telnet, &rules, in, n, out);
    if (rules.keep == TELNET_DROP_LINE)
        stop_dropping(relay, next);
    return n;
}

bool relay_follow(struct relay *relay, enum flow_dir dir)
{
    struct flow_state next = relay_state(relay, dir);
    struct place place;
    uint32_t n = buffer_bytes(&next.in);
    const uint32_t n_held = (uint32_t)telnet_n_held(&next.telnet);
    if (n == 0 || !relay_make_out_room(relay, dir, n_held + 1, &next) ||
        !relay_begin_output(relay, &next, n_held + 1, &place))
        return false;
    if (n > place.room - n_held)
        n = place.room - n_held;
    const size_t n_out = relay_filter(
        relay, dir, &next, vault_chunk(relay->vault, next.in.chunk) + next.in.start, n, place.at);
    buffer_take(&next.in, n);
    POINT(TEXT_FOLLOWED);
    relay_publish_output(relay, dir, &place, n_out, &next);
    return true;
}
