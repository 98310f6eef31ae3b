// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See seat.h.
#include "seat.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEAT_BUFFER_BYTES 65536u

static uint8_t buffer[SEAT_BUFFER_BYTES];

void seat_damage(struct ledger *ledger, const struct ledger_link *link, const char *what)
{
    if (atomic_load(&ledger->damaged))
        return;
    snprintf(ledger->damage_text, sizeof ledger->damage_text,
             "game: player %" PRIu64 ", link %td: %s", link->from_player.number,
             link - ledger->link, what);
    atomic_store(&ledger->damaged, 1);
}

void seat_close(struct seat *seat, struct ledger *ledger, const char *reason)
{
    struct ledger_link *link = seat->link;
    if (atomic_load(&link->state) < LEDGER_LIVE)
        atomic_fetch_add(&ledger->unfinished, 1);
    snprintf(link->reason, sizeof link->reason, "%s", reason);
    close(seat->player.fd);
    seat->player.fd = -1;
    atomic_store(&link->state, LEDGER_CLOSED);
}

// Its link, or NULL and the place for one. A process that was killed between the place and the
// link has left a place that leads to none, or to another's.
static struct ledger_link *find_link(struct ledger *ledger, const uint8_t id[LEDGER_ID_BYTES],
                                     _Atomic uint32_t **place)
{
    uint64_t key;
    memcpy(&key, id, sizeof key);
    for (uint64_t at = dice_mix(key);; at++) {
        *place = &ledger->link_of_id[at % LEDGER_PLACES];
        const uint32_t number = atomic_load(*place);
        if (number == 0)
            return NULL;
        if (number <= atomic_load(&ledger->n_links) &&
            memcmp(ledger->link[number - 1].id, id, LEDGER_ID_BYTES) == 0)
            return &ledger->link[number - 1];
    }
}

static struct ledger_link *begin_link(struct ledger *ledger, const struct stay_player *player,
                                      _Atomic uint32_t *place)
{
    const uint32_t index = atomic_load(&ledger->n_links);
    if (index == LEDGER_LINKS)
        return NULL;
    struct ledger_link *link = &ledger->link[index];
    memcpy(link->id, player->id, sizeof link->id);
    link->port = player->port;
    atomic_store(&link->state, LEDGER_HELLO);
    atomic_store(place, index + 1);
    atomic_store(&ledger->n_links, index + 1);
    return link;
}

// stayd's word on where the streams stand, and what can be true.
static const char *find_lie(const struct ledger_link *link, const struct stay_player *player)
{
    const uint64_t sent = atomic_load(&link->sent);
    if (player->port != link->port)
        return "it has another port now";
    if (player->n_input > atomic_load(&link->received))
        return "input was lost with the game that died";
    // A link that was made and not claimed: what was sent over it was taken by nobody.
    if (player->n_output == link->joined_sent)
        return NULL;
    return player->n_output < sent || player->n_output > sent + SEAT_BUFFER_BYTES
               ? "stayd has taken another amount of output than was sent"
               : NULL;
}

static void note_mend(struct ledger *ledger, struct ledger_link *link, uint64_t offset)
{
    const uint32_t present = atomic_load(&link->present_mends);
    struct ledger_mends next = link->mends[present & 1];
    if (!ledger->is_telnet || offset == next.last || !stream_is_in_line(&link->to_player, offset))
        return;
    ledger_mend(&next, offset);
    link->mends[(present + 1) & 1] = next;
    atomic_store(&link->present_mends, present + 1);
}

// Goes on where stayd says that it is. A player whom no process of the game has heard yet begins.
static bool resume(struct ledger *ledger, struct ledger_link *link,
                   const struct stay_player *player)
{
    const char *lie = find_lie(link, player);
    if (lie != NULL) {
        char what[300];
        snprintf(what, sizeof what,
                 "%s: input/output %" PRIu64 "/%" PRIu64 " by stayd, %" PRIu64 "/%" PRIu64
                 " by the game, joined at %" PRIu64 "/%" PRIu64,
                 lie, player->n_input, player->n_output, atomic_load(&link->received),
                 atomic_load(&link->sent), link->joined_at, link->joined_sent);
        seat_damage(ledger, link, what);
        return false;
    }
    if (player->origin == STAY_RESUMED)
        note_mend(ledger, link, player->n_output);
    link->at = link->joined_at = player->n_input;
    link->joined_sent = player->n_output;
    link->has_ended = false;
    atomic_store(&link->sent, player->n_output);
    if (atomic_load(&link->state) == LEDGER_CLOSED) // what was left to do is done again
        atomic_store(&link->state, atomic_load(&link->received) < STREAM_HELLO_BYTES ? LEDGER_HELLO
                                                                                     : LEDGER_LIVE);
    return true;
}

