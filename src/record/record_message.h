// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the player may still say after the handshake beside text: alerts,
// KeyUpdate (TLS 1.3), and ClientHello, which asks for a renegotiation that it does
// not get (TLS 1.2). For record.c only.
//
// Errors: the peer's are answered in opened (RECORD_ALERT); RECORD_FAILED when
// a next key could not be computed.
#ifndef STAYD_RECORD_MESSAGE_H
#define STAYD_RECORD_MESSAGE_H

#include "record/record_opened.h"

enum record_type { // RFC 8446, section 5.1
    RECORD_TYPE_CHANGE_CIPHER_SPEC = 20,
    RECORD_TYPE_ALERT = 21,
    RECORD_TYPE_HANDSHAKE = 22,
    RECORD_TYPE_DATA = 23,
};

// Take the content of an authentic record of the given type. opened->state is
// the state after the record as far as framing goes; status, n_text, alert,
// state and key are set here.
void record_message_take(const struct record_params *params, const struct record_key *key,
                         uint8_t type, const uint8_t *content, size_t n_content,
                         struct record_opened *opened);

#endif
