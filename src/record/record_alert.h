// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Alerts by their names (RFC 8446, section 6, and of older versions: RFC 5246, section 7.2), for
// the log.
//
// Errors: none.
#ifndef STAYD_RECORD_ALERT_H
#define STAYD_RECORD_ALERT_H

#include <stdint.h>

#define RECORD_ALERT_NAME_BYTES 40u

// "bad_record_mac"; "alert_200" if there is no such alert. Returns text.
const char *record_alert_name(char text[RECORD_ALERT_NAME_BYTES], uint8_t alert);

#endif