// A worker killed after the header went out and before it could note so makes the link anew, with
// the same id. Nothing of the player can have come over the older one.
static void supersede(struct seat *older, struct ledger *ledger)
{
    if (older->link->at != older->link->joined_at)
        seat_damage(ledger, older->link, "linked anew although bytes had come over the first link");
    atomic_fetch_add(&ledger->superseded, 1);
    seat_close(older, ledger, "superseded by a newer link with the same id");
}

bool seat_take(struct seat *seat, struct ledger *ledger, const struct stay_player *player,
               struct seat *older, uint64_t deaths)
{
    if (older != NULL)
        supersede(older, ledger);
    _Atomic uint32_t *place;
    struct ledger_link *link = find_link(ledger, player->id, &place);
    if (link == NULL)
        link = begin_link(ledger, player, place);
    *seat = (struct seat){.link = link, .player = *player};
    if (link == NULL) {
        close(player->fd);
        return false;
    }
    seat->dice.state = dice_mix(ledger->seed ^ dice_mix((uint64_t)(link - ledger->link))) +
                       atomic_load(&link->received);
    if (player->origin == STAY_REBOOTED) {
        // Bytes that the former program had acted on and not acknowledged are ours to acknowledge.
        seat->acknowledged = link->joined_at;
        return true;
    }
    atomic_store(&link->deaths, deaths);
    if (player->origin == STAY_RESUMED)
        atomic_fetch_add(&ledger->resumed, 1);
    if (!resume(ledger, link, player)) {
        seat_close(seat, ledger, "its totals are wrong");
        return false;
    }
    seat->acknowledged = player->n_input;
    return true;
}

static void take_hello(struct seat *seat, struct ledger *ledger)
{
    struct ledger_link *link = seat->link;
    if (!stream_read_hello(&link->from_player, ledger->seed, STREAM_TO_GAME, link->hello) ||
        link->from_player.number >= LEDGER_PLAYERS) {
        seat_damage(ledger, link, "the hello is not what it should be");
        seat_close(seat, ledger, "bad hello");
        return;
    }
    const uint32_t index = (uint32_t)(link - ledger->link);
    stream_init(&link->to_player, ledger->seed, STREAM_TO_PLAYER, index,
                link->from_player.quota[STREAM_TO_GAME], link->from_player.quota[STREAM_TO_PLAYER],
                link->from_player.game_ends);
    atomic_store(&ledger->link_of_player[link->from_player.number], index + 1);
    atomic_store(&link->received, STREAM_HELLO_BYTES);
    atomic_store(&link->state, LEDGER_LIVE);
}

static void take_stream(struct seat *seat, struct ledger *ledger, size_t n, uint64_t now_ms)
{
    struct ledger_link *link = seat->link;
    const uint64_t received = atomic_load(&link->received);
    size_t right = stream_check(&link->from_player, link->at, buffer, n);
    if (right != n) {
        char what[300];
        int used =
            snprintf(what, sizeof what, "to_game wrong at offset %" PRIu64 ": ", link->at + right);
        stream_explain(what + used, sizeof what - (size_t)used, &link->from_player,
                       link->at + right, buffer + right, n - right);
        seat_damage(ledger, link, what);
    }
    if (link->at < received)
        atomic_fetch_add(&ledger->said_again, received - link->at < n ? received - link->at : n);
    link->at += n;
    if (link->at > received)
        atomic_store(&link->received, link->at);
    if (dice_one_in(&seat->dice, 500)) // a game that is busy with something else
        seat->read_at_ms = now_ms + dice_wait(&seat->dice, 200);
}

