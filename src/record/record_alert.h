// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Alerts: those that records bring and take; and for the log the names of all (RFC 8446, section 6,
// and of older versions: RFC 5246, section 7.2).
//
// Errors: none.
#ifndef STAYD_RECORD_ALERT_H
#define STAYD_RECORD_ALERT_H

#include <stdint.h>

enum record_alert { // RFC 8446, section 6; RFC 5246, section 7.2
    RECORD_CLOSE_NOTIFY = 0,
    RECORD_UNEXPECTED_MESSAGE = 10,
    RECORD_BAD_RECORD_MAC = 20,
    RECORD_OVERFLOW = 22,
    RECORD_HANDSHAKE_FAILURE = 40,
    RECORD_ILLEGAL_PARAMETER = 47,
    RECORD_DECODE_ERROR = 50,
    RECORD_PROTOCOL_VERSION = 70,
    RECORD_INTERNAL_ERROR = 80,
    RECORD_USER_CANCELED = 90,
    RECORD_NO_RENEGOTIATION = 100,
};

#define RECORD_ALERT_NAME_BYTES 40u

// "bad_record_mac"; "alert_200" if there is no such alert. Returns text.
const char *record_alert_name(char text[RECORD_ALERT_NAME_BYTES], uint8_t alert);

#endif
