// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the player to the game: receive, open records, send (relay.h).
// Errors: a broken record becomes an alert that to_player.c sends.
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "record/record_alert.h"
#include "relay/flow_io.h"

#include <linux/sockios.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/ioctl.h>

// Bytes of the record at the front of `in`, 0 if not even its header is there.
static size_t first_record(const struct relay_run *run, const struct flow_state *now)
{
    struct record_params params = slot_record_params(run->slot);
    if (now->in.chunk == CHUNK_NONE)
        return 0;
    return record_wanted(&params, vault_chunk(run->vault, now->in.chunk) + now->in.start,
                         buffer_bytes(&now->in));
}

static bool has_record(const struct relay_run *run, const struct flow_state *now)
{
    size_t wanted = first_record(run, now);
    return wanted && wanted <= buffer_bytes(&now->in) && !(now->flags & FLOW_NO_MORE_RECORDS);
}

bool to_game_has_room(const struct relay_run *run)
{
    struct flow_state now = run_state(run, TO_GAME);
    if (now.phase != FLOW_OPEN)
        return false;
    if (slot_is_tls(run->slot))
        return !has_record(run, &now);
    return buffer_room(slot_receive_buffer(run->slot, &now)) > 0;
}

// Is there room to receive? A record that does not fit behind what was consumed moves to a fresh
// chunk. Copied, not moved in place: a kill in the middle must leave the old one whole.
static bool make_room(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_GAME);
    if (!slot_is_tls(run->slot) || next.in.start + RECORD_MAX_BYTES <= CHUNK_BYTES ||
        next.in.start + first_record(run, &next) + RECORD_HEADER_BYTES <= CHUNK_BYTES)
        return true;
    uint32_t n = buffer_bytes(&next.in);
    uint32_t chunk = run_chunk(run, &BUFFER_EMPTY);
    if (chunk == CHUNK_NONE)
        return false;
    memcpy(vault_chunk(run->vault, chunk), vault_chunk(run->vault, next.in.chunk) + next.in.start,
           n);
    POINT(BUFFER_COPIED);
    next.in = (struct buffer){.chunk = chunk, .end = (uint16_t)n};
    run_commit(run, TO_GAME, &next);
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

// What an opened record, with n_text bytes for the game, means for the flow.
static void take_record(struct relay_run *run, struct record_opened *opened, size_t n_text,
                        uint32_t chunk, struct flow_state *next)
{
    switch (opened->status) {
    case RECORD_TEXT:
        if (n_text) {
            next->out.chunk = chunk;
            next->out.end = (uint16_t)(next->out.end + n_text);
        }
        next->record = opened->state;
        buffer_take(&next->in, (uint32_t)opened->n_read);
        break;
    case RECORD_REKEYED: {
        uint8_t free_key = slot_free_key(next->key, flow_now(&run->slot->flow[TO_PLAYER])->key);
        run->slot->keys[free_key] = opened->key;
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
        say_broken(run->slot, opened->alert, true);
        next->input.alert = opened->alert;
        next->flags |= FLOW_DEAF;
        stop_records(next);
        break;
    case RECORD_ALERT:
    case RECORD_FAILED:
    case RECORD_MORE: // not possible for a whole record
        next->input.alert = opened->status == RECORD_ALERT ? opened->alert : RECORD_INTERNAL_ERROR;
        say_broken(run->slot, next->input.alert, false);
        stop_records(next);
        break;
    }
}

// Open one record if there is one, and room for its text, which is followed on its way.
static bool open_record(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_GAME);
    bool is_telnet = slot_has(run->slot, SLOT_FLAG_TELNET);
    uint32_t n_held = is_telnet ? (uint32_t)telnet_n_held(&next.telnet) : 0;
    if (!has_record(run, &next) ||
        !run_make_out_room(run, TO_GAME, (uint32_t)first_record(run, &next) + n_held))
        return false;
    next = run_state(run, TO_GAME);
    uint32_t chunk = run_chunk(run, &next.out);
    if (chunk == CHUNK_NONE)
        return false;
    struct record_params params = slot_record_params(run->slot);
    struct record_opened opened;
    uint8_t *out = vault_chunk(run->vault, chunk) + next.out.end;
    record_pay(&next.record, clock_boot_ms(), flow_now(&run->slot->flow[TO_PLAYER])->received);
    record_open(&params, &run->slot->keys[next.key], &next.record,
                vault_chunk(run->vault, next.in.chunk) + next.in.start, buffer_bytes(&next.in),
                out + n_held, buffer_room(&next.out) - n_held, &opened);
    size_t n_text = opened.status == RECORD_TEXT ? opened.n_text : 0;
    if (is_telnet && n_text)
        n_text = run_filter(run, TO_GAME, &next, out + n_held, n_text, out);
    else if (n_text)
        run_note_http(run, TO_GAME, &next, out, n_text);
    POINT(RECORD_OPENED);
    bool was_fresh = next.out.chunk == CHUNK_NONE;
    take_record(run, &opened, n_text, chunk, &next);
    run_commit(run, TO_GAME, &next);
    if (opened.status == RECORD_REKEYED)
        run_wipe_free_key(run);
    if (was_fresh && next.out.chunk == CHUNK_NONE)
        chunk_give(run->chunks, chunk);
    return true;
}

