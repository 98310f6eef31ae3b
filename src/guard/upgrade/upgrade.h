// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Upgrade in place, the old program's part: another program takes this one's place by exec(2), and
// every player stays connected.
//
//   SIGUSR2, or an order in the vault (vault/upgrading.h)
//      ──upgrade_order──▶ trial: a child runs the new program, which says whether it could go on
//      refused: nothing has been given up
//      good: upgrade_step
//        1. note PROBATION, so that from here on the spare is the way back
//        (guard/upgrade/probation.h)
//        2. end the worker, take the table, sweep
//        3. leave the table for a copy: the spare keeps the old one, which agrees in all that
//           slots name
//        4. exec the new program, which finds descriptors in the vault and the rest in its baton;
//           it begins in guard/upgrade/adopt.h
//
// A guard that is killed on this way is followed by its spare, as always, with the old program.
// Errors: noted in the vault (vault/upgrading.h) and logged.
#ifndef STAYD_GUARD_UPGRADE_UPGRADE_H
#define STAYD_GUARD_UPGRADE_UPGRADE_H

#include <stdint.h>

struct guard;

void upgrade_order(struct guard *guard);
void upgrade_step(struct guard *guard);

// An orderly end has begun: there is no upgrade any more.
void upgrade_cancel(struct guard *guard, const char *why);

// How long to sleep at most, ms; -1: as long as you like.
int upgrade_sleep_ms(const struct guard *guard);

#endif