// Returns false when there is nothing more to read now.
static bool seat_read(struct seat *seat, struct ledger *ledger, uint64_t now_ms)
{
    struct ledger_link *link = seat->link;
    const bool is_live = atomic_load(&link->state) == LEDGER_LIVE;
    uint8_t *to = is_live ? buffer : link->hello + link->at;
    size_t room = is_live ? (size_t)dice_size(&seat->dice) : STREAM_HELLO_BYTES - (size_t)link->at;
    ssize_t n = recv(seat->player.fd, to, room, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            seat_close(seat, ledger, strerror(errno));
        return false;
    }
    if (n == 0) {
        if (is_live)
            link->has_ended = true;
        else
            seat_close(seat, ledger, "end of file before the hello");
        return false;
    }
    if (is_live) {
        take_stream(seat, ledger, (size_t)n, now_ms);
        return seat->read_at_ms == 0;
    }
    link->at += (uint64_t)n;
    if (link->at == STREAM_HELLO_BYTES)
        take_hello(seat, ledger);
    return seat->player.fd >= 0;
}

static uint64_t quota_left(const struct ledger_link *link)
{
    return link->to_player.quota[STREAM_TO_PLAYER] - atomic_load(&link->sent);
}

static void seat_send(struct seat *seat, struct ledger *ledger, uint64_t now_ms)
{
    struct ledger_link *link = seat->link;
    if (seat->burst_left == 0 && now_ms >= seat->send_at_ms) {
        seat->burst_left = dice_size(&seat->dice);
        if (dice_one_in(&seat->dice, 50)) // now and then more than all buffers hold
            seat->burst_left += 600000;
    }
    while (seat->burst_left > 0 && quota_left(link) > 0) {
        size_t n = (size_t)dice_size(&seat->dice);
        n = n < seat->burst_left ? n : (size_t)seat->burst_left;
        n = n < quota_left(link) ? n : (size_t)quota_left(link);
        uint64_t offset = atomic_load(&link->sent);
        stream_fill(&link->to_player, offset, buffer, n);
        ssize_t done = send(seat->player.fd, buffer, n, MSG_NOSIGNAL);
        seat->is_full = done < 0 && errno == EAGAIN;
        if (done < 0) {
            if (errno != EAGAIN)
                seat_close(seat, ledger, strerror(errno));
            return;
        }
        atomic_store(&link->sent, offset + (uint64_t)done);
        seat->burst_left -= (uint64_t)done;
    }
    if (seat->burst_left == 0 && now_ms >= seat->send_at_ms)
        seat->send_at_ms = now_ms + dice_wait(&seat->dice, ledger->pause_ms);
}

// The visit is over: everything was sent and everything came.
static void seat_end(struct seat *seat, struct ledger *ledger)
{
    const struct ledger_link *link = seat->link;
    const uint64_t quota = link->from_player.quota[STREAM_TO_GAME];
    const bool is_met = quota_left(link) == 0 && atomic_load(&link->received) == quota;
    if (is_met && (link->has_ended || link->to_player.game_ends))
        seat_close(seat, ledger, "visit is over");
    else if (link->has_ended && quota_left(link) > STREAM_UNTIL_STOPPED / 2)
        seat_close(seat, ledger, "end of file");
    else if (link->has_ended && atomic_load(&link->received) != quota)
        seat_close(seat, ledger, "end of file before the player's last byte");
}

static bool is_sending(const struct seat *seat, const struct ledger *ledger)
{
    return atomic_load(&seat->link->state) == LEDGER_LIVE && quota_left(seat->link) > 0 &&
           atomic_load(&ledger->is_stopping) == 0;
}

short seat_wants(const struct seat *seat, const struct ledger *ledger, uint64_t now_ms,
                 uint64_t *next_ms)
{
    short events = 0;
    uint64_t next = UINT64_MAX;
    if (!seat->link->has_ended && now_ms >= seat->read_at_ms)
        events |= POLLIN;
    else if (seat->read_at_ms > now_ms)
        next = seat->read_at_ms;
    if (is_sending(seat, ledger) && seat->is_full)
        events |= POLLOUT;
    else if (is_sending(seat, ledger) && seat->send_at_ms < next)
        next = seat->send_at_ms;
    if (next < *next_ms)
        *next_ms = next;
    return events;
}

void seat_serve(struct seat *seat, struct ledger *ledger, short revents, uint64_t now_ms)
{
    if (now_ms >= seat->read_at_ms)
        seat->read_at_ms = 0;
    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !seat->link->has_ended)
        for (int i = 0; i < 4 && seat_read(seat, ledger, now_ms); i++)
            ;
    if (seat->player.fd >= 0 && is_sending(seat, ledger) &&
        (!seat->is_full || (revents & POLLOUT) != 0))
        seat_send(seat, ledger, now_ms);
    if (seat->player.fd >= 0 && atomic_load(&seat->link->state) == LEDGER_LIVE)
        seat_end(seat, ledger);
}
