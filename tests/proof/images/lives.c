// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players' whole lives, and newcomers without a seat, for every state in which a death can leave the vault (explore.h).
//
// Errors: as explore.h.
#include "scripts.h"

#include "crash/farewell_world.h"
#include "crash/life.h"

#include <string.h>

static void live(enum world_kind kind)
{
    struct trap trap = {.has_fired = true}; // films kill, no point does
    struct world world;
    world_make(&world, kind, &trap);
    life_init();
    life_live(&world, &life_brief);
    world_free(&world);
}

static void live_tls13(void)
{
    live(WORLD_TLS13);
}

static void live_tls12(void)
{
    live(WORLD_TLS12);
}

static void live_plain(void)
{
    live(WORLD_PLAIN);
}

static void live_plain_telnet(void)
{
    live(WORLD_PLAIN_TELNET);
}

static void say_farewell(enum world_kind kind)
{
    struct trap trap = {.has_fired = true}; // films kill, no point does
    farewell_live(kind, &trap);
}

static void say_farewell_tls13(void)
{
    say_farewell(WORLD_TLS13);
}

static void say_farewell_tls12(void)
{
    say_farewell(WORLD_TLS12);
}

static void say_farewell_plain(void)
{
    say_farewell(WORLD_PLAIN);
}

const struct script scripts[] = {
    {"life-tls13", live_tls13},
    {"life-tls12", live_tls12},
    {"life-plain", live_plain},
    {"life-telnet", live_plain_telnet},
    {"farewell-tls13", say_farewell_tls13},
    {"farewell-tls12", say_farewell_tls12},
    {"farewell-plain", say_farewell_plain},
    {NULL, NULL},
};
