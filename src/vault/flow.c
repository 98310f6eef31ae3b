// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The commit, and the steps of a flow's phase (flow.h).
// Errors: a step that cannot be ends the process.
#include "vault/flow.h"

#include "base/log.h"
#include "vault/invariant.h"

#include <stdlib.h>

static const char *const phase_names[FLOW_N_PHASES] = {
    [FLOW_OPEN] = "open",
    [FLOW_CUT] = "cut",
    [FLOW_ENDING] = "ending",
    [FLOW_SHUT] = "shut",
};

static const char *const dir_names[] = {[TO_GAME] = "to-game", [TO_PLAYER] = "to-player"};

static const bool may_follow[2][FLOW_N_PHASES][FLOW_N_PHASES] = {
    [TO_GAME] =
        {
            [FLOW_OPEN] = {[FLOW_ENDING] = true, [FLOW_SHUT] = true},
            [FLOW_ENDING] = {[FLOW_SHUT] = true},
        },
    [TO_PLAYER] =
        {
            [FLOW_OPEN] = {[FLOW_CUT] = true, [FLOW_ENDING] = true, [FLOW_SHUT] = true},
            [FLOW_CUT] = {[FLOW_OPEN] = true, [FLOW_ENDING] = true, [FLOW_SHUT] = true},
            [FLOW_ENDING] = {[FLOW_SHUT] = true},
        },
};

const char *flow_phase_name(enum flow_phase phase)
{
    return phase_names[phase];
}

void flow_set_phase(struct flow_state *next, enum flow_dir dir, enum flow_phase phase)
{
    if (next->phase != phase && !may_follow[dir][next->phase][phase]) {
        log_event(LOG_PANIC, "invariant=I%d where=\"%s from %s to %s\"", I8, dir_names[dir],
                  flow_phase_name(next->phase), flow_phase_name(phase));
        abort();
    }
    next->phase = (uint8_t)phase;
}

static void say_step(const struct slot *slot, enum flow_dir dir, enum flow_phase from,
                     enum flow_phase to)
{
    char id[LOG_ID_BYTES];
    log_event(LOG_PHASE, "id=%s dir=%s step=%s>%s", log_id(id, slot->id), dir_names[dir],
              flow_phase_name(from), flow_phase_name(to));
}

void flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next)
{
    struct flow *flow = &slot->flow[dir];
    uint32_t now = atomic_load_explicit(&flow->current, memory_order_relaxed) & 1u;
    enum flow_phase from = flow->copy[now].phase;
    flow->copy[now ^ 1u] = *next;
    POINT(FLOW_WRITTEN);
    atomic_store_explicit(&flow->current, now ^ 1u, memory_order_release);
    POINT(FLOW_FLIPPED);
    if (next->phase != from && log_wants(LOG_LEVEL_DEBUG))
        say_step(slot, dir, from, next->phase);
}
