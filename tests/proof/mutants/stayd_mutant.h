// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which mutant this process is, and which it has come by (build.py). Mutated copies only.
// Errors: none.
#ifndef STAYD_MUTANT_H
#define STAYD_MUTANT_H

extern unsigned stayd_mutant; // 0: none
extern unsigned char *stayd_reached;

static inline int stayd_is(unsigned number)
{
    stayd_reached[number] = 1;
    return stayd_mutant == number;
}

#endif
