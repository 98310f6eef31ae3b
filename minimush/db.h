// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The one SQLite file, and its one transaction: the first change in a turn of the event loop begins
// it, db_commit at the turn's end ends it. Statements are prepared once and kept.
//
// Errors: a name or key that is taken is told apart (DB_TAKEN), as players cause it. Whatever else
// SQLite cannot do ends the process, with words on stderr: what was done since the last commit is
// in memory already and cannot be undone there, and it must not be shown before it is safe.
// stayd keeps the players, and the next process goes on from the last commit: nothing is lost but
// time, and nothing is done twice.
#ifndef MINIMUSH_DB_H
#define MINIMUSH_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DB_MAX_STATEMENTS 64u

struct db {
    sqlite3 *file;
    const char *path;
    bool is_changed; // a transaction is open
    size_t n_statements;
    struct {
        const char *sql; // a literal: its address tells it from the others
        sqlite3_stmt *statement;
    } statements[DB_MAX_STATEMENTS];
};

enum db_status { DB_DONE, DB_TAKEN };

// False: words are on stderr. path stays the caller's.
bool db_open(struct db *db, const char *path);
void db_close(struct db *db);

// Several statements without parameters, in one transaction of their own. False: words on stderr.
bool db_script(struct db *db, const char *sql);

// A question. kinds has a letter for each parameter: 'i' int64_t, 's' string, 'b' two arguments,
// const void * and size_t. Then db_next until it says false.
sqlite3_stmt *db_ask(struct db *db, const char *sql, const char *kinds, ...);

// The next row. False: there is no further one, and the statement is free for its next use. Who
// stops earlier calls sqlite3_reset.
bool db_next(struct db *db, sqlite3_stmt *statement);

// A change.
enum db_status db_do(struct db *db, const char *sql, const char *kinds, ...);

// Make all changes last. Free of cost when there were none.
void db_commit(struct db *db);

// A column's text, never NULL.
const char *db_text(sqlite3_stmt *statement, int column);

#endif
