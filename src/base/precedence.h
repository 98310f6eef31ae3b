// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who has a processor first, where there is one for both: who serves players who are in, before who
// lets players in. A signature of RSA-4096 takes 4 ms, and a kernel since 6.6 lets who calculates go
// on for about as long, whatever its nice value is, unless the one who wakes has asked for a shorter
// slice (sched_setattr(2), since 6.12) and is owed time, which a much greater weight sees to.
//
// Errors: as each says.
#ifndef STAYD_BASE_PRECEDENCE_H
#define STAYD_BASE_PRECEDENCE_H

#include <stdbool.h>

// This process works for a moment, and often. A kernel that has no such thing does without.
void precedence_take(void);

// This process calculates, and can wait: it is nicer than it was, and has usual slices. Once only.
// False with errno.
bool precedence_leave(void);

#endif
