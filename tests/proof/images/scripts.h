// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lives that are explored, by name. Errors: none.
#ifndef STAYD_PROOF_SCRIPTS_H
#define STAYD_PROOF_SCRIPTS_H

#include "explore.h"

struct script {
    const char *name;
    explore_life life;
};

// Those of this program; the last one's name is NULL.
extern const struct script scripts[];

#endif
