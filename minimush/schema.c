// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Tables and migration (schema.h). Version 0 is a new file, or one of the first minimush, which did
// not number its tables; that is 1 here.
//
// Errors: as in schema.h.
#include "schema.h"

#include "scenery.h"

#include <stdio.h>

// kind, flags: world.h. place: the room or player that holds it; of an exit, the room that it
// leads out of. target: where an exit leads; a player's or thing's home. 0: none.
static const char tables[] =
    "CREATE TABLE object ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, name TEXT NOT NULL,"
    "  description TEXT NOT NULL DEFAULT '', owner INTEGER NOT NULL DEFAULT 0,"
    "  place INTEGER NOT NULL DEFAULT 0, target INTEGER NOT NULL DEFAULT 0,"
    "  flags INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
    "CREATE UNIQUE INDEX player_name ON object (name COLLATE NOCASE) WHERE kind = 3;"
    // channels: a bit for each channel that the player has joined.
    "CREATE TABLE player ("
    "  id INTEGER PRIMARY KEY REFERENCES object, hash TEXT NOT NULL,"
    "  channels INTEGER NOT NULL DEFAULT 0, doing TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE certificate ("
    "  fingerprint BLOB NOT NULL, player INTEGER NOT NULL REFERENCES player,"
    "  name TEXT NOT NULL, added TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,"
    "  PRIMARY KEY (fingerprint, player)) WITHOUT ROWID;"
    "CREATE TABLE channel ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
    "INSERT INTO channel (id, name) VALUES (0, 'Public');"
    "CREATE TABLE IF NOT EXISTS sitelock ("
    "  pattern TEXT PRIMARY KEY COLLATE NOCASE, added_by TEXT NOT NULL,"
    "  added TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
    // ledger.h says what these two are for.
    "CREATE TABLE connection ("
    "  id BLOB PRIMARY KEY, player INTEGER NOT NULL, phase INTEGER NOT NULL,"
    "  n_input INTEGER NOT NULL, marks INTEGER NOT NULL, n_output INTEGER NOT NULL,"
    "  connected_at INTEGER NOT NULL, spoke_at INTEGER NOT NULL, is_telnet INTEGER NOT NULL,"
    "  charset INTEGER NOT NULL, paged TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE outbox ("
    "  connection BLOB NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL,"
    "  PRIMARY KEY (connection, at)) WITHOUT ROWID;";

// Characters keep their numbers, as a reboot from the old program into this one names them; rooms
// and exits get numbers behind theirs.
static const char from_1[] =
    "CREATE TEMP TABLE shift AS SELECT (SELECT coalesce(max(id), 0) FROM character) AS rooms,"
    "  (SELECT coalesce(max(id), 0) FROM character) + (SELECT max(id) FROM room) AS exits;"
    "INSERT INTO object (id, kind, name, description)"
    "  SELECT id + rooms, 0, name, description FROM room, shift;"
    "INSERT INTO object (id, kind, name, place, target)"
    "  SELECT id + exits, 2, iif(alias = '', name, name || ';' || alias), room + rooms,"
    "    target + rooms FROM exit, shift;"
    "INSERT INTO object (id, kind, name, owner, place, target, flags, created)"
    "  SELECT id, 3, name, 0, room + rooms, rooms + (SELECT min(id) FROM room),"
    "    iif(is_wizard, 2, 0), created FROM character, shift;"
    "INSERT INTO player (id, hash, channels) SELECT id, hash, 1 FROM character;"
    "DROP TABLE exit; DROP TABLE room; DROP TABLE character; DROP TABLE shift;";

static int number_of(struct db *db, const char *sql)
{
    sqlite3_stmt *statement;
    int number = -1;
    if (sqlite3_prepare_v2(db->file, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static bool write_tables(struct db *db, const char *content)
{
    char *sql = sqlite3_mprintf("%s%s PRAGMA user_version = %d;", tables, content, SCHEMA_VERSION);
    bool is_done = sql && db_script(db, sql);
    sqlite3_free(sql);
    return is_done;
}

bool schema_update(struct db *db)
{
    int version = number_of(db, "PRAGMA user_version");
    if (version > SCHEMA_VERSION || version < 0) {
        fprintf(stderr,
                "minimush: %s: its tables have version %d, and this minimush knows %d at most;"
                " start the newer one\n",
                db->path, version, SCHEMA_VERSION);
        return false;
    }
    if (version == SCHEMA_VERSION)
        return true;
    bool is_old = number_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'room'") == 1;
    return write_tables(db, is_old ? from_1 : scenery_sql);
}
