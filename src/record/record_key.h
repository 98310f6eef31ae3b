// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What record.c and record_message.c need of the key derivation beyond record.h.
//
// Errors: false means that OpenSSL failed.
#ifndef STAYD_RECORD_KEY_H
#define STAYD_RECORD_KEY_H

#include "record/record.h"

bool record_key_init(void);
void record_key_free(void);

// TLS 1.3: the key after a KeyUpdate (RFC 8446, section 7.2). next may be key.
bool record_key_next(const struct record_params *params, const struct record_key *key,
                     struct record_key *next);

#endif
