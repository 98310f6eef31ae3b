// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players on their way from an entry to a slot, for every state in which a death can leave them
// (explore.h).
//
// Errors: as explore.h.
#include "scripts.h"

#include "crash/handover_world.h"

#include <stdlib.h>

static void hand_over(struct handover_life life)
{
    if (!handover_init())
        exit(1);
    // What workers have noted of slots is compared in the end: it is as old as the rest.
    film_watch_all(handover_trap, sizeof *handover_trap);
    handover_live(&life);
}

static void hand_over_plain(void)
{
    hand_over((struct handover_life){.is_entry_doomed = false});
}

static void hand_over_tls13(void)
{
    hand_over((struct handover_life){.is_tls = true, .is_entry_doomed = true});
}

static void hand_over_without_seats(void)
{
    hand_over((struct handover_life){.is_tls = true, .is_full = true});
}

const struct script scripts[] = {
    {"handover-plain", hand_over_plain},
    {"handover-tls13", hand_over_tls13},
    {"handover-full", hand_over_without_seats},
    {NULL, NULL},
};
