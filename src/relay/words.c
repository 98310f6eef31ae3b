// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's own words to a player, among the game's.
// Errors: false, when it must be tried later.
#include "relay/relay_part.h"

#include <string.h>

size_t relay_put_line(uint8_t *out, const char *text, bool is_in_line)
{
    size_t n = 0;
    if (*text == '\0')
        return 0;
    if (is_in_line) {
        memcpy(out, "\r\n", 2);
        n = 2;
    }
    memcpy(out + n, text, strlen(text));
    n += strlen(text);
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}

void relay_take_words(struct flow_state *next, const struct relay_words *words, size_t n)
{
    next->received += n; // our own words count as the game's (I11)
    next->output.aside += n;
    if (n)
        next->http = HTTP_NOT; // the player has heard something else
    next->flags = (uint8_t)((next->flags | words->set) & ~words->clear);
    if (words->notice)
        next->output.notice = words->notice;
    if (words->are_last)
        flow_set_phase(next, TO_PLAYER, FLOW_ENDING);
}

// Where telnet will be behind all that the game has said so far.
static struct telnet_state telnet_behind(const struct relay *relay)
{
    static uint8_t sink[CHUNK_BYTES + TELNET_HELD_BYTES];
    const struct flow_state *now = flow_now(&relay->slot->flow[TO_PLAYER]);
    struct telnet_state telnet = now->telnet;
    const struct telnet_rules rules = relay_telnet_rules(relay, TO_PLAYER);
    if (slot_has(relay->slot, SLOT_FLAG_TELNET) && now->in.chunk != CHUNK_NONE)
        telnet_filter(&telnet, &rules, vault_chunk(relay->vault, now->in.chunk) + now->in.start,
                      buffer_bytes(&now->in), sink);
    return telnet;
}

static bool is_mid(const struct telnet_state *telnet)
{
    return telnet->command != TELNET_TEXT || telnet->ansi != TELNET_ANSI_NONE ||
           telnet->utf8_left || telnet->flags & TELNET_COMPRESSED;
}

// The game's side has ended, and that is not passed on yet.
static bool can_say_last(const struct flow_state *now)
{
    return (now->phase == FLOW_CUT || now->phase == FLOW_ENDING) &&
           !(now->flags & FLOW_CLOSE_SEALED);
}

bool relay_say(struct relay *relay, const struct relay_words *words)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    struct buffer *buffer = slot_receive_buffer(relay->slot, &next);
    uint8_t line[RELAY_LINE_BYTES];
    const bool is_http = relay_is_http(relay->slot);
    if (next.phase != FLOW_OPEN && !(words->are_last && can_say_last(&next)))
        return false;
    struct telnet_state telnet = telnet_behind(relay);
    if (is_mid(&telnet) && !is_http)
        return false;
    size_t n = relay_put_line(line, is_http ? "" : words->text, telnet.flags & TELNET_IN_LINE);
    if (buffer_room(buffer) < n)
        return false;
    if (n) {
        uint32_t chunk = relay_chunk(relay, buffer);
        if (chunk == CHUNK_NONE)
            return false;
        memcpy(vault_chunk(relay->vault, chunk) + buffer->end, line, n);
        buffer->chunk = chunk;
        buffer->end = (uint16_t)(buffer->end + n);
    }
    relay_take_words(&next, words, n);
    relay_commit(relay, TO_PLAYER, &next);
    return true;
}
