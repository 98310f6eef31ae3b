// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is shut out: the sitelock patterns (sitelock.h) that wizards have set. They are few, and are
// read anew for each new connection.
//
// Errors: told by the result; the rest is db.h's.
#ifndef MINIMUSH_SHUT_H
#define MINIMUSH_SHUT_H

#include "sitelock.h"
#include "world.h"

struct shut_pattern {
    char text[SITELOCK_MAX_BYTES + 1];
};

// Is a player from this address shut out? If so, *pattern says by what.
bool shut_out(struct world *world, const struct sockaddr_storage *sockaddr, const char *address,
              const char *host, struct shut_pattern *pattern);

// The i-th pattern. False: there is no further one.
bool shut_at(struct world *world, size_t i, struct shut_pattern *pattern);

bool shut_add(struct world *world, const char *pattern, const char *by); // false: there already
bool shut_remove(struct world *world, const char *pattern);              // false: there is none

#endif
