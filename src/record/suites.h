// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The cipher suites that can be taken over, which are all that are offered
// (RFC 8446 B.4, RFC 5289, RFC 7905).
//
// Errors: NULL for any other suite.
#ifndef STAYD_RECORD_SUITES_H
#define STAYD_RECORD_SUITES_H

#include "record/record_params.h"

#include <stdbool.h>

struct suite {
    uint16_t id;      // IANA
    const char *name; // OpenSSL's
    enum record_cipher cipher;
    bool is_sha384;
};

const struct suite *suite_find(uint16_t id);

// "TLSv1.2", "TLSv1.3", or NULL.
const char *suite_version_name(uint16_t version);

#endif
