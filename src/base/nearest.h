// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// "Did you mean": the nearest of some names to a misspelt word, or to the beginning of one.
//
// Errors: none.
#ifndef STAYD_BASE_NEAREST_H
#define STAYD_BASE_NEAREST_H

// NULL: none is near.
const char *nearest_find(const char *word, const char *const *names, unsigned n_names);

#endif
