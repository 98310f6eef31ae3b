// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's files as an admin keeps them: configuration, certificate and key, and the program. Each
// is replaced as an installation does: another file at the same path.
//
// Errors: given to the verdict as VERDICT_SETUP; then the functions return false.
#ifndef STAYD_STORM_SITE_H
#define STAYD_STORM_SITE_H

#include <stdbool.h>
#include <sys/types.h>

#include "options.h"
#include "player.h"

#define SITE_PATH_BYTES 160u

struct site {
    const struct options *options;
    char folder[64];
    struct ports ports;
    long serial; // of the certificate
    // What reloads change.
    bool has_extra;
    bool has_other_game;
    unsigned max_handshakes;
};

// Make the folder and all of it.
bool site_make(struct site *site, const struct options *options);

// A path in the folder.
const char *site_path(const struct site *site, char path[SITE_PATH_BYTES], const char *name);

// Write the configuration anew, with what a throw of the dice has changed.
bool site_change(struct site *site, struct dice *dice);

// Another certificate and key in the place of the present ones.
bool site_renew(struct site *site);

// A program that can be put into stayd's place, and how stayd takes that.
struct site_program {
    const char *name;
    const char *version; // NULL: it is broken
    const char *why;     // ... which is what the admin is told
    bool is_late;        // ... and only after the old worker was given up
};

extern const struct site_program site_good[2]; // that which runs first, and another
extern const struct site_program site_broken[];
extern const unsigned site_n_broken;

bool site_put(const struct site *site, const struct site_program *program);

// fork(2), but not while another thread has a program open for writing.
pid_t site_fork(void);

void site_remove(const struct site *site);

#endif
