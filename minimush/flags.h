// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Objects' flags as players see and type them. Errors: none.
#ifndef MINIMUSH_FLAGS_H
#define MINIMUSH_FLAGS_H

#include <stddef.h>

// "DARK WIZARD", or "none".
const char *flag_names(unsigned flags, char *out, size_t out_size);

// The flag of a name; 0 if there is none.
unsigned flag_of(const char *name);

#endif
