// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A leaky bucket a user (patience.h). Errors: none.
#include "ops/patience.h"

static struct patience_user *find(struct patience *patience, uid_t uid)
{
    struct patience_user *oldest = &patience->user[0];
    for (unsigned i = 0; i < PATIENCE_USERS; i++) {
        struct patience_user *user = &patience->user[i];
        if (user->paid_ms && user->uid == uid)
            return user;
        if (user->paid_ms < oldest->paid_ms)
            oldest = user;
    }
    *oldest = (struct patience_user){.uid = uid};
    return oldest;
}

bool patience_take(struct patience *patience, uid_t uid, uint64_t now_ms)
{
    struct patience_user *user = find(patience, uid);
    const uint64_t n_paid = (now_ms - user->paid_ms) / PATIENCE_AGAIN_MS;
    if (n_paid >= user->n_given) {
        user->n_given = 0;
        user->paid_ms = now_ms;
    } else {
        user->n_given -= (uint32_t)n_paid;
        user->paid_ms += n_paid * PATIENCE_AGAIN_MS;
    }
    if (user->n_given == PATIENCE_AT_ONCE)
        return false;
    user->n_given++;
    return true;
}
