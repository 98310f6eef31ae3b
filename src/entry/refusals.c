// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A short list (refusals.h). Errors: none.
#include "entry/refusals.h"

const struct refusal *refusals_at(const struct refusals *refusals, unsigned i)
{
    return i < refusals->n ? &refusals->refusal[i] : NULL;
}

unsigned refusals_count(const struct refusals *refusals)
{
    return refusals->n;
}

static struct refusal *find(struct refusals *refusals, const struct network *network, unsigned why)
{
    for (unsigned i = 0; i < refusals->n; i++)
        if (refusals->refusal[i].why == why &&
            network_is_same(&refusals->refusal[i].network, network))
            return &refusals->refusal[i];
    return NULL;
}

static struct refusal *find_oldest(struct refusals *refusals)
{
    struct refusal *oldest = &refusals->refusal[0];
    for (unsigned i = 1; i < refusals->n; i++)
        if (refusals->refusal[i].last_ms < oldest->last_ms)
            oldest = &refusals->refusal[i];
    return oldest;
}

static struct refusal *make_place(struct refusals *refusals)
{
    if (refusals->n < REFUSALS_KEPT)
        return &refusals->refusal[refusals->n++];
    struct refusal *oldest = find_oldest(refusals);
    refusals->n_others_unsaid += oldest->n_unsaid;
    return oldest;
}

static bool may_name(struct refusals *refusals, uint64_t now_ms)
{
    if (now_ms - refusals->names_since_ms >= REFUSALS_EVERY_MS) {
        refusals->names_since_ms = now_ms;
        refusals->n_names = 0;
    }
    return refusals->n_names < REFUSALS_NAMES && ++refusals->n_names > 0;
}

bool refusals_note(struct refusals *refusals, const struct network *network, unsigned why,
                   uint64_t now_ms)
{
    struct refusal *it = find(refusals, network, why);
    bool is_said = false;
    if (!it) {
        is_said = may_name(refusals, now_ms);
        it = make_place(refusals);
        *it = (struct refusal){
            .network = *network, .why = why, .since_ms = now_ms, .said_ms = now_ms};
    }
    it->n++;
    it->n_unsaid += !is_said;
    it->last_ms = now_ms;
    return is_said;
}

bool refusals_next_due(struct refusals *refusals, struct refusal *refusal, uint64_t now_ms)
{
    for (unsigned i = 0; i < refusals->n;) {
        struct refusal *it = &refusals->refusal[i];
        if (it->n_unsaid > 0 && now_ms - it->said_ms >= REFUSALS_EVERY_MS) {
            *refusal = *it;
            it->n_unsaid = 0;
            it->said_ms = now_ms;
            return true;
        }
        if (now_ms - it->last_ms >= REFUSALS_OVER_MS)
            *it = refusals->refusal[--refusals->n];
        else
            i++;
    }
    return false;
}

uint64_t refusals_take_others(struct refusals *refusals, uint64_t now_ms)
{
    uint64_t n = refusals->n_others_unsaid;
    if (n == 0 || now_ms - refusals->others_said_ms < REFUSALS_EVERY_MS)
        return 0;
    refusals->n_others_unsaid = 0;
    refusals->others_said_ms = now_ms;
    return n;
}
