// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's processes: all descendants of the storm (which is their subreaper) that
// call themselves stayd, found through /proc. A child that the guard has just cloned still has the
// guard's name, whatever the child is to be: it is one of FAMILY_OTHER. Errors: a process that ends
// while it is looked at is left out.
#ifndef STAYD_STORM_FAMILY_H
#define STAYD_STORM_FAMILY_H

#include <stdbool.h>
#include <sys/types.h>

#define FAMILY_MAX 32u

enum family_role {
    FAMILY_WORKER,
    FAMILY_SPARE,
    FAMILY_GUARD,
    FAMILY_ENTRY, // one, and those that retire
    FAMILY_N_ROLES,
    FAMILY_OTHER
};

struct family {
    unsigned n;
    pid_t pid[FAMILY_MAX];
    enum family_role role[FAMILY_MAX];
};

void family_read(struct family *family);

// One worker, one spare, one guard, an entry or as many as there may be, and nobody else?
bool family_is_whole(const struct family *family);

// Does it have the descriptor table? When all of these are dead, nobody is left.
bool family_has_table(enum family_role role);

unsigned family_count(const struct family *family, enum family_role role);

// The place of a role in it, or -1.
int family_index(const struct family *family, enum family_role role);

// The pid of a role, or 0.
pid_t family_find(const struct family *family, enum family_role role);

bool family_has(const struct family *family, pid_t pid);

// Is this process alive and one of stayd's?
bool family_is_ours(pid_t pid);

// Is it running on a processor, or ready to?
bool family_is_busy(pid_t pid);

// Can this kernel tell a process' children (CONFIG_PROC_CHILDREN)?
bool family_can_be_read(void);

const char *family_role_name(enum family_role role);

#endif
