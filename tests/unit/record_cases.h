// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The tables of single records, right and wrong, that record_open_test.c runs.
//
// Errors: none; these are data.
#ifndef STAYD_RECORD_CASES_H
#define STAYD_RECORD_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "record_player.h"

enum form { SEALED, RAW };

// A record and what must come of it. RAW: the header is written as given, the body
// is zeros; n_content is the length in the header.
struct record_case {
    const char *name;
    struct player_record record;
    enum record_status status;
    uint8_t alert;
    enum form form;
    uint8_t hs_bytes; // an unfinished message's bytes before it (1.3)
};

extern const struct record_case record_cases_tls13[];
extern const size_t n_record_cases_tls13;
extern const struct record_case record_cases_tls12[];
extern const size_t n_record_cases_tls12;

#endif
