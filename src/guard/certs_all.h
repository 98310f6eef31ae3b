// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The certificates of all TLS listeners: loaded at a start, at a reload and in a new program.
//
// Errors: lines of complaints, and what they mean for the listeners.
#ifndef STAYD_GUARD_CERTS_ALL_H
#define STAYD_GUARD_CERTS_ALL_H

#include "process/heritage.h"
#include <stdio.h>

// What certificates are loaded for decides what must be good of them.
enum certs_all_use {
    CERTS_ALL_CHECK,       // everything
    CERTS_ALL_START,       // so much that some listener can take players
    CERTS_ALL_RELOAD,      // what is newly named; and who is served now must be served then
    CERTS_ALL_UPGRADE_TRY, // each listener can be served; nothing is made
    CERTS_ALL_UPGRADE,     // ... and what there must be is made
};

struct certs_all_loaded {
    bool is_good;
    bool has_news;         // otherwise all is as it was before
    unsigned n_complaints; // also of what can be lived with
};

// Load the certificates of all TLS listeners; see certs_load. before: the heritage in force, or
// NULL. What is wrong is in the complaints, however it ends.
struct certs_all_loaded certs_all_load(struct heritage *heritage, const struct heritage *before,
                                       enum certs_all_use purpose, FILE *complaints, FILE *remarks);
void certs_all_free(struct heritage *heritage);

// Complaints about certificates that are in use all the same: a line of the log each. Writes into
// lines.
void certs_all_log(char *lines);

#endif
