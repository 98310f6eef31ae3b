// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a balancer has said of a player, as facts of the arrival (vault/facts.h).
//
// Where the balancer has ended the player's TLS, it is that TLS which the game is told of: what our
// own handshake has shown, if there was one, is the balancer's, but for the name that was asked for.
// Otherwise what the player has shown us comes before the balancer's word.
//
// Errors: a fact that does not fit is logged and left out.
#ifndef STAYD_ENTRY_VOUCH_H
#define STAYD_ENTRY_VOUCH_H

#include "entry/proxy.h"
#include "vault/arrival.h"

// arrival: address and the facts of our own handshake are there.
void vouch_fill(struct arrival *arrival, const struct proxy *proxy);

#endif
