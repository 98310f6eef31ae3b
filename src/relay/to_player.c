// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the game to the player: receive, seal records, send (relay.h). What the
// player's own records made us owe (KeyUpdates, alerts) is read from the other
// flow's committed state and answered here: one commit is for one flow (I2).
// Errors: if sealing fails, OpenSSL itself has; the player is closed and it is logged.
#include "base/log.h"
#include "relay/relay_part.h"

#include <openssl/crypto.h>
#include <string.h>

#define WORN_NOTICE                                                                                \
    "\r\nThis connection has used up its keys and TLS 1.2 cannot renew them. "                     \
    "Please connect again.\r\n"

// Where the next record is to be sealed, and with what.
struct seal {
    struct record_params params;
    const struct record_key *key;
    struct place place;
};

static bool begin_seal(struct relay *relay, const struct flow_state *now, size_t n_text,
                       struct seal *seal)
{
    *seal = (struct seal){
        .params = slot_record_params(relay->slot),
        .key = &relay->slot->keys[now->key],
    };
    return relay_begin_output(relay, now, (uint32_t)n_text + RECORD_OVERHEAD, &seal->place);
}

// Publish a sealed record of n bytes; n == 0: sealing failed, which ends the player. Nothing is
// sent that was not published (I15).
static void publish_seal(struct relay *relay, const struct seal *seal, size_t n,
                         struct flow_state *next)
{
    POINT(RECORD_SEALED);
    relay_note_work(relay, TO_PLAYER, 1);
    if (n == 0) {
        relay_drop_output(relay, &seal->place, next);
        log_event(LOG_LIBRARY, "what=\"a record could not be sealed\"");
        relay_shut(relay, TO_PLAYER);
        return;
    }
    relay_publish_output(relay, TO_PLAYER, &seal->place, n, next);
}

// Seal an alert; a closing one ends what the player hears.
static bool seal_alert(struct relay *relay, uint8_t alert)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    struct seal seal;
    if (!begin_seal(relay, &next, 2, &seal))
        return false;
    size_t n = record_seal_alert(&seal.params, seal.key, &next.record, alert, seal.place.at,
                                 seal.place.room, &next.record);
    if (alert == RECORD_NO_RENEGOTIATION) {
        next.output.answered = flow_now(&relay->slot->flow[TO_GAME])->record.asks;
    } else {
        next.flags |= FLOW_CLOSE_SEALED;
        flow_set_phase(&next, TO_PLAYER, FLOW_ENDING);
        next.in = BUFFER_EMPTY;
    }
    publish_seal(relay, &seal, n, &next);
    return true;
}

static bool seal_key_update(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    struct seal seal;
    if (!begin_seal(relay, &next, 5, &seal))
        return false;
    const struct flow_state *to_game = flow_now(&relay->slot->flow[TO_GAME]);
    uint8_t free_key = slot_free_key(next.key, to_game->key);
    struct record_key key;
    size_t n = record_seal_key_update(&seal.params, seal.key, &next.record, false, seal.place.at,
                                      seal.place.room, &next.record, &key);
    if (n)
        relay->slot->keys[free_key] = key;
    OPENSSL_cleanse(&key, sizeof key);
    POINT(KEY_WRITTEN);
    next.key = free_key;
    next.output.answered = to_game->record.asks;
    publish_seal(relay, &seal, n, &next);
    relay_wipe_free_key(relay);
    return true;
}

// TLS 1.2 has no KeyUpdate: say so, and close before the limit is reached.
static bool seal_worn_notice(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    struct seal seal;
    if (!begin_seal(relay, &next, sizeof WORN_NOTICE, &seal))
        return false;
    size_t n_text = relay_is_http(relay->slot) ? 0 : sizeof WORN_NOTICE - 1;
    size_t n = record_seal(&seal.params, seal.key, &next.record, (const uint8_t *)WORN_NOTICE,
                           n_text, seal.place.at, seal.place.room, &next.record);
    flow_set_phase(&next, TO_PLAYER, FLOW_ENDING);
    next.in = BUFFER_EMPTY;
    slot_note_end(relay->slot, SLOT_END_WORN);
    publish_seal(relay, &seal, n, &next);
    return true;
}

// Text that telnet's filter has changed, before it is sealed. Only during a step.
static uint8_t changed[RECORD_MAX_TEXT];

static bool seal_text(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    uint32_t n_in = buffer_bytes(&next.in);
    uint32_t n_held = (uint32_t)telnet_n_held(&next.telnet);
    const uint8_t *text = vault_chunk(relay->vault, next.in.chunk) + next.in.start;
    struct seal seal;
    if (n_in + n_held > relay->slot->write_limit)
        n_in = relay->slot->write_limit - n_held;
    size_t n_text = n_in;
    if (!begin_seal(relay, &next, n_in + n_held, &seal))
        return false;
    struct telnet_rules rules = relay_telnet_rules(relay, TO_PLAYER);
    if (!relay_note_http(relay, TO_PLAYER, &next, text, n_in) &&
        slot_has(relay->slot, SLOT_FLAG_TELNET) && !telnet_pass(&next.telnet, &rules, text, n_in)) {
        n_text = telnet_filter(&next.telnet, &rules, text, n_in, changed);
        text = changed;
    }
    buffer_take(&next.in, n_in);
    if (n_text == 0) { // all of it is held back
        relay_publish_output(relay, TO_PLAYER, &seal.place, 0, &next);
        return true;
    }
    size_t n = record_seal(&seal.params, seal.key, &next.record, text, n_text, seal.place.at,
                           seal.place.room, &next.record);
    if (text == changed)
        OPENSSL_cleanse(changed, n_text);
    publish_seal(relay, &seal, n, &next);
    return true;
}

