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

// What certificates are loaded for decides what must be good of them.
enum start_certs {
    START_CERTS_CHECK,       // everything
    START_CERTS_START,       // so much that some listener can take players
    START_CERTS_RELOAD,      // what is newly named; and who is served now must be served then
    START_CERTS_UPGRADE_TRY, // each listener can be served; nothing is made
    START_CERTS_UPGRADE,     // ... and what there must be is made
};

struct start_loaded {
    bool is_good;
    bool has_news;         // otherwise all is as it was before
    unsigned n_complaints; // also of what can be lived with
};

// Load the certificates of all TLS listeners; see certs_load. before: the heritage in force, or
// NULL. What is wrong is in the complaints, however it ends.
struct start_loaded start_load_certs(struct heritage *heritage, const struct heritage *before,
                                     enum start_certs purpose, FILE *complaints, FILE *remarks);
void start_free_certs(struct heritage *heritage);

// See that so many handshakes can be under way beside n_slots players: raise RLIMIT_NOFILE for
// them, or take max-handshakes down to what it allows, with a remark.
void start_fit_handshakes(struct conf *conf, uint32_t n_slots, FILE *remarks);

// Complaints about certificates that are in use all the same: a line of the log each. Writes into
// lines.
void start_log_certs(char *lines);

// Everything after a good configuration and certificates. heritage->conf is set; what was kept of
// an earlier start (kept->is_there), and is still wanted, is gone on with.
bool start_prepare(struct heritage *heritage, const struct kept *kept);

// Would start_prepare refuse it, if it were called now? Nothing is left behind. What a stayd that
// runs with this configuration has is not in the way.
bool start_check(const struct heritage *heritage);

// For --check as root: what the user who stayd will be cannot read. This process then is that user.
void start_check_as_user(const struct heritage *heritage, FILE *remarks);

// Before keys are held, and after rights were given up: the processes are not for debuggers and
// core files (prctl(2); exec and a change of user undo it), and no stray signal ends them. And what
// later processes cannot load.
void start_harden(void);

void start_free(struct heritage *heritage);

#endif
