// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Passwords and certificates in the file (account.h).
#include "account.h"

#include <stdio.h>
#include <string.h>

struct object *account_find(struct world *world, const char *name, char hash[PASSWORD_HASH_BYTES])
{
    struct db *db = world_db(world);
    struct object *player = world_find_player(world, name);
    hash[0] = '\0';
    if (player) {
        sqlite3_stmt *row = db_ask(db, "SELECT hash FROM player WHERE id = ?", "i", player->id);
        while (db_next(db, row))
            snprintf(hash, PASSWORD_HASH_BYTES, "%s", db_text(row, 0));
    }
    return player;
}

struct object *account_create(struct world *world, const char *name, const char *hash)
{
    bool is_first = !world_has_players(world);
    struct object *start = world_start(world);
    struct object *player = world_make(world, WORLD_PLAYER, name, 0, start, start);
    if (!player)
        return NULL;
    player->channels = 1; // Public
    db_do(world_db(world), "INSERT INTO player (id, hash, channels) VALUES (?, ?, ?)", "isi",
          player->id, hash, (int64_t)player->channels);
    if (is_first)
        world_set_flags(world, player, WORLD_WIZARD);
    return player;
}

void account_set_hash(struct world *world, const struct object *player, const char *hash)
{
    db_do(world_db(world), "UPDATE player SET hash = ? WHERE id = ?", "si", hash, player->id);
}

bool account_add_certificate(struct world *world, const struct object *player,
                             const uint8_t *fingerprint, const char *name)
{
    return db_do(world_db(world),
                 "INSERT INTO certificate (fingerprint, player, name) VALUES (?, ?, ?)", "bis",
                 (const void *)fingerprint, (size_t)ACCOUNT_FINGERPRINT_BYTES, player->id,
                 name) == DB_DONE;
}

bool account_has_certificate(struct world *world, const struct object *player,
                             const uint8_t *fingerprint)
{
    struct db *db = world_db(world);
    sqlite3_stmt *row =
        db_ask(db, "SELECT 1 FROM certificate WHERE fingerprint = ? AND player = ?", "bi",
               (const void *)fingerprint, (size_t)ACCOUNT_FINGERPRINT_BYTES, player->id);
    bool has_it = false;
    while (db_next(db, row))
        has_it = true;
    return has_it;
}

size_t account_certificates(struct world *world, const struct object *player,
                            struct account_certificate *out)
{
    struct db *db = world_db(world);
    size_t n = 0;
    sqlite3_stmt *row = db_ask(db,
                               "SELECT fingerprint, name, added FROM certificate WHERE player = ?"
                               " ORDER BY added, fingerprint LIMIT ?",
                               "ii", player->id, (int64_t)ACCOUNT_MAX_CERTIFICATES);
    while (db_next(db, row)) {
        if (sqlite3_column_bytes(row, 0) == (int)sizeof out[n].fingerprint) {
            memcpy(out[n].fingerprint, sqlite3_column_blob(row, 0), sizeof out[n].fingerprint);
            snprintf(out[n].name, sizeof out[n].name, "%s", db_text(row, 1));
            snprintf(out[n].added, sizeof out[n].added, "%s", db_text(row, 2));
            n++;
        }
    }
    return n;
}

void account_remove_certificate(struct world *world, const struct object *player,
                                const uint8_t *fingerprint)
{
    db_do(world_db(world), "DELETE FROM certificate WHERE fingerprint = ? AND player = ?", "bi",
          (const void *)fingerprint, (size_t)ACCOUNT_FINGERPRINT_BYTES, player->id);
}

void account_names_of(struct world *world, const uint8_t *fingerprint, char *out, size_t out_size)
{
    struct db *db = world_db(world);
    size_t n = 0;
    out[0] = '\0';
    sqlite3_stmt *row = db_ask(db,
                               "SELECT o.name FROM certificate c JOIN object o ON o.id = c.player"
                               " WHERE fingerprint = ? ORDER BY o.name LIMIT 10",
                               "b", (const void *)fingerprint, (size_t)ACCOUNT_FINGERPRINT_BYTES);
    while (db_next(db, row)) {
        n += (size_t)snprintf(out + n, out_size - n, "%s%s", n > 0 ? ", " : "", db_text(row, 0));
        n = n < out_size ? n : out_size - 1;
    }
}
