// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The brake on crash loops. It slows and never stops: deaths use up tokens, time gives them back.
//
// Errors: none.
#ifndef STAYD_GUARD_BRAKE_H
#define STAYD_GUARD_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

struct brake {
    double tokens;
    uint64_t at_ms;
};

#define BRAKE_FULL 10.0

// A worker died; `is_bad`: it crashed, or was never ready. How long to wait, ms.
uint32_t brake_count(struct brake *brake, bool is_bad, uint64_t now_ms);

#endif