bool to_game_step(struct relay_run *run)
{
    bool has_moved = false;
    if (slot_is_tls(run->slot))
        while (open_record(run))
            has_moved = true;
    else if (slot_has_step(run->slot))
        while (run_follow(run, TO_GAME))
            has_moved = true;
    return run_skip_line(run) || has_moved;
}

// The game's side has ended, and whether it is dead is not judged: a process that has died since,
// or a child of it that still has the socket, would get what is for the next one (I20).
static bool may_hear(const struct relay_run *run)
{
    return flow_now(&run->slot->flow[TO_PLAYER])->phase != FLOW_CUT;
}

// What stayd says to the game in the player's place (telnet/telnet_environ.c).
static bool say_environ(struct relay_run *run)
{
    const struct telnet_state *game = &flow_now(&run->slot->flow[TO_PLAYER])->telnet;
    struct flow_state next = run_state(run, TO_GAME);
    char address[ADDRESS_TEXT_BYTES];
    if (!slot_has(run->slot, SLOT_FLAG_MNES) || run->slot->game_fd < 0 || next.phase != FLOW_OPEN ||
        relay_is_http(run->slot) || !telnet_environ_is_due(game, &next.telnet) ||
        !run_make_out_room(run, TO_GAME, TELNET_ENVIRON_BYTES))
        return false;
    next = run_state(run, TO_GAME);
    const uint32_t chunk = run_chunk(run, &next.out);
    if (chunk == CHUNK_NONE)
        return false;
    const bool was_fresh = next.out.chunk == CHUNK_NONE;
    const size_t n =
        telnet_environ_say(game, &next.telnet, address_print(address, run->slot->address),
                           vault_chunk(run->vault, chunk) + next.out.end);
    if (n) {
        next.out.chunk = chunk;
        next.out.end = (uint16_t)(next.out.end + n);
    }
    POINT(ENVIRON_SAID);
    run_commit(run, TO_GAME, &next);
    if (was_fresh && n == 0)
        chunk_give(run->chunks, chunk);
    return true;
}

// Games may take the header with one read and whatever came along with it as
// garbage or as input, so nothing follows it until the game has read it.
static bool is_header_unread(const struct relay_run *run)
{
    const struct flow_state *now = flow_now(&run->slot->flow[TO_GAME]);
    int n = 0;
    return now->flags & FLOW_FRESH && ioctl(run->slot->game_fd, SIOCOUTQ, &n) == 0 && n > 0;
}

static bool send_game(struct relay_run *run)
{
    if (flow_unsent(flow_now(&run->slot->flow[TO_GAME]), TO_GAME) == 0 || run->slot->game_fd < 0 ||
        !(run->conn->ready & RELAY_WRITE_GAME) || !may_hear(run))
        return false;
    if (is_header_unread(run)) {
        run->wishes |= RELAY_POLL;
        return false;
    }
    return run_send(run, TO_GAME, run->slot->game_fd, RELAY_WRITE_GAME);
}

// Is there something in `in` that a step can still make of use to the game?
static bool is_step_due(const struct relay_run *run, const struct flow_state *now)
{
    return slot_is_tls(run->slot) ? has_record(run, now) : now->in.chunk != CHUNK_NONE;
}

// Without a step what is kept for an acknowledgement stands in the way of what is received.
static void make_plain_room(struct relay_run *run)
{
    const struct flow_state *now = flow_now(&run->slot->flow[TO_GAME]);
    if (!slot_has_step(run->slot) && now->phase == FLOW_OPEN && now->input.kept)
        run_make_out_room(run, TO_GAME, 1);
}

bool to_game_receive(struct relay_run *run)
{
    return run->conn->ready & RELAY_READ_PLAYER && to_game_has_room(run) && make_room(run) &&
           run_receive(run, TO_GAME, run->slot->player_fd, RELAY_READ_PLAYER);
}

bool to_game_run(struct relay_run *run)
{
    bool has_moved = false;
    make_plain_room(run);
    has_moved |= to_game_receive(run);
    has_moved |= to_game_step(run);
    has_moved |= say_environ(run);
    has_moved |= send_game(run);
    struct flow_state now = run_state(run, TO_GAME);
    if (now.phase == FLOW_ENDING && flow_unsent(&now, TO_GAME) == 0 && !is_step_due(run, &now)) {
        run_pass_end(run, TO_GAME, run->slot->game_fd);
        has_moved = true;
    }
    return has_moved;
}
