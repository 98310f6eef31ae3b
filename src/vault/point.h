// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Crash points: POINT(NAME) marks a place of points.def. It costs nothing in the
// program; in the build that tests/crash links, it calls the test.
#ifndef STAYD_VAULT_POINT_H
#define STAYD_VAULT_POINT_H

enum point {
#define X(name, meaning) POINT_##name,
#include "vault/points.def"
#undef X
    POINT_COUNT,
};

void point_reached(enum point point); // defined by a test, if anywhere

#ifdef STAYD_POINTS
#define POINT(name) point_reached(POINT_##name)
#else
#define POINT(name) ((void)0)
#endif

#endif
