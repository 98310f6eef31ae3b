// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What minimush's ledger keeps of connections and of what is owed to them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ledger.h"
#include "minimush_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char owed[64];

static void take_owed(void *arg, const void *bytes, size_t n)
{
    (void)arg;
    strncat(owed, bytes, n);
}

static size_t owe(struct world *world, const uint8_t *id, uint64_t from)
{
    owed[0] = '\0';
    return ledger_each_output(world_db(world), id, from, take_owed, NULL);
}

static void the_outbox_gives_back_what_was_not_taken(void **state)
{
    (void)state;
    static const uint8_t id[LEDGER_ID_BYTES] = {7};
    static const uint8_t other[LEDGER_ID_BYTES] = {8};
    struct world *world = folder_open_world();
    struct db *db = world_db(world);
    ledger_add_output(db, id, 100, "Hello\r\n", 7);
    ledger_add_output(db, id, 107, "Good ", 5);
    ledger_add_output(db, id, 112, "morning\r\n", 9);
    ledger_add_output(db, other, 0, "else", 4);
    folder_close_world(world);
    world = folder_open_world();
    db = world_db(world);
    assert_int_equal(owe(world, id, 0), 3);
    assert_string_equal(owed, "Hello\r\nGood morning\r\n");
    owe(world, id, 107);
    assert_string_equal(owed, "Good morning\r\n");
    owe(world, id, 109); // in the middle of a piece
    assert_string_equal(owed, "od morning\r\n");
    owe(world, id, 121);
    assert_string_equal(owed, "");
    ledger_drop_output(db, id, 111); // what has not been taken whole stays
    assert_int_equal(owe(world, id, 109), 2);
    assert_string_equal(owed, "od morning\r\n");
    ledger_forget(db, id);
    assert_int_equal(owe(world, id, 0), 0);
    assert_int_equal(owe(world, other, 0), 1);
    folder_close_world(world);
}

static bool is_seven(void *arg, const uint8_t *id)
{
    (void)arg;
    return id[0] == 7;
}

static void connections_are_known_until_they_are_swept(void **state)
{
    (void)state;
    static const uint8_t ids[3][LEDGER_ID_BYTES] = {{7}, {8}, {9}};
    struct ledger_entry entry = {.player = 12, .n_input = 1ull << 40, .marks = 5};
    struct ledger_entry found;
    struct world *world = folder_open_world();
    struct db *db = world_db(world);
    entry.n_output = 77;
    entry.is_telnet = true;
    strcpy(entry.paged, "One, Two");
    for (size_t i = 0; i < 3; i++) {
        entry.phase = i == 2 ? LEDGER_LEAVING : LEDGER_HERE;
        ledger_put(db, ids[i], &entry);
    }
    entry.n_input++;
    entry.phase = LEDGER_HERE;
    ledger_put(db, ids[0], &entry);
    folder_close_world(world);
    world = folder_open_world();
    db = world_db(world);
    assert_true(ledger_find(db, ids[0], &found));
    assert_int_equal(found.player, 12);
    assert_int_equal(found.n_input, (1ull << 40) + 1);
    assert_int_equal(found.n_output, 77);
    assert_int_equal(found.marks, 5);
    assert_true(found.is_telnet && strcmp(found.paged, "One, Two") == 0);
    ledger_sweep(db, true, is_seven, NULL);
    assert_true(ledger_find(db, ids[1], &found) && !ledger_find(db, ids[2], &found));
    ledger_sweep(db, false, is_seven, NULL);
    assert_true(ledger_find(db, ids[0], &found) && !ledger_find(db, ids[1], &found));
    folder_close_world(world);
}

struct seen {
    struct db *db;
    char ids[8];
    int64_t players;
    size_t n_owed;
};

static void count_owed(void *arg, const void *bytes, size_t n)
{
    struct seen *seen = arg;
    (void)bytes;
    seen->n_owed += n;
}

// As link_await_all does: what is owed is asked for meanwhile.
static void see(void *arg, const uint8_t *id, const struct ledger_entry *entry)
{
    struct seen *seen = arg;
    char text[] = {(char)('0' + id[0]), '\0'};
    strcat(seen->ids, text);
    seen->players += entry->player;
    ledger_each_output(seen->db, id, 0, count_owed, seen);
}

static void all_connections_come_the_oldest_first_with_what_is_owed_to_them(void **state)
{
    (void)state;
    static const uint8_t ids[3][LEDGER_ID_BYTES] = {{7}, {8}, {9}};
    static const int64_t connected_at[] = {20, 30, 10};
    struct world *world = folder_open_world();
    struct seen seen = {.db = world_db(world)};
    for (size_t i = 0; i < 3; i++) {
        struct ledger_entry entry = {.player = 1 << i, .connected_at = connected_at[i]};
        ledger_put(seen.db, ids[i], &entry);
        ledger_add_output(seen.db, ids[i], 5, "Hello\r\n", 7);
    }
    ledger_each(seen.db, see, &seen);
    assert_string_equal(seen.ids, "978");
    assert_int_equal(seen.players, 7);
    assert_int_equal(seen.n_owed, 21);
    folder_close_world(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_outbox_gives_back_what_was_not_taken),
        TEST(connections_are_known_until_they_are_swept),
        TEST(all_connections_come_the_oldest_first_with_what_is_owed_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
