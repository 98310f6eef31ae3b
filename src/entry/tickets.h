// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Session tickets whose keys are kept in the vault, so that a player can resume
// a session with a worker other than the one that gave the ticket. One key makes
// tickets, the one before it still opens them; a new one every
// TICKETS_ROTATE_S. Opening with the old key asks OpenSSL to give a new ticket.
// Whether a session that was opened may go on is another question (certs_sessions.c).
//
// The keys are written by one process at a time (the one that runs tickets_tick),
// and a kill at any instruction leaves a usable state: the key not in use is
// marked empty, written, marked full, and then ticket_current flips to it.
//
// Errors: without a key no ticket is given and none is opened: handshakes are
// full ones. Logged.
#ifndef STAYD_ENTRY_TICKETS_H
#define STAYD_ENTRY_TICKETS_H

#include "vault/layout.h"
#include <openssl/ssl.h>
#include <stdint.h>

#define TICKETS_ROTATE_S (12u * 3600u)

// Use this vault's keys from now on, and make the first one if there is none. Call it before the
// first handshake; a cloned process goes on with its parent's vault.
void tickets_init(struct vault_head *head);

// Make a context give and open tickets with the keys of tickets_init's vault.
void tickets_attach(SSL_CTX *context);

// Make a new key if the present one is old. Call it on a timer, once a minute is plenty.
void tickets_tick(struct vault_head *head, uint64_t now_boot_s);

#endif
