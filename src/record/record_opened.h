// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What comes of opening a record.
//
// Errors: RECORD_ALERT and RECORD_DEAD are the peer's, RECORD_FAILED is ours.
#ifndef STAYD_RECORD_OPENED_H
#define STAYD_RECORD_OPENED_H

#include "record/record_key.h"
#include "record/record_state.h"

enum record_status {
    RECORD_MORE,    // not a whole record yet; nothing changed
    RECORD_TEXT,    // a record was opened; n_text bytes (0 is legal) were written
    RECORD_REKEYED, // a KeyUpdate was taken: use next_key and next_state from now on
    RECORD_CLOSED,  // close_notify: the player will say nothing more
    RECORD_DEAD,    // the peer sent a fatal alert (in `alert`): send nothing, close
    RECORD_ALERT,   // the peer broke the protocol: send fatal `alert`, close
    RECORD_FAILED,  // ours: OpenSSL failed or out of room; nothing changed
};

struct record_opened {
    enum record_status status;
    size_t n_read;             // input consumed (a whole record, or 0)
    size_t n_text;             // bytes written to text
    uint8_t alert;             // RECORD_DEAD, RECORD_ALERT
    struct record_state state; // the new state; valid for TEXT, REKEYED, CLOSED
    struct record_key key;     // the new key; valid for REKEYED only
};

#endif
