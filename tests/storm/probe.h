// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Somebody who only looks: does stayd listen, and which certificate does it show? Blocks, for a
// thread of its own. Errors: see the functions.
#ifndef STAYD_STORM_PROBE_H
#define STAYD_STORM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

// Does anybody take connections there? Address in host order.
bool probe_listens(uint32_t address, uint16_t port);

// The serial number of the certificate that is shown at 127.0.0.1; -1: the handshake failed, as one
// does in the middle of which the entry is killed.
long probe_serial(uint16_t port);

#endif
