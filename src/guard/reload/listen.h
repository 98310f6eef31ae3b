// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The listening sockets of a heritage: those that the heritage before it has already are kept, in
// their places, the others are opened. Nothing is closed here: what a new heritage does not have
// goes with the sweep, when nobody who knows the old one lives.
//
// Errors: a complaint "FILE:LINE: what is wrong; what to do", and false.
#ifndef STAYD_GUARD_RELOAD_LISTEN_H
#define STAYD_GUARD_RELOAD_LISTEN_H

#include "process/heritage.h"

// Take those addresses out of a configuration that was read whose family this system does not have,
// with a remark. False: a listener would have none left, which is complained about.
bool listen_fit(struct conf *conf, FILE *complaints, FILE *remarks);

// Sets heritage->socket from its configuration and from the heritage before it, which may be an
// empty one. False: what was opened is closed again.
bool listen_open(struct heritage *heritage, const struct heritage *before, FILE *complaints);

// Can all addresses be had? While stayd runs (is_running) it has them itself.
bool listen_check(const struct conf *conf, bool is_running, FILE *complaints);

// Would listen_open open any?
bool listen_is_new(const struct heritage *heritage, const struct heritage *before);

// Claim the sockets of this heritage and those that the one before has, until listen_claim.
void listen_claim_more(const struct heritage *heritage);

// Claim these and no others. The vault's guard_fds then are as the heritage has them. What was claimed
// and is not any more is shut: an entry that retires has it, too (shutdown(2)). Not before nobody could
// go on with the heritage before: who does would have a socket that nobody can connect to.
void listen_claim(const struct heritage *heritage);

// Log what this heritage does not listen on any more.
void listen_log_gone(const struct heritage *heritage, const struct heritage *before);

#endif
