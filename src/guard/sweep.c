// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The sweep (sweep.h): a bitmap of what is claimed, and close_range(2) over the gaps.
// Errors: none; without memory nothing is swept this time.
#include "guard/sweep.h"

#include "base/log.h"
#include "vault/slot.h"

#include <stdlib.h>
#include <unistd.h>

// Call see for every descriptor that is claimed.
static void each_claimed(const struct vault *vault, void (*see)(void *arg, int fd), void *arg)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        see(arg, vault_guard_fds(vault)[i]);
    slot_each_live(vault, slot) {
        see(arg, slot->player_fd);
        see(arg, slot->game_fd);
    }
}

static void find_highest(void *arg, int fd)
{
    int *highest = arg;
    if (fd > *highest)
        *highest = fd;
}

static void mark(void *arg, int fd)
{
    uint8_t *claimed = arg;
    if (fd >= 0)
        claimed[fd] = 1;
}

void sweep_descriptors(const struct vault *vault)
{
    int highest = -1;
    each_claimed(vault, find_highest, &highest);
    unsigned n = (unsigned)(highest + 1);
    unsigned n_claimed = 0;
    uint8_t *claimed = calloc(n + 1, 1);
    if (!claimed)
        return;
    each_claimed(vault, mark, claimed);
    for (unsigned fd = 0; fd < n;) {
        unsigned first = fd;
        while (fd < n && !claimed[fd])
            fd++;
        if (fd > first)
            close_range(first, fd - 1, 0);
        n_claimed += fd < n;
        fd++;
    }
    close_range(n, ~0u, 0);
    free(claimed);
    log_event(LOG_SWEEP, "claimed=%u", n_claimed);
}
