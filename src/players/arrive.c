// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Letting a player in (arrive.h). Errors: enum arrival_end.
#include "players/arrive.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "players/choose.h"
#include "players/players.h"
#include "players/seats.h"
#include "players/serve.h"
#include "vault/slot.h"

static void say_doubt(const struct arrival *arrival, const char *doubt)
{
    char address[ADDRESS_TEXT_BYTES];
    log_event(LOG_REFUSED, "address=%s why=\"the door has let in what is not whole: %s\"",
              address_print(address, arrival->address), doubt);
}

static void say_no_lead(const struct arrival *arrival)
{
    char address[ADDRESS_TEXT_BYTES];
    log_event(LOG_REFUSED, "address=%s why=\"the game that it asks for has stricter listeners\"",
              address_print(address, arrival->address));
}

enum arrival_end arrive_claim(struct players *players, const struct arrival *arrival, uint64_t key,
                              int fd, struct slot **slot)
{
    const char *doubt = arrival_doubt(arrival);
    if (doubt) {
        say_doubt(arrival, doubt);
        return ARRIVAL_REFUSED;
    }
    const struct seats_verdict seat = seats_judge(players, arrival->address);
    const bool is_full = seat.verdict != GATE_OPEN && !seats_have_farewell(players);
    *slot = is_full ? NULL : slot_prepare(&players->slots);
    if (!*slot && !is_full)
        return ARRIVAL_SHORT; // and will be judged again
    if (seat.verdict != GATE_OPEN)
        verdict_note(&players->refusals, &seat.network, seat.verdict, clock_boot_ms());
    if (is_full)
        return ARRIVAL_FULL;
    arrival_fill(*slot, arrival);
    if (seat.verdict != GATE_OPEN) {
        seats_mark(*slot, seat.verdict);
    } else if (!choose_game(*slot, &players->heritage->conf)) {
        say_no_lead(arrival);
        slot_return(&players->slots, *slot);
        *slot = NULL;
        return ARRIVAL_REFUSED;
    }
    (*slot)->arrival = key;
    slot_claim(*slot, fd);
    return ARRIVAL_TAKEN;
}

void arrive_serve(struct players *players, struct slot *slot)
{
    struct vault_head *head = players->vault->head;
    // From here on the slot is to blame, and not the queue's next message.
    const uint32_t entry = head->serving_entry;
    head->serving_slot = vault_slot_index(players->vault, slot);
    head->serving_entry = ENTRY_NONE;
    serve_new(players, slot);
    head->serving_slot = SLOT_NONE;
    head->serving_entry = entry;
}
