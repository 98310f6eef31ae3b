// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What happens once, before there is a guard: limits, the lock, certificates,
// listening sockets, the vault, giving up rights.
//
// Errors: a line on stderr that says what is wrong and what to do, and false.
#ifndef STAYD_GUARD_START_H
#define STAYD_GUARD_START_H

#include "guard/store/restore.h"

// Are the certificates good enough to start with? Read in a process of its own, before rights are given
// up; entries begin with what it leaves in heritage->wallet_fd. What is wrong is said on stderr, and
// stands in heritage->remarks, for the log.
bool start_load_certs(struct heritage *heritage);

// Entries are shown what the vault has for them: heritage->view, claimed. False: errno.
bool start_show_view(struct heritage *heritage);

// Everything after a good configuration and certificates. heritage->conf is set; what was stored of
// an earlier start (stored->is_there), and is still wanted, is gone on with.
bool start_prepare(struct heritage *heritage, const struct stored *stored);

// Would start_prepare refuse it, if it were called now? Nothing is left behind. What a stayd that
// runs with this configuration has is not in the way.
bool start_check(const struct heritage *heritage);

// For --check as root: what the user who stayd will be cannot read. This process then is that user.
void start_check_as_user(const struct heritage *heritage, FILE *remarks);

#endif
