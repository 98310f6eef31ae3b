// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of suites (suites.h). Errors: NULL.
#include "record/suites.h"

#include <stddef.h>

static const struct suite suites[] = {
    {0x1301, "TLS_AES_128_GCM_SHA256", RECORD_AES_128_GCM, false},
    {0x1302, "TLS_AES_256_GCM_SHA384", RECORD_AES_256_GCM, true},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", RECORD_CHACHA20_POLY1305, false},
    {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", RECORD_AES_128_GCM, false},
    {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", RECORD_AES_256_GCM, true},
    {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", RECORD_AES_128_GCM, false},
    {0xc030, "ECDHE-RSA-AES256-GCM-SHA384", RECORD_AES_256_GCM, true},
    {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", RECORD_CHACHA20_POLY1305, false},
    {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305", RECORD_CHACHA20_POLY1305, false},
};

const struct suite *suite_find(uint16_t id)
{
    for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++)
        if (suites[i].id == id)
            return &suites[i];
    return NULL;
}

const char *suite_version_name(uint16_t version)
{
    return version == RECORD_TLS13 ? "TLSv1.3" : version == RECORD_TLS12 ? "TLSv1.2" : NULL;
}
