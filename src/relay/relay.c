// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The strategy (relay.h): run both directions until nothing moves, then say what
// to wait for. What to wait for is computed from the state, never patched.
//
// A run's work is counted, not timed, so that a run is always the same. Of records a receive can hold
// 900, so they count, too.
//
// Errors: none.
#include "relay/relay.h"

#include "relay/relay_part.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_RECEIVES 8u // in one run; level-triggered readiness brings it back for the rest

static bool is_shut(const struct relay *relay, enum flow_dir dir)
{
    return flow_now(&relay->slot->flow[dir])->phase == FLOW_SHUT;
}

bool relay_may_work(struct relay *relay, enum flow_dir dir)
{
    if (relay->left[dir] == 0)
        relay->wishes |= RELAY_AGAIN;
    return relay->left[dir] > 0;
}

void relay_note_work(struct relay *relay, enum flow_dir dir, unsigned work)
{
    relay->left[dir] -= work < relay->left[dir] ? work : relay->left[dir];
}

bool relay_has_hung_up(const struct slot *slot)
{
    struct pollfd poll_fd = {.fd = slot->game_fd};
    if (slot->game_fd < 0)
        return true;
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLHUP);
}

// All is said. Read the player's socket to its end, so that closing it does not
// reset the connection over unread input.
static unsigned linger(struct relay *relay)
{
    uint8_t sink[4096];
    for (unsigned i = 0; i < LINGER_RECEIVES; i++) {
        ssize_t n = recv(relay->slot->player_fd, sink, sizeof sink, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return RELAY_DONE;
        if (n < 0)
            break;
    }
    // After a fatal alert of its own it is not waited for (RFC 8446, section 6.2).
    if (flow_now(&relay->slot->flow[TO_GAME])->flags & FLOW_DEAF)
        return RELAY_DONE;
    return (unsigned)RELAY_LINGER | RELAY_READ_PLAYER;
}

static unsigned what_to_await(const struct relay *relay)
{
    const struct flow_state *to_game = flow_now(&relay->slot->flow[TO_GAME]);
    const struct flow_state *to_player = flow_now(&relay->slot->flow[TO_PLAYER]);
    unsigned wants = relay->wishes;
    const bool has_room = to_game_has_room(relay);
    if (has_room && !relay->is_short)
        wants |= RELAY_READ_PLAYER;
    if (!has_room && !(wants & RELAY_AGAIN) && to_game->phase == FLOW_OPEN &&
        to_game->input.unacked > 0 && flow_unsent(to_game, TO_GAME) == 0 &&
        relay->slot->game_fd >= 0)
        wants |= RELAY_UNACKED;
    if (to_player_has_room(relay) && !relay->is_short)
        wants |= RELAY_READ_GAME;
    // No event need come of a dead game's socket.
    if (wants & RELAY_READ_GAME && relay->conn->is_orphan)
        wants |= RELAY_POLL;
    if ((to_game->phase != FLOW_OPEN || relay->conn->has_left) && relay->slot->game_fd < 0)
        wants |= RELAY_LEFT;
    if (flow_unsent(to_game, TO_GAME) > 0 && relay->slot->game_fd >= 0 &&
        !(relay->conn->ready & RELAY_WRITE_GAME) && !(relay->conn->errors & RELAY_WRITE_GAME))
        wants |= RELAY_WRITE_GAME;
    if (to_player->phase == FLOW_CUT)
        wants |= RELAY_JUDGE;
    if (to_player->out.chunk != CHUNK_NONE && !(relay->conn->ready & RELAY_WRITE_PLAYER)) {
        wants |= RELAY_WRITE_PLAYER;
        // A held player has no game, and may be slow.
        if (flow_is_ending(to_player) ||
            (relay->slot->game_fd >= 0 && relay_has_hung_up(relay->slot)))
            wants |= RELAY_STUCK;
    }
    return wants;
}

// Note who ended the connection, when it is seen first.
static void note_end(struct slot *slot)
{
    if (slot->flags & (SLOT_FLAG_PLAYER_ENDED | SLOT_FLAG_GAME_ENDED | SLOT_FLAG_WE_ENDED))
        return;
    if (flow_now(&slot->flow[TO_GAME])->phase != FLOW_OPEN)
        slot->flags |= SLOT_FLAG_PLAYER_ENDED;
    else if (flow_is_ending(flow_now(&slot->flow[TO_PLAYER])))
        slot->flags |= SLOT_FLAG_GAME_ENDED;
}

unsigned relay_run(struct relay *relay)
{
    struct slot *slot = relay->slot;
    bool has_moved;
    relay->wishes = 0;
    relay->is_short = false;
    relay->left[TO_GAME] = relay->left[TO_PLAYER] = relay->work;
    do {
        has_moved = to_game_run(relay);
        has_moved |= to_player_run(relay);
    } while (has_moved);
    note_end(slot);

    if (is_shut(relay, TO_PLAYER) && !is_shut(relay, TO_GAME)) {
        if (!relay_has_hung_up(slot))
            return what_to_await(relay) | RELAY_HALF;
        relay_shut(relay, TO_GAME);
    }
    if (is_shut(relay, TO_PLAYER) && is_shut(relay, TO_GAME))
        return linger(relay);
    // A player who left before there was a game to tell.
    if (is_shut(relay, TO_GAME) && slot->game_fd < 0) {
        relay_end(relay);
        relay->wishes |= RELAY_POLL;
    }
    return what_to_await(relay);
}

void relay_end(struct relay *relay)
{
    struct slot *slot = relay->slot;
    if (!(slot->flags & (SLOT_FLAG_PLAYER_ENDED | SLOT_FLAG_GAME_ENDED)))
        slot->flags |= SLOT_FLAG_WE_ENDED;
    relay_start_ending(relay, TO_PLAYER);
    relay_start_ending(relay, TO_GAME);
}

void relay_end_saying(struct relay *relay, const char *text)
{
    const struct relay_words words = {.text = text, .are_last = true};
    // First, for this tells the end from the game's: the words are not said again.
    relay_start_ending(relay, TO_GAME);
    relay_say(relay, &words);
    relay_end(relay);
}

bool relay_is_ended(const struct slot *slot)
{
    return flow_is_ending(flow_now(&slot->flow[TO_PLAYER])) &&
           flow_is_ending(flow_now(&slot->flow[TO_GAME]));
}

void relay_let_end(struct relay *relay)
{
    relay_start_ending(relay, TO_PLAYER);
}

void relay_drop(struct relay *relay)
{
    relay_shut(relay, TO_GAME);
    relay_end(relay);
}
