// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A newcomer without a seat (farewell_world.h). Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "farewell_world.h"

#include "entry/farewell.h"
#include "players/arrive.h"
#include "players/crowd.h"
#include "players/players.h"
#include "vault/arrival.h"
#include "vault/flow.h"
#include "vault/receipt.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTED 4u // the place of stayd's end among what the world claims
#define TURNS 8

static struct heritage heritage = {.conf = {.n_games = 1}};

static void fill_arrival(struct arrival *arrival, const struct world *world)
{
    *arrival = (struct arrival){.port = 1};
    if (world->kind == WORLD_PLAIN)
        return;
    arrival->tls_version = world->params.version;
    arrival->suite = world->kind == WORLD_TLS12 ? 0xc02f : 0x1301;
    arrival->cipher = world->params.cipher;
    arrival->write_limit = RECORD_MAX_TEXT;
    arrival->keys[TO_GAME] = world->send_key;
    arrival->keys[TO_PLAYER] = world->receive_key;
}

static void see_broken(void *arg, uint32_t slot, enum invariant invariant)
{
    (void)arg;
    fprintf(stderr, "slot %u breaks I%d\n", slot, invariant);
}

// As the worker's inbox.
static enum arrival_end take(struct players *players, const struct arrival *arrival, int fd)
{
    struct slot *slot = NULL;
    enum arrival_end end = arrive_claim(players, arrival, 1, fd, &slot);
    if (slot)
        arrive_serve(players, slot);
    return end;
}

// As worker.c: what is there is served, then the newcomer is taken, if none has done so.
static void serve(const struct world *world)
{
    struct vault vault = world->vault;
    struct arrival arrival;
    struct players players = {.heritage = &heritage, .vault = &vault, .base = event_base_new()};
    receipt_settle(&vault);
    if (verify_all(&vault, see_broken, NULL) || crowd_make(&players) < 0)
        _exit(1);
    crowd_serve(&players);
    fill_arrival(&arrival, world);
    if (players.n_live == 0 && fcntl(world->accepted, F_GETFD) >= 0 &&
        take(&players, &arrival, world->accepted) != ARRIVAL_TAKEN)
        _exit(2);
    for (int i = 0; i < TURNS; i++)
        event_base_loop(players.base, EVLOOP_NONBLOCK);
    if (players.n_live != players.n_farewells)
        _exit(3);
    _exit(players.n_live > 0 || players.chunks.n_free == vault.head->n_chunks ? 0 : 4);
}

void farewell_live(enum world_kind kind, struct trap *trap)
{
    struct world world;
    char words[128];
    world_make(&world, kind, trap);
    world.worker = serve;
    assert_int_equal(vault_reserve_slots(&world.vault, world.vault.head->n_seats), 0);
    for (unsigned i = 0; i < world.vault.head->n_seats; i++)
        world.vault.slots[i].state = SLOT_QUARANTINED; // no seat is left
    world_work(&world);
    const int n = snprintf(words, sizeof words, "%s\r\n", farewell_words(GATE_FULL));
    world_player_hears(&world, (const uint8_t *)words, (size_t)n, true);
    vault_guard_fds(&world.vault)[ACCEPTED] = -1; // as in life: only its slot claims it
    world_player_closes(&world);
    world_work(&world);
    assert_null(slot_find_live(&world.vault, world.vault.slots));
    assert_int_equal(fcntl(world.accepted, F_GETFD), -1);
    world_free(&world);
}
