// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The invariants' numbers.
#ifndef STAYD_VAULT_INVARIANT_H
#define STAYD_VAULT_INVARIANT_H

// The rows of doc/invariants.md, which says what each is, who keeps it and what checks it.
enum invariant {
    I_NONE,
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I14,
    I15,
    I16,
    I17,
    I18,
    I19,
    I20,
    I21,
    I22,
    I23,
    I24,
    I25,
    I26,
    I27,
    I28,
    I_END
};

#endif
