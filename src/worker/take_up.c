// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making the vault whole (take_up.h).
#include "worker/take_up.h"

#include "base/log.h"
#include "process/heritage.h"
#include "vault/handover.h"
#include "vault/receipt.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void quarantine(void *arg, uint32_t index, enum invariant invariant)
{
    struct vault *vault = arg;
    struct slot *slot = &vault->slots[index];
    char id[LOG_ID_BYTES];
    log_event(LOG_QUARANTINE, "slot=%u id=%s invariant=I%d", index, log_id(id, slot->id),
              invariant);
    slot->state = SLOT_QUARANTINED;
}

static bool is_claimed(const struct vault *vault, int fd)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        if (vault_guard_fds(vault)[i] == fd)
            return true;
    slot_each_live(vault, slot)
        if (slot->player_fd == fd || slot->game_fd == fd)
            return true;
    return false;
}

// A quarantined slot's descriptors may be anybody's. If they are nobody's, they end now.
static void end_quarantined(const struct vault *vault)
{
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_QUARANTINED)
            continue;
        if (!is_claimed(vault, slot->player_fd))
            shutdown(slot->player_fd, SHUT_RDWR);
        if (!is_claimed(vault, slot->game_fd))
            shutdown(slot->game_fd, SHUT_RDWR);
    }
}

void take_up(struct vault *vault)
{
    enum invariant broken = verify_head(vault);
    if (broken) {
        log_event(LOG_PANIC, "invariant=I%d where=\"the vault's head\"", broken);
        abort();
    }
    if (vault_lock(vault) < 0)
        log_event(LOG_SYSTEM,
                  "what=\"lock the receipt's page: a kill under memory pressure could cost bytes\" "
                  "error=\"%s\" fix=\"raise RLIMIT_MEMLOCK, and see that mlock(2) is allowed\"",
                  strerror(errno));
    vault->head->serving_slot = SLOT_NONE;
    vault->head->serving_entry = ENTRY_NONE;
    unsigned n_taken = handover_settle(vault);
    bool was_settled = receipt_settle(vault);
    if (verify_all(vault, quarantine, vault))
        end_quarantined(vault);
    log_event(LOG_RECOVER, "settled=%s arrivals=%u", was_settled ? "yes" : "no", n_taken);
}
