// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the player to the game: receive, open records, send (relay.h).
// Errors: a broken record becomes an alert that to_player.c sends.
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "record/record_alert.h"
#include "relay/relay_part.h"

#include <linux/sockios.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/ioctl.h>

// A record without text is more work: a new key is derived, or an answer is owed.
#define TEXT_WORK 1u
#define OTHER_WORK 12u

// Bytes of the record at the front of `in`, 0 if not even its header is there.
static size_t first_record(const struct relay *relay, const struct flow_state *now)
{
    struct record_params params = slot_record_params(relay->slot);
    if (now->in.chunk == CHUNK_NONE)
        return 0;
    return record_wanted(&params, vault_chunk(relay->vault, now->in.chunk) + now->in.start,
                         buffer_bytes(&now->in));
}

static bool has_record(const struct relay *relay, const struct flow_state *now)
{
    size_t wanted = first_record(relay, now);
    return wanted && wanted <= buffer_bytes(&now->in) && !(now->flags & FLOW_NO_MORE_RECORDS);
}

bool to_game_has_room(const struct relay *relay)
{
    struct flow_state now = relay_state(relay, TO_GAME);
    if (now.phase != FLOW_OPEN)
        return false;
    if (slot_is_tls(relay->slot))
        return !has_record(relay, &now);
    return buffer_room(slot_receive_buffer(relay->slot, &now)) > 0;
}

// Is there room to receive? A record that does not fit behind what was consumed moves to a fresh
// chunk. Copied, not moved in place: a kill in the middle must leave the old one whole.
static bool make_room(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_GAME);
    if (!slot_is_tls(relay->slot) ||
        next.in.start + first_record(relay, &next) + RECORD_HEADER_BYTES <= CHUNK_BYTES)
        return true;
    uint32_t n = buffer_bytes(&next.in);
    uint32_t chunk = relay_chunk(relay, &BUFFER_EMPTY);
    if (chunk == CHUNK_NONE)
        return false;
    memcpy(vault_chunk(relay->vault, chunk),
           vault_chunk(relay->vault, next.in.chunk) + next.in.start, n);
    POINT(BUFFER_COPIED);
    next.in = (struct buffer){.chunk = chunk, .end = (uint16_t)n};
    relay_commit(relay, TO_GAME, &next);
    return true;
}

// The player will say nothing more that counts.
static void stop_records(struct flow_state *next)
{
    next->flags |= FLOW_NO_MORE_RECORDS;
    flow_set_phase(next, TO_GAME, FLOW_ENDING);
    next->in = BUFFER_EMPTY;
}

