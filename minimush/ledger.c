// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The tables of connections and of output owed (ledger.h).
#include "ledger.h"

#include <stdio.h>
#include <string.h>

#define ID(id) (const void *)(id), (size_t)LEDGER_ID_BYTES

#define COLUMNS                                                                                    \
    "player, phase, n_input, marks, n_output, connected_at, spoke_at, is_telnet, charset, paged,"  \
    " id"
#define ID_COLUMN 10
#define SWEEP_MOST 256u // the rest is for the next time

static void read_entry(sqlite3_stmt *row, struct ledger_entry *entry)
{
    *entry = (struct ledger_entry){
        .player = sqlite3_column_int64(row, 0),
        .phase = (enum ledger_phase)sqlite3_column_int(row, 1),
        .n_input = (uint64_t)sqlite3_column_int64(row, 2),
        .marks = (unsigned)sqlite3_column_int(row, 3),
        .n_output = (uint64_t)sqlite3_column_int64(row, 4),
        .connected_at = sqlite3_column_int64(row, 5),
        .spoke_at = sqlite3_column_int64(row, 6),
        .is_telnet = sqlite3_column_int(row, 7) != 0,
        .charset = (unsigned)sqlite3_column_int(row, 8),
    };
    snprintf(entry->paged, sizeof entry->paged, "%s", db_text(row, 9));
}

bool ledger_find(struct db *db, const uint8_t *id, struct ledger_entry *entry)
{
    sqlite3_stmt *row = db_ask(db, "SELECT " COLUMNS " FROM connection WHERE id = ?", "b", ID(id));
    bool is_known = false;
    while (db_next(db, row)) {
        is_known = true;
        read_entry(row, entry);
    }
    return is_known;
}

void ledger_each(struct db *db,
                 void (*take)(void *arg, const uint8_t *id, const struct ledger_entry *entry),
                 void *arg)
{
    struct ledger_entry entry;
    sqlite3_stmt *row = db_ask(db, "SELECT " COLUMNS " FROM connection ORDER BY connected_at", "");
    while (db_next(db, row)) {
        if (sqlite3_column_bytes(row, ID_COLUMN) == LEDGER_ID_BYTES) {
            read_entry(row, &entry);
            take(arg, sqlite3_column_blob(row, ID_COLUMN), &entry);
        }
    }
}

void ledger_put(struct db *db, const uint8_t *id, const struct ledger_entry *entry)
{
    db_do(db,
          "INSERT OR REPLACE INTO connection (id, player, phase, n_input, marks, n_output,"
          " connected_at, spoke_at, is_telnet, charset, paged)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          "biiiiiiiiis", ID(id), entry->player, (int64_t)entry->phase, (int64_t)entry->n_input,
          (int64_t)entry->marks, (int64_t)entry->n_output, entry->connected_at, entry->spoke_at,
          (int64_t)entry->is_telnet, (int64_t)entry->charset, entry->paged);
}

void ledger_add_output(struct db *db, const uint8_t *id, uint64_t at, const void *bytes, size_t n)
{
    db_do(db, "INSERT INTO outbox (connection, at, bytes) VALUES (?, ?, ?)", "bib", ID(id),
          (int64_t)at, bytes, n);
}

void ledger_drop_output(struct db *db, const uint8_t *id, uint64_t taken)
{
    db_do(db, "DELETE FROM outbox WHERE connection = ? AND at + length(bytes) <= ?", "bi", ID(id),
          (int64_t)taken);
}

size_t ledger_each_output(struct db *db, const uint8_t *id, uint64_t from,
                          void (*take)(void *arg, const void *bytes, size_t n), void *arg)
{
    size_t n_pieces = 0;
    sqlite3_stmt *row =
        db_ask(db, "SELECT at, bytes FROM outbox WHERE connection = ? ORDER BY at", "b", ID(id));
    while (db_next(db, row)) {
        uint64_t at = (uint64_t)sqlite3_column_int64(row, 0);
        const uint8_t *bytes = sqlite3_column_blob(row, 1);
        size_t n = (size_t)sqlite3_column_bytes(row, 1);
        size_t n_passed = at >= from ? 0 : from - at < n ? (size_t)(from - at) : n;
        n_pieces++;
        if (n > n_passed)
            take(arg, bytes + n_passed, n - n_passed);
    }
    return n_pieces;
}

void ledger_forget(struct db *db, const uint8_t *id)
{
    db_do(db, "DELETE FROM outbox WHERE connection = ?", "b", ID(id));
    db_do(db, "DELETE FROM connection WHERE id = ?", "b", ID(id));
}

void ledger_sweep(struct db *db, bool only_leaving, bool (*is_here)(void *arg, const uint8_t *id),
                  void *arg)
{
    uint8_t gone[SWEEP_MOST][LEDGER_ID_BYTES];
    size_t n_gone = 0;
    sqlite3_stmt *row = db_ask(db, "SELECT id, phase FROM connection", "");
    while (db_next(db, row)) {
        const uint8_t *id = sqlite3_column_blob(row, 0);
        bool is_meant = !only_leaving || sqlite3_column_int(row, 1) == LEDGER_LEAVING;
        if (is_meant && n_gone < SWEEP_MOST && sqlite3_column_bytes(row, 0) == LEDGER_ID_BYTES &&
            !is_here(arg, id))
            memcpy(gone[n_gone++], id, LEDGER_ID_BYTES);
    }
    for (size_t i = 0; i < n_gone; i++)
        ledger_forget(db, gone[i]);
}
