// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See crowd.h.
#include "crowd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict.h"

#define CROWD_TURN_US 5000u
#define CROWD_MAX_PRINTED 10u

bool crowd_init(struct crowd *crowd, const struct options *options, struct ledger *ledger,
                const struct ports *ports)
{
    *crowd = (struct crowd){.n_staying = options->n_players};
    crowd->n_places = options->n_players + options->n_visitors;
    crowd->world = (struct player_world){.options = options, .ledger = ledger, .ports = ports};
    crowd->dice.state = dice_mix(options->seed ^ 0x63726f7764);
    crowd->players = calloc(crowd->n_places, sizeof *crowd->players);
    crowd->polled = calloc(crowd->n_places, sizeof *crowd->polled);
    if (crowd->players == NULL || crowd->polled == NULL)
        return false;
    for (unsigned i = 0; i < crowd->n_places; i++)
        crowd->players[i].wire.fd = -1;
    return player_world_init(&crowd->world);
}

static void start_one(struct crowd *crowd, struct player *player, bool is_visitor)
{
    if (!player_start(player, &crowd->world, crowd->next_number++, is_visitor) &&
        player->state != PLAYER_LOST)
        verdict_give(VERDICT_DAMAGE, "a player cannot connect: %s", strerror(errno));
}

void crowd_start(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n_staying; i++)
        start_one(crowd, &crowd->players[i], false);
}

static void clear_place(struct crowd *crowd, struct player *player)
{
    crowd->visits += player->state == PLAYER_DONE;
    crowd->world.bytes_to_game += player->sent;
    crowd->world.bytes_to_player += player->received;
    player_free(player);
}

// Is a visitor to come? One who was lost comes again at once.
static bool is_wanted(struct crowd *crowd, bool comes_again, unsigned *rush, uint64_t now)
{
    if (!crowd->takes_visitors || crowd->next_number == LEDGER_PLAYERS)
        return false;
    if (comes_again)
        return true;
    if (*rush > 0) {
        (*rush)--;
        return true;
    }
    if (now < crowd->next_visit_us)
        return false;
    const uint64_t mean_us = (uint64_t)crowd->world.options->visit_pause_ms * 1000;
    crowd->next_visit_us = now + dice_wait(&crowd->dice, mean_us);
    return true;
}

static void change_visitors(struct crowd *crowd, uint64_t now)
{
    unsigned rush = atomic_exchange(&crowd->world.rush, 0); // who finds no place does not wait
    for (unsigned i = crowd->n_staying; i < crowd->n_places; i++) {
        struct player *player = &crowd->players[i];
        const bool comes_again = player->state == PLAYER_LOST;
        if (player->state == PLAYER_DONE || player->state == PLAYER_LOST)
            clear_place(crowd, player);
        if (player->state == PLAYER_NONE && is_wanted(crowd, comes_again, &rush, now))
            start_one(crowd, player, true);
    }
}

void crowd_turn(struct crowd *crowd)
{
    uint64_t now = now_us();
    uint64_t next = now + CROWD_TURN_US;
    change_visitors(crowd, now);
    for (unsigned i = 0; i < crowd->n_places; i++) {
        const struct player *player = &crowd->players[i];
        const bool is_there = player->state == PLAYER_SHAKING || player->state == PLAYER_PLAYING;
        crowd->polled[i] = (struct pollfd){.fd = is_there ? player->wire.fd : -1};
        if (is_there)
            crowd->polled[i].events = player_wants(player, now, &next);
    }
    struct timespec timeout = {.tv_nsec = next > now ? (long)(next - now) * 1000 : 0};
    if (ppoll(crowd->polled, crowd->n_places, &timeout, NULL) < 0 && errno != EINTR)
        verdict_give(VERDICT_SETUP, "ppoll: %s", strerror(errno));
    now = now_us();
    for (unsigned i = 0; i < crowd->n_places; i++)
        if (crowd->polled[i].fd >= 0)
            player_turn(&crowd->players[i], &crowd->world, crowd->polled[i].revents, now);
}

bool crowd_all_playing(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n_staying; i++)
        if (crowd->players[i].state != PLAYER_PLAYING ||
            crowd->players[i].received < STREAM_HELLO_BYTES)
            return false;
    return true;
}

bool crowd_all_quiet(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n_staying; i++)
        if (!player_agrees(&crowd->players[i], crowd->world.ledger))
            return false;
    for (unsigned i = crowd->n_staying; i < crowd->n_places; i++)
        if (crowd->players[i].state != PLAYER_NONE)
            return false;
    return true;
}

bool crowd_all_done(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n_staying; i++)
        if (crowd->players[i].state != PLAYER_DONE)
            return false;
    return true;
}

void crowd_print_behind(const struct crowd *crowd)
{
    unsigned n_printed = 0;
    for (unsigned i = 0; i < crowd->n_places && n_printed < CROWD_MAX_PRINTED; i++) {
        const struct player *player = &crowd->players[i];
        if (player->state == PLAYER_NONE || player->state == PLAYER_DONE ||
            (player->state == PLAYER_PLAYING && player_agrees(player, crowd->world.ledger)))
            continue;
        char who[300];
        n_printed++;
        const struct ledger_link *link = player_link(player, crowd->world.ledger);
        printf("  %s, state %d", player_describe(player, who, sizeof who), (int)player->state);
        if (link != NULL)
            printf("; game: received %" PRIu64 ", sent %" PRIu64 ", state %u %s",
                   atomic_load(&link->received), atomic_load(&link->sent),
                   atomic_load(&link->state), link->reason);
        printf("\n");
    }
}

void crowd_free(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->n_places; i++)
        player_free(&crowd->players[i]);
    for (unsigned i = 0; i < PLAYER_N_KINDS; i++)
        SSL_SESSION_free(crowd->world.session[i]);
    SSL_CTX_free(crowd->world.context);
    free(crowd->players);
    free(crowd->polled);
}
