// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The certificates of all TLS listeners, loaded at once: to look whether they are good, in processes
// that end after it, and to serve, in an entry.
//
// Errors: lines of complaints, and what they mean for the listeners.
#ifndef STAYD_ENTRY_CERTS_ALL_H
#define STAYD_ENTRY_CERTS_ALL_H

#include "conf/conf.h"
#include <stdio.h>

struct certs;
struct wallet;

// What certificates are loaded for decides what must be good of them.
enum certs_all_use {
    CERTS_ALL_CHECK,       // everything
    CERTS_ALL_START,       // so much that some listener can take players
    CERTS_ALL_RELOAD,      // what is newly named; and who is served now must be served then
    CERTS_ALL_UPGRADE_TRY, // each listener can be served; nothing is made
    CERTS_ALL_ENTRY,       // as at a start: what is to be refused was refused before
};

struct certs_all_wish {
    const struct conf *conf;
    const struct conf
        *conf_before;            // the one in force, whose listeners have the same indices; or NULL
    const struct wallet *wallet; // what is served now, or NULL
    enum certs_all_use use;
};

struct certs_all_loaded {
    bool is_good;
    bool has_news;         // otherwise all is as it was before
    unsigned n_complaints; // also of what can be lived with
    unsigned n_kept;       // what is served goes on in the place of what a file has become
};

// Load them; see certs_load. certs[i] is that of conf's listener i, NULL for a plain one. What is wrong is
// in the complaints, however it ends.
struct certs_all_loaded certs_all_load(const struct certs_all_wish *wish,
                                       struct certs *certs[CONF_MAX_LISTENERS], FILE *complaints,
                                       FILE *remarks);
void certs_all_free(struct certs *certs[CONF_MAX_LISTENERS]);

// Complaints about certificates that are in use all the same: a line of the log each. Writes into
// lines.
void certs_all_log(char *lines);

#endif
