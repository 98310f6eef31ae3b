// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the game to the player: receive, seal records, send (relay.h). What the
// player's own records made us owe (KeyUpdates, alerts) is read from the other
// flow's committed state and answered here: one commit is for one flow (I2).
// Errors: if sealing fails, OpenSSL itself has; the player is closed and it is logged.
#include "base/log.h"
#include "relay/flow_io.h"

#include <openssl/crypto.h>
#include <string.h>

#define WORN_NOTICE                                                                                \
    "\r\nThis connection has used up its keys and TLS 1.2 cannot renew them. "                     \
    "Please connect again.\r\n"

// Where the next record is to be sealed.
struct place {
    struct record_params params;
    const struct record_key *key;
    uint32_t chunk;
    uint8_t *out;
    size_t room;
};

static bool find_place(struct relay_run *run, const struct flow_state *now, size_t n_text,
                       struct place *place)
{
    if (buffer_room(&now->out) < n_text + RECORD_OVERHEAD)
        return false;
    uint32_t chunk = run_chunk(run, &now->out);
    if (chunk == CHUNK_NONE)
        return false;
    *place = (struct place){
        .params = slot_record_params(run->slot),
        .key = &run->slot->keys[now->key],
        .chunk = chunk,
        .out = vault_chunk(run->vault, chunk) + now->out.end,
        .room = buffer_room(&now->out),
    };
    return true;
}

// Publish a sealed record of n bytes; n == 0: sealing failed, which ends the player. Nothing is
// sent that was not published (I15).
static bool publish(struct relay_run *run, const struct place *place, size_t n,
                    struct flow_state *next)
{
    POINT(RECORD_SEALED);
    if (n == 0) {
        if (next->out.chunk == CHUNK_NONE)
            chunk_give(run->chunks, place->chunk);
        log_event(LOG_LIBRARY, "what=\"a record could not be sealed\"");
        run_shut(run, TO_PLAYER);
        return true;
    }
    next->out.chunk = place->chunk;
    next->out.end = (uint16_t)(next->out.end + n);
    run_commit(run, TO_PLAYER, next);
    return true;
}

// Seal an alert; a closing one ends what the player hears.
static bool seal_alert(struct relay_run *run, uint8_t alert)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    struct place place;
    if (!find_place(run, &next, 2, &place))
        return false;
    size_t n = record_seal_alert(&place.params, place.key, &next.record, alert, place.out,
                                 place.room, &next.record);
    if (alert == RECORD_NO_RENEGOTIATION) {
        next.output.answered = flow_now(&run->slot->flow[TO_GAME])->record.asks;
    } else {
        next.flags |= FLOW_CLOSE_SEALED;
        flow_set_phase(&next, TO_PLAYER, FLOW_ENDING);
        next.in = BUFFER_EMPTY;
    }
    return publish(run, &place, n, &next);
}

static bool seal_key_update(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    struct place place;
    if (!find_place(run, &next, 5, &place))
        return false;
    const struct flow_state *to_game = flow_now(&run->slot->flow[TO_GAME]);
    uint8_t free_key = slot_free_key(next.key, to_game->key);
    struct record_key key;
    size_t n = record_seal_key_update(&place.params, place.key, &next.record, false, place.out,
                                      place.room, &next.record, &key);
    if (n)
        run->slot->keys[free_key] = key;
    OPENSSL_cleanse(&key, sizeof key);
    POINT(KEY_WRITTEN);
    next.key = free_key;
    next.output.answered = to_game->record.asks;
    publish(run, &place, n, &next);
    run_wipe_free_key(run);
    return true;
}

// TLS 1.2 has no KeyUpdate: say so, and close before the limit is reached.
static bool seal_worn_notice(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    struct place place;
    if (!find_place(run, &next, sizeof WORN_NOTICE, &place))
        return false;
    size_t n_text = relay_is_http(run->slot) ? 0 : sizeof WORN_NOTICE - 1;
    size_t n = record_seal(&place.params, place.key, &next.record, (const uint8_t *)WORN_NOTICE,
                           n_text, place.out, place.room, &next.record);
    flow_set_phase(&next, TO_PLAYER, FLOW_ENDING);
    next.in = BUFFER_EMPTY;
    slot_note_end(run->slot, SLOT_END_WORN);
    return publish(run, &place, n, &next);
}

// Text that telnet's filter has changed, before it is sealed. Only during a step.
static uint8_t changed[RECORD_MAX_TEXT];

static bool seal_text(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    uint32_t n_in = buffer_bytes(&next.in);
    uint32_t n_held = (uint32_t)telnet_n_held(&next.telnet);
    const uint8_t *text = vault_chunk(run->vault, next.in.chunk) + next.in.start;
    struct place place;
    if (n_in + n_held > run->slot->write_limit)
        n_in = run->slot->write_limit - n_held;
    size_t n_text = n_in;
    if (!find_place(run, &next, n_in + n_held, &place))
        return false;
    struct telnet_rules rules = run_telnet_rules(run, TO_PLAYER);
    if (!run_note_http(run, TO_PLAYER, &next, text, n_in) &&
        slot_has(run->slot, SLOT_FLAG_TELNET) && !telnet_pass(&next.telnet, &rules, text, n_in)) {
        n_text = telnet_filter(&next.telnet, &rules, text, n_in, changed);
        text = changed;
    }
    buffer_take(&next.in, n_in);
    if (n_text == 0) { // all of it is held back
        if (next.out.chunk == CHUNK_NONE)
            chunk_give(run->chunks, place.chunk);
        run_commit(run, TO_PLAYER, &next);
        return true;
    }
    size_t n = record_seal(&place.params, place.key, &next.record, text, n_text, place.out,
                           place.room, &next.record);
    if (text == changed)
        OPENSSL_cleanse(changed, n_text);
    return publish(run, &place, n, &next);
}

