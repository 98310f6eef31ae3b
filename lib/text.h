// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Texts that come from a peer, checked before a game may show them. A text that does
// not fit or is not printable becomes "": half a name is worse than none.
#ifndef STAY_TEXT_H
#define STAY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Copy n bytes of UTF-8 as a string. False, and "" in out: too long, malformed (overlong forms and
// surrogates included), or with controls (C0, DEL, C1, line and direction marks).
bool stay_text_take(char *out, size_t out_size, const uint8_t *in, size_t n_in);

// The same for host names: letters, digits, '.', '-' and '_' only (RFC 952, RFC 1123; '_' is
// found in reverse zones).
bool stay_text_take_host(char *out, size_t out_size, const uint8_t *in, size_t n_in);

#endif
