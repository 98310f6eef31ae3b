// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a name server's answer says (RFC 1035, section 4.1), behind all aliases (CNAME) that lead away
// from the question's name. The bytes may be anything; of one answer 64 records are looked at.
//
// Errors: what cannot be read says nothing.
#ifndef STAYD_GAME_DNS_ANSWER_H
#define STAYD_GAME_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Is that the question, with each letter in the case in which it was asked?
bool dns_answer_repeats(const uint8_t *answer, size_t n_answer, const char *question);

// Called for each name that an address leads to (PTR); a name may hold any characters.
typedef void dns_answer_name_fn(void *arg, const char *name);
void dns_answer_names(const uint8_t *answer, size_t n_answer, const char *question,
                      dns_answer_name_fn *each, void *arg);

// Is this address, of 4 bytes (A) or 16 (AAAA), one of the name's?
bool dns_answer_has(const uint8_t *answer, size_t n_answer, const char *question,
                    const uint8_t *address, size_t n_address);

#endif
