// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making and removing it (minimush_folder.h). Errors: as there.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db.h"
#include "minimush_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/minimush-test-XXXXXX";

int folder_make(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) == NULL;
}

int folder_remove(void **state)
{
    static const char *const names[] = {"world.db", "world.db-wal", "world.db-shm",
                                        "minimush.conf"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(folder_path(names[i]));
    return rmdir(folder);
}

const char *folder_path(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

struct world *folder_open_world(void)
{
    struct world *world = world_open(folder_path("world.db"));
    assert_non_null(world);
    return world;
}

void folder_close_world(struct world *world)
{
    db_commit(world_db(world));
    world_close(world);
}
