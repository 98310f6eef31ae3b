// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Sitelocks in the file (shut.h).
#include "shut.h"

#include <stdio.h>

static void copy(struct shut_pattern *pattern, sqlite3_stmt *row)
{
    snprintf(pattern->text, sizeof pattern->text, "%s", db_text(row, 0));
}

bool shut_out(struct world *world, const struct sockaddr_storage *sockaddr, const char *address,
              const char *host, struct shut_pattern *pattern)
{
    struct db *db = world_db(world);
    sqlite3_stmt *row = db_ask(db, "SELECT pattern FROM sitelock ORDER BY pattern", "");
    while (db_next(db, row)) {
        copy(pattern, row);
        if (sitelock_matches(pattern->text, sockaddr, address, host)) {
            sqlite3_reset(row);
            return true;
        }
    }
    return false;
}

bool shut_at(struct world *world, size_t i, struct shut_pattern *pattern)
{
    struct db *db = world_db(world);
    bool is_there = false;
    sqlite3_stmt *row = db_ask(db, "SELECT pattern FROM sitelock ORDER BY pattern LIMIT 1 OFFSET ?",
                               "i", (int64_t)i);
    while (db_next(db, row)) {
        copy(pattern, row);
        is_there = true;
    }
    return is_there;
}

bool shut_add(struct world *world, const char *pattern, const char *by)
{
    return db_do(world_db(world), "INSERT INTO sitelock (pattern, added_by) VALUES (?, ?)", "ss",
                 pattern, by) == DB_DONE;
}

bool shut_remove(struct world *world, const char *pattern)
{
    struct db *db = world_db(world);
    db_do(db, "DELETE FROM sitelock WHERE pattern = ?", "s", pattern);
    return sqlite3_changes(db->file) > 0;
}
