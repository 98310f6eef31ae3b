// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What protects the processes from their surroundings.
//
// Errors: none.
#ifndef STAYD_BASE_HARDEN_H
#define STAYD_BASE_HARDEN_H

// Before keys are held, and after rights were given up: the processes are not for debuggers and
// core files (prctl(2); exec and a change of user undo it), and no stray signal ends them. And what
// later processes cannot load.
void harden(void);

#endif
