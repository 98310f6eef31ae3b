// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A likeness of the vault, for a program that is not trusted yet: head and slots as they stand at
// this moment, without their secrets. It is a memfd of its own, sealed against every change, so
// that neither a mistake nor ill will in that program reaches a player.
//
// What is left out reads as zero: keys of connections and of tickets, resume states, and all
// chunks.
//
// Errors: -1 with errno.
#ifndef STAYD_VAULT_LIKENESS_H
#define STAYD_VAULT_LIKENESS_H

#include "vault/vault.h"

// A descriptor, the caller's, for vault_map_to_look.
int vault_likeness(const struct vault *vault);

#endif
