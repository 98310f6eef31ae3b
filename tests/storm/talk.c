// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See talk.h.
#include "talk.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "verdict.h"

#define TALK_BUFFER_BYTES 65536u
#define TALK_TURN_BYTES 131072u // read at most in one turn, so that others have theirs
#define TALK_PAUSE_ONE_IN 400u
#define TALK_PAUSE_US 300000u
#define TALK_REKEY_US 600000u
static uint8_t buffer[TALK_BUFFER_BYTES];

static uint64_t quota_to_game(const struct player *player)
{
    return player->to_game.quota[STREAM_TO_GAME];
}

static uint64_t quota_to_player(const struct player *player)
{
    return player->to_game.quota[STREAM_TO_PLAYER];
}

// Has a visitor left whom no process of the game has had since the last one died? That one may not
// have heard the last words, and nobody can give them to the next one.
static bool may_be_unheard(const struct player *player, const struct player_world *world)
{
    const struct ledger_link *link = player_link(player, world->ledger);
    const uint64_t deaths = link != NULL ? atomic_load(&link->deaths) : player->game_deaths;
    return player->is_leaving && deaths != atomic_load(&world->ledger->deaths);
}

static void close_seen(struct player *player, struct player_world *world)
{
    char who[300];
    const char *wrong = NULL;
    if (!player->is_visitor && !world->is_ending)
        wrong = "ended while it was playing";
    else if (may_be_unheard(player, world))
        world->unheard++;
    else if (player->is_visitor &&
             (player->sent != quota_to_game(player) || player->received != quota_to_player(player)))
        wrong = "ended before the end of its visit";
    else if (!player_agrees(player, world->ledger))
        wrong = "ended although the ends do not agree on the totals";
    player->state = PLAYER_DONE;
    shutdown(player->wire.fd, SHUT_WR); // as everybody does who has read close_notify
    if (wrong == NULL)
        return;
    world->n_dropped++;
    verdict_give(VERDICT_DAMAGE, "%s: %s", player_describe(player, who, sizeof who), wrong);
}

static bool is_proper_end(const struct player *player, int result)
{
    if (player->ssl == NULL)
        return result == 0;
    return SSL_get_error(player->ssl, result) == SSL_ERROR_ZERO_RETURN;
}

static void explain(const struct player *player, int result, int call_errno, char *out, size_t size)
{
    if (player->ssl == NULL || SSL_get_error(player->ssl, result) == SSL_ERROR_SYSCALL)
        snprintf(out, size, "%s", call_errno ? strerror(call_errno) : "end of file");
    else
        ERR_error_string_n(ERR_peek_last_error(), out, size);
}

// A newcomer: is there a reason?
static bool may_be_lost(const struct player *player, struct player_world *world)
{
    const bool has_entry_died = player_may_have_lost_entry(player, &world->entry_deaths);
    const bool has_listener_gone = player->is_extra && !atomic_load(&world->has_extra);
    if (has_entry_died || has_listener_gone)
        world->handshakes_lost[!has_entry_died]++;
    return has_entry_died || has_listener_gone;
}

void talk_failed(struct player *player, struct player_world *world, int result, const char *doing)
{
    const int call_errno = errno;
    // Also one whose hello was heard at the game is in, although no word has come back.
    const bool was_connected =
        player->received > 0 || !player->is_visitor || player_link(player, world->ledger) != NULL;
    char who[300];
    char why[200];
    if (is_proper_end(player, result) && (was_connected || player->ssl != NULL)) {
        close_seen(player, world);
        return;
    }
    player->state = PLAYER_LOST;
    if (!was_connected && may_be_unheard(player, world)) {
        world->unheard++;
        return;
    }
    if (!was_connected && may_be_lost(player, world))
        return;
    explain(player, result, call_errno, why, sizeof why);
    world->n_dropped++;
    verdict_give(VERDICT_DAMAGE, "%s: lost while %s: %s", player_describe(player, who, sizeof who),
                 doing, why);
}

