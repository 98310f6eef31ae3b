// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// SQLite (db.h). The journal is a write-ahead log, and synchronous is NORMAL: COMMIT then means
// that write(2) has taken the log's bytes, not that the disk has. What write(2) has taken belongs
// to the kernel, and stays when the process that wrote it is killed at any instruction, so a crash
// of the game loses nothing that was committed. A crash of the machine can take the
// last moments, never the file; but it takes the players' connections with it as well.
//
// Errors: as in db.h.
#include "db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUSY_MS 2000

static void say(const struct db *db, const char *what)
{
    fprintf(stderr, "minimush: %s: %s: %s\n", db->path, what, sqlite3_errmsg(db->file));
}

_Noreturn static void give_up(const struct db *db, const char *what)
{
    say(db, what);
    fprintf(stderr, "minimush: the world cannot be written to, so the game ends here. Players are"
                    " held; start it again when the file can be written.\n");
    _Exit(1);
}

bool db_open(struct db *db, const char *path)
{
    *db = (struct db){.path = path};
    if (sqlite3_open(path, &db->file) != SQLITE_OK) {
        say(db, "cannot be opened");
        return false;
    }
    sqlite3_busy_timeout(db->file, BUSY_MS);
    if (sqlite3_exec(db->file, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", NULL,
                     NULL, NULL) != SQLITE_OK) {
        say(db, "cannot be used");
        return false;
    }
    return true;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < db->n_statements; i++)
        sqlite3_finalize(db->statements[i].statement);
    sqlite3_close(db->file);
    *db = (struct db){0};
}

bool db_script(struct db *db, const char *sql)
{
    if (sqlite3_exec(db->file, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db->file, sql, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db->file, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        say(db, "the tables");
        sqlite3_exec(db->file, "ROLLBACK", NULL, NULL, NULL);
        return false;
    }
    return true;
}

static sqlite3_stmt *prepared(struct db *db, const char *sql)
{
    for (size_t i = 0; i < db->n_statements; i++)
        if (db->statements[i].sql == sql)
            return db->statements[i].statement;
    sqlite3_stmt *statement;
    if (db->n_statements == DB_MAX_STATEMENTS ||
        sqlite3_prepare_v3(db->file, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
            SQLITE_OK)
        give_up(db, sql);
    db->statements[db->n_statements].sql = sql;
    db->statements[db->n_statements++].statement = statement;
    return statement;
}

// Texts and blobs are the caller's until the statement is reset, so none is copied.
static void bind(sqlite3_stmt *statement, const char *kinds, va_list args)
{
    for (int i = 0; kinds[i] != '\0'; i++) {
        if (kinds[i] == 'i') {
            sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        } else if (kinds[i] == 's') {
            sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        } else {
            const void *bytes = va_arg(args, const void *);
            sqlite3_bind_blob64(statement, i + 1, bytes, va_arg(args, size_t), SQLITE_STATIC);
        }
    }
}

sqlite3_stmt *db_ask(struct db *db, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement = prepared(db, sql);
    va_list args;
    va_start(args, kinds);
    bind(statement, kinds, args);
    va_end(args);
    return statement;
}

bool db_next(struct db *db, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        give_up(db, sqlite3_sql(statement));
    sqlite3_reset(statement);
    return false;
}

static void step(struct db *db, const char *sql)
{
    sqlite3_stmt *statement = prepared(db, sql);
    if (sqlite3_step(statement) != SQLITE_DONE)
        give_up(db, sql);
    sqlite3_reset(statement);
}

enum db_status db_do(struct db *db, const char *sql, const char *kinds, ...)
{
    if (!db->is_changed) {
        step(db, "BEGIN IMMEDIATE");
        db->is_changed = true;
    }
    sqlite3_stmt *statement = prepared(db, sql);
    va_list args;
    va_start(args, kinds);
    bind(statement, kinds, args);
    va_end(args);
    int result = sqlite3_step(statement);
    if (result != SQLITE_DONE && result != SQLITE_CONSTRAINT)
        give_up(db, sql);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? DB_DONE : DB_TAKEN;
}

void db_commit(struct db *db)
{
    if (db->is_changed) {
        step(db, "COMMIT");
        db->is_changed = false;
    }
}

const char *db_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}
