// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The last words to who is not let in: why, and that the connection is closed (linger.h). Who has
// come as far as a slot is told in the same words over that (players/seats.h).
//
// Errors: what cannot be sent at once is not sent.
#ifndef STAYD_ENTRY_FAREWELL_H
#define STAYD_ENTRY_FAREWELL_H

#include "entry/linger.h"
#include "entry/verdict.h"

#include <stdbool.h>

// Tell a newcomer why it is not let in: in a line, or, if TLS is spoken, by an alert; and close.
//
// The alert comes in the place of an answer to the ClientHello, where RFC 8446, section 6, has it
// sent unencrypted. It is internal_error, "unrelated to the peer", of which a program knows that
// trying again later may help; to who is denied it is access_denied.
void farewell_refuse(struct lingering *lingering, int fd, bool is_tls, enum gate_verdict why);

// The line for a player, without its end; "": there is nothing to say.
const char *farewell_words(enum gate_verdict why);

#endif
