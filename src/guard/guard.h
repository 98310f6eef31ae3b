// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The process that must not die, and does almost nothing: it keeps a worker and a
// spare running, sweeps up after a dead worker, and takes the orders (signals).
//
//   guard_run -> take the guard's place, or end
//      +-> worker alive (an earlier guard's)?  watch it
//      +-> else take the table, account for the death, sweep, clone a worker
//      +-> no spare? clone one: it sleeps, and calls guard_run when this guard dies
//      +-> SIGTERM, SIGINT, SIGQUIT: orderly end
//      +-> SIGUSR2, an order in the vault: upgrade (upgrade.h), after which guard_adopt goes on
//
// Nothing that came from a player or a game is parsed here.
// Errors: logged and tried again; before the first worker was ready they end the start.
#ifndef STAYD_GUARD_GUARD_H
#define STAYD_GUARD_GUARD_H

#include "process/heritage.h"

// Exit status when the connections are left to the service manager's store (store.h).
#define GUARD_LEFT 75

// The functions of roles (process/role.h).

// Become guard in place of `dead` (the word that stands in
// vault_head.guard), or end the process if another was faster. Ends the process with 0
// after an orderly end, 1 if no worker ever got ready.
void guard_run(struct heritage *heritage, uint64_t dead);

// Sleep, and become guard when the guard of this word dies.
void guard_spare_run(struct heritage *heritage, uint64_t guard_word);

// In a program that was executed in the place of an earlier guard: it has the guard's place
// already, `word` stands there, and it is on probation (probation.h).
void guard_adopt(struct heritage *heritage, uint64_t word);

#endif