// Retry or failure after a call that returned `result`. True: it is only to be tried again.
static bool is_only_waiting(struct player *player, int result, bool is_writing)
{
    if (player->ssl == NULL) {
        const bool is_waiting = result < 0 && (errno == EAGAIN || errno == EINTR);
        player->wants_write |= is_waiting && is_writing;
        return is_waiting;
    }
    const int error = SSL_get_error(player->ssl, result);
    if (error == SSL_ERROR_WANT_WRITE)
        player->wants_write = true;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static int hear(struct player *player, int n)
{
    ERR_clear_error();
    errno = 0;
    return player->ssl != NULL ? SSL_read(player->ssl, buffer, n)
                               : (int)wire_receive(&player->wire, buffer, (size_t)n);
}

static int say(struct player *player, int n)
{
    ERR_clear_error();
    errno = 0;
    return player->ssl != NULL ? SSL_write(player->ssl, buffer, n)
                               : (int)wire_send(&player->wire, buffer, (size_t)n);
}

// The first bytes are the game's hello. Returns how many of n belong to it.
static size_t take_hello(struct player *player, struct player_world *world, const uint8_t *got,
                         size_t n)
{
    size_t missing = STREAM_HELLO_BYTES - (size_t)player->received;
    size_t part = n < missing ? n : missing;
    memcpy(player->hello + player->received, got, part);
    player->received += part;
    if (part < missing)
        return part;
    char who[300];
    struct ledger_link *link = player_link(player, world->ledger);
    if (!stream_read_hello(&player->to_player, world->ledger->seed, STREAM_TO_PLAYER,
                           player->hello) ||
        link == NULL || player->to_player.number != (uint64_t)(link - world->ledger->link))
        verdict_give(VERDICT_DAMAGE, "%s: the game's hello is wrong or another's",
                     player_describe(player, who, sizeof who));
    else if (link->port != player->port)
        verdict_give(VERDICT_DAMAGE, "%s: the game was told port %u",
                     player_describe(player, who, sizeof who), link->port);
    return part;
}

static void take_text(struct player *player, struct player_world *world, const uint8_t *got,
                      size_t n)
{
    if (player->received < STREAM_HELLO_BYTES) {
        size_t used = take_hello(player, world, got, n);
        got += used;
        n -= used;
        if (player->received < STREAM_HELLO_BYTES)
            return;
    }
    size_t right = stream_check(&player->to_player, player->received, got, n);
    if (right != n) {
        char who[300];
        char what[200];
        world->n_wrong_bytes += n - right;
        stream_explain(what, sizeof what, &player->to_player, player->received + right, got + right,
                       n - right);
        verdict_give(VERDICT_DAMAGE, "%s: to_player wrong at offset %" PRIu64 ": %s",
                     player_describe(player, who, sizeof who), player->received + right, what);
    }
    player->received += n;
}

// A CR is stayd's, and ends the line in the middle of which the game has died (stream.h).
static void take(struct player *player, struct player_world *world, const uint8_t *got, size_t n)
{
    while (n > 0) {
        if (player->is_mending) {
            char who[300];
            if (*got != '\n')
                verdict_give(VERDICT_DAMAGE, "%s: a CR without its LF at offset %" PRIu64,
                             player_describe(player, who, sizeof who), player->received);
            ledger_mend(&player->mends, player->received);
            player->is_mending = false;
            got++;
            n--;
            continue;
        }
        const uint8_t *mend = memchr(got, '\r', n);
        const size_t n_text = mend != NULL ? (size_t)(mend - got) : n;
        take_text(player, world, got, n_text);
        player->is_mending = mend != NULL;
        n -= n_text + (mend != NULL);
        got += n_text + (mend != NULL);
    }
}

void talk_read(struct player *player, struct player_world *world, uint64_t now)
{
    for (size_t in_turn = 0; in_turn < TALK_TURN_BYTES;) {
        int n = hear(player, (int)dice_size(&player->dice));
        if (n <= 0) {
            player->has_more = false;
            if (!is_only_waiting(player, n, false))
                talk_failed(player, world, n, "reading");
            return;
        }
        take(player, world, buffer, (size_t)n);
        in_turn += (size_t)n;
        if (!world->is_stopping && dice_one_in(&player->dice, TALK_PAUSE_ONE_IN)) {
            player->read_at_us = now + dice_wait(&player->dice, TALK_PAUSE_US);
            player->has_more = true;
            return;
        }
    }
    player->has_more = true;
}

static size_t next_write(struct player *player, struct player_world *world, uint64_t now)
{
    if (player->unfinished > 0)
        return player->unfinished;
    if (world->is_stopping)
        return 0;
    if (player->sent == quota_to_game(player)) {
        player->write_at_us = UINT64_MAX;
        return 0;
    }
    if (player->burst_left == 0 && now >= player->write_at_us) {
        player->write_at_us =
            now + 1 + dice_wait(&player->dice, (uint64_t)world->options->talk_pause_ms * 1000);
        player->burst_left = dice_size(&player->dice);
        if (dice_one_in(&player->dice, 50)) // now and then more than all buffers hold
            player->burst_left += 600000;
    }
    uint64_t n = dice_size(&player->dice);
    n = n < player->burst_left ? n : player->burst_left;
    uint64_t left = quota_to_game(player) - player->sent;
    return (size_t)(n < left ? n : left);
}

void talk_write(struct player *player, struct player_world *world, uint64_t now)
{
    size_t n;
    while ((n = next_write(player, world, now)) > 0) {
        stream_fill(&player->to_game, player->sent, buffer, n);
        int done = say(player, (int)n);
        if (done <= 0) {
            player->unfinished = n;
            if (!is_only_waiting(player, done, true))
                talk_failed(player, world, done, "writing");
            return;
        }
        player->unfinished = 0;
        player->sent += (uint64_t)done;
        player->burst_left -=
            (uint64_t)done < player->burst_left ? (uint64_t)done : player->burst_left;
    }
}

void talk_rekey(struct player *player, struct player_world *world, uint64_t now)
{
    if (player->ssl == NULL || SSL_version(player->ssl) != TLS1_3_VERSION || world->is_stopping ||
        player->unfinished > 0 || player->is_leaving || now < player->rekey_at_us)
        return;
    player->rekey_at_us = now + dice_wait(&player->dice, TALK_REKEY_US);
    if (dice_one_in(&player->dice, 8)) // sometimes two in a row
        player->rekey_at_us = now;
    int type =
        dice_one_in(&player->dice, 2) ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    ERR_clear_error();
    if (SSL_key_update(player->ssl, type) != 1)
        return; // the last one has not gone out yet
    world->key_updates++;
    int done = SSL_do_handshake(player->ssl);
    if (done <= 0 && !is_only_waiting(player, done, true))
        talk_failed(player, world, done, "sending a KeyUpdate");
}

void talk_leave(struct player *player)
{
    if (player->notify_sent || player->sent != quota_to_game(player) || player->unfinished > 0)
        return;
    // TLS 1.2 allows the other side to answer at once and drop what it still has to say (RFC 5246,
    // 7.2.1), so there everything must have come first.
    if (player->ssl != NULL && SSL_version(player->ssl) != TLS1_3_VERSION &&
        player->received != quota_to_player(player))
        return;
    player->is_leaving = true;
    if (player->ssl == NULL) {
        player->notify_sent = shutdown(player->wire.fd, SHUT_WR) == 0;
        return;
    }
    ERR_clear_error();
    int done = SSL_shutdown(player->ssl);
    player->notify_sent = done >= 0;
    if (done < 0)
        is_only_waiting(player, done, true);
}