// Seal n bytes, as many records as the player's limit makes of them, behind what is sealed already.
// Returns the bytes sealed, 0: it cannot be done.
static size_t seal_all(struct relay *relay, const struct seal *seal, struct flow_state *next,
                       const uint8_t *text, size_t n)
{
    size_t sealed = 0;
    for (size_t at = 0; at < n;) {
        size_t part = n - at < relay->slot->write_limit ? n - at : relay->slot->write_limit;
        size_t one = record_seal(&seal->params, seal->key, &next->record, text + at, part,
                                 seal->place.at + sealed, seal->place.room - sealed, &next->record);
        if (one == 0)
            return 0;
        sealed += one;
        at += part;
    }
    return sealed;
}

bool relay_give(struct relay *relay, struct flow_state *next, const uint8_t *text, size_t n)
{
    if (n == 0) {
        relay_commit(relay, TO_PLAYER, next);
        return true;
    }
    bool is_tls = slot_is_tls(relay->slot);
    size_t n_records = is_tls ? (n + relay->slot->write_limit - 1) / relay->slot->write_limit : 1;
    struct seal seal;
    if (!begin_seal(relay, next, n + (n_records - 1) * RECORD_OVERHEAD, &seal))
        return false;
    if (is_tls)
        n = seal_all(relay, &seal, next, text, n);
    else
        memcpy(seal.place.at, text, n);
    publish_seal(relay, &seal, n, next);
    return true;
}

// Who asks for MCCP is told no (RFC 854): to the game it never gets.
static void say_refusals(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_PLAYER);
    const struct telnet_state *player = &flow_now(&relay->slot->flow[TO_GAME])->telnet;
    uint8_t out[TELNET_REFUSAL_BYTES];
    if (relay_is_http(relay->slot) || next.phase != FLOW_OPEN ||
        !telnet_refusal_is_due(&next.telnet, player))
        return;
    size_t n = telnet_refuse(&next.telnet, player, out);
    relay_give(relay, &next, out, n);
}

// Decide which record is due next, and seal it.
static bool seal_next(struct relay *relay)
{
    const struct flow_state *now = flow_now(&relay->slot->flow[TO_PLAYER]);
    const struct flow_state *to_game = flow_now(&relay->slot->flow[TO_GAME]);
    struct record_params params = slot_record_params(relay->slot);
    if (now->phase == FLOW_SHUT || (now->flags & FLOW_CLOSE_SEALED))
        return false;
    if (to_game->input.alert != FLOW_ALERT_NONE)
        return seal_alert(relay, to_game->input.alert);
    if (to_game->record.asks != now->output.answered)
        return params.version == RECORD_TLS13 ? seal_key_update(relay)
                                              : seal_alert(relay, RECORD_NO_RENEGOTIATION);
    if (now->phase == FLOW_OPEN && record_is_worn(&params, &now->record))
        return params.version == RECORD_TLS13 ? seal_key_update(relay) : seal_worn_notice(relay);
    if (now->in.chunk != CHUNK_NONE)
        return relay_may_work(relay, TO_PLAYER) && seal_text(relay);
    if (now->phase == FLOW_ENDING)
        return seal_alert(relay, RECORD_CLOSE_NOTIFY);
    return false;
}

bool to_player_has_room(const struct relay *relay)
{
    struct flow_state now = relay_state(relay, TO_PLAYER);
    // First the player is told that the game is back.
    return now.phase == FLOW_OPEN && relay->slot->game_fd >= 0 && !(now.flags & FLOW_AWAY) &&
           buffer_room(slot_receive_buffer(relay->slot, &now)) > 0;
}

bool to_player_run(struct relay *relay)
{
    bool has_moved = false;
    const struct flow *flow = &relay->slot->flow[TO_PLAYER];
    if (flow_now(flow)->phase != FLOW_SHUT &&
        (flow_now(&relay->slot->flow[TO_GAME])->flags & FLOW_DEAF))
        relay_pass_end(relay, TO_PLAYER, relay->slot->player_fd);
    if ((relay->conn->ready & RELAY_READ_GAME) && to_player_has_room(relay))
        has_moved |= relay_receive(relay, TO_PLAYER, relay->slot->game_fd, RELAY_READ_GAME);
    if (slot_is_tls(relay->slot))
        while (seal_next(relay))
            has_moved = true;
    else
        while (relay_follow(relay, TO_PLAYER))
            has_moved = true;
    say_refusals(relay);
    if (flow_now(flow)->out.chunk != CHUNK_NONE && (relay->conn->ready & RELAY_WRITE_PLAYER))
        has_moved |= relay_send(relay, TO_PLAYER, relay->slot->player_fd, RELAY_WRITE_PLAYER);
    struct flow_state now = relay_state(relay, TO_PLAYER);
    if (now.phase == FLOW_ENDING && now.in.chunk == CHUNK_NONE && now.out.chunk == CHUNK_NONE &&
        (!slot_is_tls(relay->slot) || (now.flags & FLOW_CLOSE_SEALED)))
        relay_pass_end(relay, TO_PLAYER, relay->slot->player_fd);
    return has_moved;
}
