// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// OpenSSL wipes keys where it knows them for keys, but frees an SSL with its traffic secrets, and a
// session encoded for its ticket, as they are. libevent's buffers hold what the control channel says,
// resume states among it. So all that the two give back is wiped.
//
// Errors: none.
#ifndef STAYD_BASE_WIPE_H
#define STAYD_BASE_WIPE_H

// Once, before OpenSSL is used (CRYPTO_set_mem_functions(3)).
void wipe_what_openssl_frees(void);

// Once, before libevent is used (event_set_mem_functions).
void wipe_what_libevent_frees(void);

#endif
