// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What both ways of taking a film share (film.h). Errors: as there.
#ifndef STAYD_PROOF_FILM_PART_H
#define STAYD_PROOF_FILM_PART_H

#include "film.h"

// In `patch`: these n bytes, which follow, are new at this place of a region.
struct film_patch {
    uint32_t at;
    uint16_t n;
    uint16_t region;
};

void film_begin(struct film *film);

// An instruction has been executed; it was a call that the kernel remembers.
void film_see_store(struct film *film, uint32_t calls);
void film_see_call(struct film *film, uint32_t calls);

_Noreturn void film_fail(const char *what);

#endif
