// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The verb `reload`: puts an order into the vault, wakes the guard, and waits for the answer, which
// the next worker gives if all is well (doc/PROTOCOL.control, guard/reload/reload.h).
//
// Errors: in the answer.
#ifndef STAYD_OPS_RELOAD_TASK_H
#define STAYD_OPS_RELOAD_TASK_H

#include "ops/task.h"

// As task_step, for a request that was checked.
bool reload_task_step(struct task *task, struct players *players);

#endif
