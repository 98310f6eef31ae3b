// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Roles (role.h). Errors: none.
#include "process/role.h"

#include <setjmp.h>
#include <stdlib.h>

static jmp_buf first_frame;
static role_fn *const *functions; // by role
static struct {
    enum role role;
    struct heritage *heritage;
    uint64_t word;
} next;

_Noreturn void role_first(role_fn *const roles[N_ROLES], enum role role, struct heritage *heritage,
                          uint64_t word)
{
    functions = roles;
    next.role = role;
    next.heritage = heritage;
    next.word = word;
    setjmp(first_frame);
    functions[next.role](next.heritage, next.word);
    abort(); // no role returns
}

_Noreturn void role_become(enum role role, uint64_t word)
{
    next.role = role;
    next.word = word;
    longjmp(first_frame, 1);
}
