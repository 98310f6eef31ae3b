// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What one program hands to the next one over exec, as text in an argument: lines "KEY VALUE".
// Descriptors stand in the vault; here is what is not there. A reader passes over keys that it does
// not know, so that later ones can say more; the trial shows whether it has all that it needs.
//
// Errors: false, NULL.
#ifndef STAYD_GUARD_UPGRADE_BATON_H
#define STAYD_GUARD_UPGRADE_BATON_H

#include "process/heritage.h"

struct baton {
    int vault_fd;
    uint64_t guard_word;   // in vault_head.guard; the pid does not change over exec
    uint64_t table_number; // of the descriptor table that goes with it
    uint64_t started_ms;   // boottime, of the first program
    char *program;         // path of the next one
    char *shape;           // baton_shape of the configuration that runs
    char *gone;            // baton_gone of it; "": none
    char *places; // where the sockets of the shape's addresses are, in their order: numbers
};

// What of a configuration must be the same for the next program, because sockets are open and
// players' slots name listeners and games by their number: lines. The caller frees it.
char *baton_shape(const struct conf *conf);

// Listeners that a reload has removed, and whose players may live: lines "INDEX NAME".
char *baton_gone(const struct conf *conf);

// Listeners and games of shape and gone into *conf, each at its index, with its name, listeners
// with their addresses, and nothing else. False: that is no shape.
bool baton_names(const struct baton *baton, struct conf *conf);

// What the next program is to know of this heritage.
char *baton_make(const struct heritage *heritage, const char *program, uint64_t guard_word,
                 uint64_t table_number);

// The caller frees it. NULL without memory.
char *baton_write(const struct baton *baton);

// program, shape, gone and places are the caller's to free (baton_free), whatever the result.
// False: something is missing, or is no number.
bool baton_read(struct baton *baton, const char *text);
void baton_free(struct baton *baton);

#endif
