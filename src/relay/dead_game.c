// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A slot between two lives of its game: the dead one's link is given up, the player's terminal put
// right. What the next game gets of the input is in input.c.
//
//   game_fd, TO_PLAYER OPEN ──relay_unlink──▶ -1, CUT ──relay_mend──▶ -1, OPEN
//        ▲                                                              │
//        └───────────── link_make ◀──── relay_prepare_link ◀────────────┘
//
// Each arrow can be cut by a crash between its commits, and is then walked again (I19).
// Errors: false, when it must be tried later.
#include "relay/relay_part.h"

#include "base/clock.h"

#include <unistd.h>

void relay_unlink(struct relay *relay)
{
    struct slot *slot = relay->slot;
    struct flow_state next = relay_state(relay, TO_PLAYER);
    int fd = slot->game_fd;
    if (next.phase == FLOW_OPEN) {
        flow_set_phase(&next, TO_PLAYER, FLOW_CUT);
        relay_commit(relay, TO_PLAYER, &next);
    }
    if (fd < 0)
        return;
    relay_keep_input(relay);
    slot->held_ms = clock_boot_ms(); // what stands there may be of a hold long over
    atomic_store_explicit(&slot->game_fd, -1, memory_order_release);
    POINT(LINK_DROPPED);
    slot_end_fd(fd);
}

bool relay_mend(struct relay *relay, const char *text)
{
    const struct slot *slot = relay->slot;
    struct flow_state next = relay_state(relay, TO_PLAYER);
    uint8_t out[TELNET_MEND_BYTES + RELAY_LINE_BYTES];
    size_t n = 0;
    // The dead game's words come first, and only behind them is it clear what is unfinished.
    if (next.phase != FLOW_CUT || (slot_has_step(slot) && next.in.chunk != CHUNK_NONE))
        return false;
    if (slot_has(slot, SLOT_FLAG_TELNET))
        n = telnet_mend(&next.telnet, &flow_now(&slot->flow[TO_GAME])->telnet, out);
    n += relay_put_line(out + n, text, false);
    const struct relay_words words = {.set = FLOW_AWAY};
    relay_take_words(&next, &words, n);
    flow_set_phase(&next, TO_PLAYER, FLOW_OPEN);
    return relay_give(relay, &next, out, n);
}
