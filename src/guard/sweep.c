// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The sweep (sweep.h): a bitmap of what is claimed, and close_range(2) over the gaps.
// Errors: none; without memory nothing is swept this time.
#include "guard/sweep.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIN_TABLE (1u << 20) // the kernel's own default maximum, fs.nr_open

static void keep(uint8_t *kept, uint32_t n, int fd)
{
    if (fd >= 0 && (uint32_t)fd < n)
        kept[fd] = 1;
}

static void mark_kept(const struct vault *vault, uint8_t *kept, uint32_t n)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        keep(kept, n, vault_guard_fds(vault)[i]);
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_LIVE)
            continue;
        keep(kept, n, slot->player_fd);
        keep(kept, n, slot->game_fd);
    }
}

void sweep_descriptors(const struct vault *vault)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    // The limit may have been lowered below what is open.
    uint32_t n = (uint32_t)limit.rlim_cur > MIN_TABLE ? (uint32_t)limit.rlim_cur : MIN_TABLE;
    uint8_t *kept = calloc(n, 1);
    if (!kept)
        return;
    mark_kept(vault, kept, n);
    for (uint32_t fd = 0; fd < n;) {
        if (kept[fd]) {
            fd++;
            continue;
        }
        uint32_t first = fd;
        while (fd < n && !kept[fd])
            fd++;
        close_range(first, fd == n ? ~0u : fd - 1, 0);
    }
    free(kept);
}