static void say_broken(const struct slot *slot, uint8_t alert, bool is_theirs)
{
    char id[LOG_ID_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    char name[RECORD_ALERT_NAME_BYTES];
    log_event(LOG_RECORD, "address=%s id=%s alert=%s from=%s",
              address_print(address, slot->address), log_id(id, slot->id),
              record_alert_name(name, alert), is_theirs ? "player" : "stayd");
}

// What an opened record means for the flow, beyond its text.
static void take_record(struct relay *relay, struct record_opened *opened, struct flow_state *next)
{
    switch (opened->status) {
    case RECORD_TEXT:
        next->record = opened->state;
        buffer_take(&next->in, (uint32_t)opened->n_read);
        break;
    case RECORD_REKEYED: {
        uint8_t free_key = slot_free_key(next->key, flow_now(&relay->slot->flow[TO_PLAYER])->key);
        relay->slot->keys[free_key] = opened->key;
        OPENSSL_cleanse(&opened->key, sizeof opened->key);
        POINT(KEY_WRITTEN);
        next->key = free_key;
        next->record = opened->state;
        buffer_take(&next->in, (uint32_t)opened->n_read);
        break;
    }
    case RECORD_CLOSED:
        stop_records(next);
        break;
    case RECORD_DEAD:
        say_broken(relay->slot, opened->alert, true);
        next->input.alert = opened->alert;
        next->flags |= FLOW_DEAF;
        stop_records(next);
        break;
    case RECORD_ALERT:
    case RECORD_FAILED:
    case RECORD_MORE: // not possible for a whole record
        next->input.alert = opened->status == RECORD_ALERT ? opened->alert : RECORD_INTERNAL_ERROR;
        say_broken(relay->slot, next->input.alert, false);
        stop_records(next);
        break;
    }
}

// Open one record if there is one, and room for its text, which is followed on its way.
static bool open_record(struct relay *relay)
{
    struct flow_state next = relay_state(relay, TO_GAME);
    struct place place;
    const bool is_telnet = slot_has(relay->slot, SLOT_FLAG_TELNET);
    const uint32_t n_held = is_telnet ? (uint32_t)telnet_n_held(&next.telnet) : 0;
    const uint32_t n = (uint32_t)first_record(relay, &next) + n_held;
    if (!has_record(relay, &next) || !relay_make_out_room(relay, TO_GAME, n, &next) ||
        !relay_may_work(relay, TO_GAME) || !relay_begin_output(relay, &next, n, &place))
        return false;
    const struct record_params params = slot_record_params(relay->slot);
    struct record_opened opened;
    record_pay(&next.record, clock_boot_ms(), flow_now(&relay->slot->flow[TO_PLAYER])->received);
    record_open(&params, &relay->slot->keys[next.key], &next.record,
                vault_chunk(relay->vault, next.in.chunk) + next.in.start, buffer_bytes(&next.in),
                place.at + n_held, place.room - n_held, &opened);
    size_t n_text = opened.status == RECORD_TEXT ? opened.n_text : 0;
    relay_note_work(relay, TO_GAME, n_text ? TEXT_WORK : OTHER_WORK);
    if (is_telnet && n_text)
        n_text = relay_filter(relay, TO_GAME, &next, place.at + n_held, n_text, place.at);
    else if (n_text)
        relay_note_http(relay, TO_GAME, &next, place.at, n_text);
    POINT(RECORD_OPENED);
    take_record(relay, &opened, &next);
    relay_publish_output(relay, TO_GAME, &place, n_text, &next);
    if (opened.status == RECORD_REKEYED)
        relay_wipe_free_key(relay);
    return true;
}

bool to_game_step(struct relay *relay)
{
    bool has_moved = false;
    if (slot_is_tls(relay->slot))
        while (open_record(relay))
            has_moved = true;
    else if (slot_has_step(relay->slot))
        while (relay_follow(relay, TO_GAME))
            has_moved = true;
    relay_skip_line(relay);
    return has_moved;
}

// The game's side has ended, and whether it is dead is not judged: a process that has died since,
// or a child of it that still has the socket, would get what is for the next one (I20).
static bool may_hear(const struct relay *relay)
{
    return flow_now(&relay->slot->flow[TO_PLAYER])->phase != FLOW_CUT;
}

// What stayd says to the game in the player's place (telnet/telnet_environ.c).
static void say_environ(struct relay *relay)
{
    const struct telnet_state *game = &flow_now(&relay->slot->flow[TO_PLAYER])->telnet;
    struct flow_state next = relay_state(relay, TO_GAME);
    struct place place;
    char address[ADDRESS_TEXT_BYTES];
    if (!slot_has(relay->slot, SLOT_FLAG_MNES) || relay->slot->game_fd < 0 ||
        next.phase != FLOW_OPEN || !telnet_environ_is_due(game, &next.telnet) ||
        !relay_make_out_room(relay, TO_GAME, TELNET_ENVIRON_BYTES, &next) ||
        !relay_begin_output(relay, &next, TELNET_ENVIRON_BYTES, &place))
        return;
    const size_t n = telnet_environ_say(game, &next.telnet,
                                        address_print(address, relay->slot->address), place.at);
    POINT(ENVIRON_SAID);
    relay_publish_output(relay, TO_GAME, &place, n, &next);
}

// Games may take the header with one read and whatever came along with it as
// garbage or as input, so nothing follows it until the game has read it.
static bool is_header_unread(const struct relay *relay)
{
    const struct flow_state *now = flow_now(&relay->slot->flow[TO_GAME]);
    int n = 0;
    return now->flags & FLOW_FRESH && ioctl(relay->slot->game_fd, SIOCOUTQ, &n) == 0 && n > 0;
}

static bool send_game(struct relay *relay)
{
    if (flow_unsent(flow_now(&relay->slot->flow[TO_GAME]), TO_GAME) == 0 ||
        relay->slot->game_fd < 0 || !(relay->conn->ready & RELAY_WRITE_GAME) || !may_hear(relay))
        return false;
    if (is_header_unread(relay)) {
        relay->wishes |= RELAY_POLL;
        return false;
    }
    return relay_send(relay, TO_GAME, relay->slot->game_fd, RELAY_WRITE_GAME);
}

// Is there something in `in` that a step can still make of use to the game?
static bool is_step_due(const struct relay *relay, const struct flow_state *now)
{
    return slot_is_tls(relay->slot) ? has_record(relay, now) : now->in.chunk != CHUNK_NONE;
}

// Without a step what is not acknowledged stands in the way of what is received.
static void make_plain_room(struct relay *relay)
{
    struct flow_state now = relay_state(relay, TO_GAME);
    if (!slot_has_step(relay->slot) && now.phase == FLOW_OPEN && now.input.unacked)
        relay_make_out_room(relay, TO_GAME, 1, &now);
}

bool to_game_receive(struct relay *relay)
{
    return relay->conn->ready & RELAY_READ_PLAYER && to_game_has_room(relay) && make_room(relay) &&
           relay_receive(relay, TO_GAME, relay->slot->player_fd, RELAY_READ_PLAYER);
}

bool to_game_run(struct relay *relay)
{
    bool has_moved = false;
    make_plain_room(relay);
    has_moved |= to_game_receive(relay);
    has_moved |= to_game_step(relay);
    say_environ(relay);
    has_moved |= send_game(relay);
    struct flow_state now = relay_state(relay, TO_GAME);
    if (now.phase == FLOW_ENDING && flow_unsent(&now, TO_GAME) == 0 && !is_step_due(relay, &now))
        relay_pass_end(relay, TO_GAME, relay->slot->game_fd);
    return has_moved;
}
