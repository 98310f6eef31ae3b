// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who may come in as whom: players' passwords and certificates. A certificate is known by the
// SHA-256 of the whole of it; stayd's handshake has proved that the player holds its key.
//
// Errors: told by the result; the rest is db.h's.
#ifndef MINIMUSH_ACCOUNT_H
#define MINIMUSH_ACCOUNT_H

#include "password.h"
#include "world.h"

#define ACCOUNT_FINGERPRINT_BYTES 32u
#define ACCOUNT_MAX_CERTIFICATES 10u // a player

// NULL: no such player. hash: what passwords_ask wants.
struct object *account_find(struct world *world, const char *name, char hash[PASSWORD_HASH_BYTES]);

// The very first player is made a wizard. NULL: the name is taken.
struct object *account_create(struct world *world, const char *name, const char *hash);

void account_set_hash(struct world *world, const struct object *player, const char *hash);

// False: it has this certificate already.
bool account_add_certificate(struct world *world, const struct object *player,
                             const uint8_t *fingerprint, const char *name);
bool account_has_certificate(struct world *world, const struct object *player,
                             const uint8_t *fingerprint);

struct account_certificate {
    uint8_t fingerprint[ACCOUNT_FINGERPRINT_BYTES];
    char name[64];
    char added[24];
};

// At most ACCOUNT_MAX_CERTIFICATES, the oldest first. Returns how many.
size_t account_certificates(struct world *world, const struct object *player,
                            struct account_certificate *out);
void account_remove_certificate(struct world *world, const struct object *player,
                                const uint8_t *fingerprint);

// The names of the players who have this certificate, "One, Two"; "" when there are none.
void account_names_of(struct world *world, const uint8_t *fingerprint, char *out, size_t out_size);

#endif
