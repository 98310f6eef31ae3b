// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// By which signals workers have crashed, and how often (struct vault_deaths).
//
// Errors: none.
#ifndef STAYD_VAULT_DEATHS_H
#define STAYD_VAULT_DEATHS_H

#include "vault/layout.h"

// The signal's place in vault_deaths.crashes, or VAULT_CRASH_SIGNALS: it is no crash.
unsigned deaths_find(int signal_number);

// How often workers have crashed, by signal: "SEGV:2 ABRT:1"; "" if never.
#define DEATHS_CRASHES_BYTES 128u
const char *deaths_print_crashes(char text[DEATHS_CRASHES_BYTES], const struct vault_head *head);

#endif