// Seal n bytes, as many records as the player's limit makes of them, behind what is sealed already.
// Returns the bytes sealed, 0: it cannot be done.
static size_t seal_all(struct relay_run *run, const struct place *place, struct flow_state *next,
                       const uint8_t *text, size_t n)
{
    size_t sealed = 0;
    for (size_t at = 0; at < n;) {
        size_t part = n - at < run->slot->write_limit ? n - at : run->slot->write_limit;
        size_t one = record_seal(&place->params, place->key, &next->record, text + at, part,
                                 place->out + sealed, place->room - sealed, &next->record);
        if (one == 0)
            return 0;
        sealed += one;
        at += part;
    }
    return sealed;
}

bool run_give(struct relay_run *run, struct flow_state *next, const uint8_t *text, size_t n)
{
    if (n == 0) {
        run_commit(run, TO_PLAYER, next);
        return true;
    }
    bool is_tls = slot_is_tls(run->slot);
    size_t n_records = is_tls ? (n + run->slot->write_limit - 1) / run->slot->write_limit : 1;
    struct place place;
    if (!find_place(run, next, n + (n_records - 1) * RECORD_OVERHEAD, &place))
        return false;
    if (is_tls)
        return publish(run, &place, seal_all(run, &place, next, text, n), next);
    memcpy(place.out, text, n);
    return publish(run, &place, n, next);
}

// Who asks for MCCP is told no (RFC 854): to the game it never gets.
static bool say_refusals(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    const struct telnet_state *player = &flow_now(&run->slot->flow[TO_GAME])->telnet;
    uint8_t out[TELNET_REFUSAL_BYTES];
    if (!slot_has(run->slot, SLOT_FLAG_TELNET) || relay_is_http(run->slot) ||
        next.phase != FLOW_OPEN || !telnet_refusal_is_due(&next.telnet, player))
        return false;
    size_t n = telnet_refuse(&next.telnet, player, out);
    return run_give(run, &next, out, n);
}

// Decide which record is due next, and seal it.
static bool seal_next(struct relay_run *run)
{
    const struct flow_state *now = flow_now(&run->slot->flow[TO_PLAYER]);
    const struct flow_state *to_game = flow_now(&run->slot->flow[TO_GAME]);
    struct record_params params = slot_record_params(run->slot);
    if (now->phase == FLOW_SHUT || (now->flags & FLOW_CLOSE_SEALED))
        return false;
    if (to_game->input.alert != FLOW_ALERT_NONE)
        return seal_alert(run, to_game->input.alert);
    if (to_game->record.asks != now->output.answered)
        return params.version == RECORD_TLS13 ? seal_key_update(run)
                                              : seal_alert(run, RECORD_NO_RENEGOTIATION);
    if (now->phase == FLOW_OPEN && record_is_worn(&params, &now->record))
        return params.version == RECORD_TLS13 ? seal_key_update(run) : seal_worn_notice(run);
    if (now->in.chunk != CHUNK_NONE)
        return seal_text(run);
    if (now->phase == FLOW_ENDING)
        return seal_alert(run, RECORD_CLOSE_NOTIFY);
    return false;
}

bool to_player_has_room(const struct relay_run *run)
{
    struct flow_state now = run_state(run, TO_PLAYER);
    // First the player is told that the game is back.
    return now.phase == FLOW_OPEN && run->slot->game_fd >= 0 && !(now.flags & FLOW_AWAY) &&
           buffer_room(slot_receive_buffer(run->slot, &now)) > 0;
}

bool to_player_run(struct relay_run *run)
{
    bool has_moved = false;
    const struct flow *flow = &run->slot->flow[TO_PLAYER];
    if (flow_now(flow)->phase != FLOW_SHUT &&
        (flow_now(&run->slot->flow[TO_GAME])->flags & FLOW_DEAF)) {
        run_pass_end(run, TO_PLAYER, run->slot->player_fd);
        return true;
    }
    if ((run->conn->ready & RELAY_READ_GAME) && to_player_has_room(run))
        has_moved |= run_receive(run, TO_PLAYER, run->slot->game_fd, RELAY_READ_GAME);
    if (slot_is_tls(run->slot))
        while (seal_next(run))
            has_moved = true;
    else if (slot_has_step(run->slot) && flow_now(flow)->phase != FLOW_SHUT)
        while (run_follow(run, TO_PLAYER))
            has_moved = true;
    has_moved |= say_refusals(run);
    if (flow_now(flow)->out.chunk != CHUNK_NONE && (run->conn->ready & RELAY_WRITE_PLAYER))
        has_moved |= run_send(run, TO_PLAYER, run->slot->player_fd, RELAY_WRITE_PLAYER);
    struct flow_state now = run_state(run, TO_PLAYER);
    if (now.phase == FLOW_ENDING && now.in.chunk == CHUNK_NONE && now.out.chunk == CHUNK_NONE &&
        (!slot_is_tls(run->slot) || (now.flags & FLOW_CLOSE_SEALED))) {
        run_pass_end(run, TO_PLAYER, run->slot->player_fd);
        has_moved = true;
    }
    return has_moved;
}
