// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How often a user who is refused is told why. Users are counted apart, so that none is refused an
// answer because of another. Errors: none.
#ifndef STAYD_OPS_PATIENCE_H
#define STAYD_OPS_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PATIENCE_USERS 16u    // the longest unheard of is forgotten
#define PATIENCE_AT_ONCE 256u // answers
#define PATIENCE_AGAIN_MS 10u // after which there is one more

// Zero: nobody has come.
struct patience {
    struct patience_user {
        uid_t uid;
        uint32_t n_given; // answers that time has not paid for yet
        uint64_t paid_ms; // up to when it has; 0: nobody
    } user[PATIENCE_USERS];
};

// One more connection of this user is refused now. True: say why. False: it knocks too often.
bool patience_take(struct patience *patience, uid_t uid, uint64_t now_ms);

#endif
