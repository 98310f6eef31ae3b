// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is known of a player beyond its address: small strings in the slot, each as
// type, length, bytes. They are passed to the game in its header. A fact is there when all of it
// is (I26).
//
// Errors: false when a fact does not fit; the slot is unchanged.
#ifndef STAYD_VAULT_FACTS_H
#define STAYD_VAULT_FACTS_H

#include "vault/layout.h"
#include <stdbool.h>
#include <stddef.h>

enum fact {
    FACT_HOST = 1,        // forward-confirmed host name, text
    FACT_SNI = 2,         // name the client asked for, text
    FACT_ALPN = 3,        // protocol chosen
    FACT_CERT_NAME = 4,   // common name of the client's certificate, UTF-8
    FACT_CERT_SHA256 = 5, // fingerprint of the client's certificate, 32 bytes
    FACT_CERT_VERIFY = 6, // 4 bytes, big endian: X509_V_* of the client's certificate
    // What a balancer has said of it, in its PROXY header:
    FACT_PROXY_TO = 7,  // the address that it connected to, as in a slot, and port: 18 bytes
    FACT_PROXY_ID = 8,  // UNIQUE_ID
    FACT_PROXY_TLS = 9, // it speaks TLS with the balancer: PP2_CLIENT_* (1), verify (4), version
    FACT_PROXY_CIPHER = 10, // ... and by this cipher, text
    FACT_LAST = FACT_PROXY_CIPHER,
};

// Into the room for them of whatever it is, of which *n_used bytes are in use.
bool facts_put(uint8_t facts[SLOT_FACTS_BYTES], uint8_t *n_used, enum fact fact, const void *bytes,
               size_t n_bytes);

// Are these facts, each of them whole? The room for them is SLOT_FACTS_BYTES.
bool facts_are_whole(const uint8_t *facts, size_t n_used);

bool facts_add(struct slot *slot, enum fact fact, const void *bytes, size_t n_bytes);

// The fact's bytes and their number, or NULL.
const uint8_t *facts_look(const uint8_t *facts, size_t n_used, enum fact fact, size_t *n_bytes);
const uint8_t *facts_find(const struct slot *slot, enum fact fact, size_t *n_bytes);

#endif
