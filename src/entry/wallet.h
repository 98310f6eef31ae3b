// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The wallet: what is served, certificates with their chains and keys and the authorities of
// client-ca, written into a file in memory. A process that is executed later has none of the heap,
// and may have no right to read the files, or find that they have become worse: it goes on with
// what the wallet has (certs_wish.before).
//
// The wallet holds private keys, so its file is nobody's but stayd's: a memfd. A writer that is
// killed leaves an empty wallet, and one that is empty, damaged or of another version is none.
//
// Errors: of a wallet that cannot be written, false with errno; one that cannot be read is NULL.
#ifndef STAYD_ENTRY_WALLET_H
#define STAYD_ENTRY_WALLET_H

#include "conf/conf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALLET_MAX_BYTES (16u << 20)

struct certs;
struct wallet;

// Put in the certificates of all listeners that have some, in the place of all that the file holds.
// certs is by the listeners' indices. False with errno, and the wallet is empty: EFBIG, ENOMEM,
// ENOSPC.
bool wallet_write(int fd, const struct conf *conf, struct certs *const certs[CONF_MAX_LISTENERS]);

// The whole wallet, whatever the file's offset is; for wallet_free. NULL: there is none, or no
// memory.
struct wallet *wallet_read(int fd);
void wallet_free(struct wallet *wallet); // may be NULL

// The same, of the bytes that stand behind the file's head: their digest is not looked at.
struct wallet *wallet_parse(const uint8_t *body, size_t n_body);

// What was served by the listener of this name, for certs_wish.before: it lasts as long as the
// wallet, and has no contexts. NULL: nothing was; wallet may be NULL.
const struct certs *wallet_find(const struct wallet *wallet, const char *listener);

#endif
