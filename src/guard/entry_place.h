// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The places of entries (struct vault_entry) and their making: what an entry is given, and how it becomes
// a process.
//
//   claim queue, page and wallet ──▶ note that it is made ──▶ clone, exec ──▶ note its pid
//
// A guard that is killed between any two steps leaves a place that the next one understands: what is
// claimed and not made is used anew; what is made without a pid is shut, and read out by the worker
// like any other (guard/entries.h).
//
// Errors: logged.
#ifndef STAYD_GUARD_ENTRY_PLACE_H
#define STAYD_GUARD_ENTRY_PLACE_H

#include "process/heritage.h"

struct vault_entry *entry_place(const struct vault *vault, unsigned i);

// Make an entry of the wanted edition at this place, which is free. is_silent: what is wrong with
// certificates was said already. False: to be tried again.
bool entry_place_make(const struct heritage *heritage, unsigned i, bool is_silent);

// There is no process, and its queue was read to the end: close what belongs to it.
void entry_place_free(const struct vault *vault, unsigned i);

#endif
