// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Session tickets whose keys are kept in the vault and shown to entries (vault/view.h), so that a player
// can resume a session with an entry other than the one that gave the ticket. One key makes
// tickets, the one before it still opens them; a new one every
// TICKETS_ROTATE_S. Opening with the old key asks OpenSSL to give a new ticket.
// Whether a session that was opened may go on is another question (certs_sessions.c).
//
// The keys are written by one process at a time (the guard, which runs tickets_tick),
// and a kill at any instruction leaves a usable state: the key not in use is
// marked empty, written, marked full, and then ticket_current flips to it.
//
// Errors: without a key no ticket is given and none is opened: handshakes are
// full ones. Logged.
#ifndef STAYD_ENTRY_TICKETS_H
#define STAYD_ENTRY_TICKETS_H

#include "vault/layout.h"
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define TICKETS_ROTATE_S (12u * 3600u)

// Use these keys from now on. Call it before the first handshake.
void tickets_use(const struct vault_view *view);

// Make a context give and open tickets with the keys of tickets_use.
void tickets_attach(SSL_CTX *context);

// Make a new key if there is none, or the present one is old. True: there is a new one. Call it now
// and then; tickets_due says when, at the latest.
bool tickets_tick(struct vault_view *view, uint64_t now_boot_s);
uint64_t tickets_due(const struct vault_view *view);

#endif
