// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush's sitelocks, what its world keeps on disk, and its configuration.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "account.h"
#include "minimush_folder.h"
#include "settings.h"
#include "shut.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool matches(const char *pattern, const char *address, const char *host)
{
    struct sockaddr_storage sockaddr = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        memcpy(&sockaddr, &in, sizeof in);
    else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1)
        memcpy(&sockaddr, &in6, sizeof in6);
    assert_true(sitelock_is_pattern(pattern));
    return sitelock_matches(pattern, &sockaddr, address, host);
}

static void an_address_or_prefix_matches_by_its_bits(void **state)
{
    (void)state;
    assert_true(matches("192.0.2.7", "192.0.2.7", ""));
    assert_false(matches("192.0.2.7", "192.0.2.70", ""));
    assert_true(matches("192.0.2.0/24", "192.0.2.255", ""));
    assert_false(matches("192.0.2.0/24", "192.0.3.0", ""));
    assert_true(matches("10.0.0.0/9", "10.127.1.1", ""));
    assert_false(matches("10.0.0.0/9", "10.128.1.1", ""));
    assert_true(matches("0.0.0.0/0", "203.0.113.9", ""));
    assert_false(matches("0.0.0.0/0", "2001:db8::1", ""));
    assert_true(matches("2001:db8::/33", "2001:db8:7fff::1", ""));
    assert_false(matches("2001:db8::/33", "2001:db8:8000::1", ""));
    assert_true(matches("2001:db8::1", "2001:db8:0:0::1", ""));
    assert_false(matches("192.0.2.0/24", "local", ""));
}

static void a_wildcard_matches_address_or_host_name(void **state)
{
    (void)state;
    assert_true(matches("192.0.2.*", "192.0.2.7", ""));
    assert_false(matches("192.0.2.*", "192.0.20.7", ""));
    assert_true(matches("*.Example.com", "192.0.2.7", "a.b.exAMple.com"));
    assert_false(matches("*.example.com", "192.0.2.7", "example.com"));
    assert_false(matches("*.example.com", "192.0.2.7", "a.example.com.evil.net"));
    assert_false(matches("*.example.com", "192.0.2.7", ""));
    assert_true(matches("dsl-??.example.*", "192.0.2.7", "dsl-07.example.org"));
    assert_true(matches("*a*b*c", "192.0.2.7", "xxaxxbxxbxxc"));
    assert_false(matches("*a*b*c", "192.0.2.7", "xxbxxaxxc"));
    assert_true(matches("2001:db8:*", "2001:db8::7", ""));
}

static void what_is_no_pattern_is_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "192.0.2.0/33",
                                        "192.0.2.0/",
                                        "192.0.2.0/x",
                                        "192.0.2/24",
                                        "2001:db8::/129",
                                        "10.0.0.0/ 8",
                                        "a b",
                                        "a;b",
                                        "*/8",
                                        "192.0.2.0/-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(sitelock_is_pattern(wrong[i]));
    char longer[SITELOCK_MAX_BYTES + 2];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_false(sitelock_is_pattern(longer));
}

// Time must not explode with the number of stars.
static void a_hostile_pattern_is_decided_at_once(void **state)
{
    (void)state;
    char host[256];
    memset(host, 'a', sizeof host);
    host[255] = '\0';
    assert_false(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "192.0.2.7", host));
}

static void every_exit_leads_somewhere_and_every_room_can_be_reached_and_left(void **state)
{
    (void)state;
    struct world *world = folder_open_world();
    bool is_reached[64] = {[1] = true};
    size_t n_rooms = 0;
    for (size_t i = 0; world_at(world, i) != NULL; i++) {
        const struct object *room = world_at(world, i);
        bool has_exit = false;
        if (room->kind != WORLD_ROOM) {
            assert_non_null(room->place);
            continue;
        }
        n_rooms++;
        for (struct object *exit = room->first; exit != NULL; exit = exit->next) {
            if (exit->kind == WORLD_EXIT) {
                assert_true(world_find_exit(room, world_name(exit).text) == exit);
                assert_non_null(exit->target);
                has_exit = true;
            }
        }
        assert_true(has_exit && room->description[0] != '\0');
    }
    for (size_t pass = 0; pass < n_rooms; pass++) {
        for (size_t i = 0; i < n_rooms; i++) {
            for (struct object *exit = world_at(world, i)->first; exit != NULL; exit = exit->next)
                if (exit->kind == WORLD_EXIT && is_reached[world_at(world, i)->id])
                    is_reached[exit->target->id] = true;
        }
    }
    for (size_t id = 1; id <= n_rooms; id++)
        assert_true(is_reached[id]);
    assert_int_equal(world_start(world)->id, 1);
    assert_null(world_get(world, 4711));
    assert_null(world_find_exit(world_start(world), ""));
    folder_close_world(world);
}

static void the_first_player_is_the_wizard_and_names_are_taken_once(void **state)
{
    (void)state;
    struct world *world = folder_open_world();
    char hash[PASSWORD_HASH_BYTES];
    assert_false(world_has_players(world));
    assert_null(account_find(world, "One", hash));
    struct object *one = account_create(world, "One", "$y$hash");
    assert_true(world_is_wizard(one));
    assert_null(account_create(world, "ONE", "$y$other"));
    struct object *two = account_create(world, "Two", "$y$two");
    assert_false(world_is_wizard(two));
    world_move(world, two, world_get(world, 3));
    account_set_hash(world, one, "$y$new");
    folder_close_world(world);
    world = folder_open_world();
    assert_true(world_has_players(world));
    two = account_find(world, "two", hash);
    assert_string_equal(two->name, "Two");
    assert_string_equal(hash, "$y$two");
    assert_int_equal(two->place->id, 3);
    account_find(world, "one", hash);
    assert_string_equal(hash, "$y$new");
    folder_close_world(world);
}

static void what_was_not_committed_has_not_happened(void **state)
{
    (void)state;
    struct world *world = folder_open_world();
    struct object *one = account_create(world, "One", "$y$hash");
    db_commit(world_db(world));
    world_describe(world, one, "gone with the process");
    world_close(world); // as a kill does: no COMMIT
    world = folder_open_world();
    assert_string_equal(world_find_player(world, "One")->description, "");
    folder_close_world(world);
}

static void things_move_are_changed_and_destroyed_and_all_of_it_lasts(void **state)
{
    (void)state;
    struct world *world = folder_open_world();
    struct object *one = account_create(world, "One", "$y$hash");
    struct object *room = world_make(world, WORLD_ROOM, "Attic", one->id, NULL, NULL);
    struct object *cellar = world_make(world, WORLD_ROOM, "Cellar", one->id, NULL, NULL);
    struct object *exit = world_make(world, WORLD_EXIT, "ladder;l", one->id, room, cellar);
    struct object *thing = world_make(world, WORLD_THING, "old hat;hat", one->id, one, room);
    int64_t ids[] = {room->id, cellar->id, exit->id, thing->id};
    world_describe(world, thing, "Moths live in it.");
    assert_true(world_rename(world, thing, "new hat;hat"));
    world_set_flags(world, thing, WORLD_DARK);
    world_move(world, thing, cellar);
    assert_int_equal(world_count(world, one->id), 4);
    folder_close_world(world);

    world = folder_open_world();
    thing = world_get(world, ids[3]);
    assert_string_equal(thing->description, "Moths live in it.");
    assert_string_equal(world_name(thing).text, "new hat");
    assert_true(world_is_called(thing, "HAT", false) && !world_is_called(thing, "ha", false));
    assert_true(world_is_called(thing, "ne", true) && thing->flags == WORLD_DARK);
    assert_int_equal(thing->place->id, ids[1]);
    world_link(world, world_find_player(world, "One"), world_get(world, ids[0]));
    world_destroy(world, world_get(world, ids[1])); // the hat goes home, the ladder with the room
    assert_null(world_get(world, ids[2]));
    assert_int_equal(thing->place->id, ids[0]);
    world_destroy(world, world_get(world, ids[0]));
    assert_ptr_equal(thing->place, world_start(world));
    folder_close_world(world);

    world = folder_open_world();
    assert_ptr_equal(world_get(world, ids[3])->place, world_start(world));
    assert_ptr_equal(world_find_player(world, "One")->target, world_start(world));
    struct object *next = world_make(world, WORLD_THING, "pin", 0, world_start(world), NULL);
    assert_true(next->id > ids[3]); // a number is never used again
    folder_close_world(world);
}

static void who_may_change_what(void **state)
{
    (void)state;
    struct world *world = folder_open_world();
    struct object *wizard = account_create(world, "Wizard", "$y$hash");
    struct object *one = account_create(world, "One", "$y$hash");
    struct object *two = account_create(world, "Two", "$y$hash");
    struct object *room = world_make(world, WORLD_ROOM, "Attic", one->id, NULL, NULL);
    assert_true(world_controls(one, room) && world_controls(wizard, room));
    assert_true(world_controls(one, one) && world_controls(wizard, one));
    assert_false(world_controls(two, room) || world_controls(two, one));
    assert_false(world_controls(one, wizard) || world_controls(one, world_start(world)));
    assert_true(world_may_link(world, one, room) && !world_may_link(world, two, room));
    world_set_flags(world, room, WORLD_LINK_OK);
    assert_true(world_may_link(world, two, room) && !world_controls(two, room));
    assert_false(world_may_link(world, two, two));
    assert_true(world_may_link(world, two, world_start(world))); // the way back
    folder_close_world(world);
}

static void a_certificate_lets_in_those_who_added_it(void **state)
{
    (void)state;
    static const uint8_t known[ACCOUNT_FINGERPRINT_BYTES] = {1, 2, 3};
    static const uint8_t strange[ACCOUNT_FINGERPRINT_BYTES] = {1, 2, 4};
    struct account_certificate all[ACCOUNT_MAX_CERTIFICATES];
    char names[64];
    struct world *world = folder_open_world();
    struct object *one = account_create(world, "One", "$y$hash");
    struct object *two = account_create(world, "Two", "$y$hash");
    assert_true(account_add_certificate(world, one, known, "laptop"));
    assert_false(account_add_certificate(world, one, known, "laptop"));
    assert_true(account_add_certificate(world, two, known, ""));
    folder_close_world(world);
    world = folder_open_world();
    one = world_find_player(world, "One");
    assert_true(account_has_certificate(world, one, known));
    assert_false(account_has_certificate(world, one, strange));
    account_names_of(world, known, names, sizeof names);
    assert_string_equal(names, "One, Two");
    account_names_of(world, known, names, 6);
    assert_string_equal(names, "One, ");
    assert_int_equal(account_certificates(world, one, all), 1);
    assert_string_equal(all[0].name, "laptop");
    account_remove_certificate(world, one, known);
    assert_false(account_has_certificate(world, one, known));
    folder_close_world(world);
}

static void sitelocks_last_until_they_are_removed(void **state)
{
    (void)state;
    struct sockaddr_storage none = {0};
    struct shut_pattern pattern;
    struct world *world = folder_open_world();
    assert_true(shut_add(world, "*.bad.example", "One"));
    assert_false(shut_add(world, "*.BAD.example", "One"));
    assert_true(shut_add(world, "192.0.2.0/24", "One"));
    folder_close_world(world);
    world = folder_open_world();
    assert_true(shut_out(world, &none, "local", "a.bad.example", &pattern));
    assert_string_equal(pattern.text, "*.bad.example");
    assert_true(shut_remove(world, "*.bad.example"));
    assert_false(shut_remove(world, "*.bad.example"));
    assert_false(shut_out(world, &none, "local", "a.bad.example", &pattern));
    folder_close_world(world);
    world = folder_open_world();
    assert_true(shut_at(world, 0, &pattern));
    assert_string_equal(pattern.text, "192.0.2.0/24");
    assert_false(shut_at(world, 1, &pattern));
    folder_close_world(world);
}

// The tables and a few rows of the first minimush.
static const char old_world[] =
    "CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL);"
    "CREATE TABLE exit (id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES room,"
    "  name TEXT NOT NULL, alias TEXT NOT NULL, target INTEGER NOT NULL REFERENCES room);"
    "CREATE TABLE character (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    "  hash TEXT NOT NULL, is_wizard INTEGER NOT NULL, room INTEGER NOT NULL,"
    "  created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
    "CREATE TABLE sitelock (pattern TEXT PRIMARY KEY COLLATE NOCASE, added_by TEXT NOT NULL,"
    "  added TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"
    "INSERT INTO room VALUES (1, 'The Harbour', 'Nets.'), (2, 'Lamp Street', 'Lamps.');"
    "INSERT INTO exit VALUES (1, 1, 'north', 'n', 2), (2, 2, 'south', '', 1);"
    "INSERT INTO character (id, name, hash, is_wizard, room) VALUES"
    "  (1, 'One', '$y$one', 1, 2), (2, 'Two', '$y$two', 0, 1);"
    "INSERT INTO sitelock (pattern, added_by) VALUES ('10.*', 'One');";

static void an_older_world_opens_and_everybody_is_where_they_were(void **state)
{
    (void)state;
    struct db db;
    struct shut_pattern pattern;
    char hash[PASSWORD_HASH_BYTES];
    assert_true(db_open(&db, folder_path("world.db")) && db_script(&db, old_world));
    db_close(&db);
    for (int pass = 0; pass < 2; pass++) {
        struct world *world = folder_open_world();
        struct object *one = account_find(world, "one", hash);
        assert_string_equal(hash, "$y$one");
        assert_true(one->id == 1 && world_is_wizard(one));
        assert_string_equal(one->place->name, "Lamp Street");
        struct object *two = account_find(world, "Two", hash);
        assert_true(two->id == 2 && !world_is_wizard(two) && two->channels == 1);
        assert_string_equal(two->place->name, "The Harbour");
        assert_ptr_equal(two->place, world_start(world));
        assert_ptr_equal(world_find_exit(two->place, "N")->target, one->place);
        assert_ptr_equal(world_find_exit(one->place, "south")->target, two->place);
        assert_true(shut_at(world, 0, &pattern));
        assert_string_equal(pattern.text, "10.*");
        assert_non_null(account_create(world, pass == 0 ? "Three" : "Four", "$y$"));
        folder_close_world(world);
    }
}

static void a_newer_world_is_refused(void **state)
{
    (void)state;
    struct db db;
    folder_close_world(folder_open_world());
    assert_true(db_open(&db, folder_path("world.db")) &&
                db_script(&db, "PRAGMA user_version = 99;"));
    db_close(&db);
    assert_null(world_open(folder_path("world.db")));
}

static void names_are_plain(void **state)
{
    (void)state;
    assert_true(world_is_player_name("One") && world_is_player_name("O'Neil-2_x"));
    assert_true(world_is_player_name("Abcdefghijklmnopqrst"));
    assert_false(world_is_player_name("") || world_is_player_name("2x"));
    assert_false(world_is_player_name("a b") || world_is_player_name("J\xc3\xbcrgen"));
    assert_false(world_is_player_name("Abcdefghijklmnopqrstu"));
    assert_true(world_is_name("north;n") && world_is_name("Gr\xc3\xbcner Salon"));
    assert_false(world_is_name("") || world_is_name("#12") || world_is_name("a=b"));
    assert_false(world_is_name("me") || world_is_name("north;") || world_is_name("a;;b"));
    char longer[WORLD_NAME_BYTES + 1];
    memset(longer, 'a', sizeof longer);
    longer[WORLD_NAME_BYTES] = '\0';
    assert_false(world_is_name(longer));
    assert_true(world_is_name(longer + 1));
}

static char complaints[4096];

static bool load(struct settings *settings, const char *text)
{
    const char *path = folder_path("minimush.conf");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    FILE *out = fmemopen(complaints, sizeof complaints, "w");
    bool is_well = settings_load(settings, path, out);
    fclose(out);
    return is_well;
}

static const char *passed_on(const struct settings *settings, const char *section, const char *key)
{
    for (size_t i = 0; i < settings->n_stayd_settings; i++) {
        const struct stay_setting *setting = &settings->stayd_setting[i];
        if (strcmp(setting->section, section) == 0 && strcmp(setting->key, key) == 0)
            return setting->value;
    }
    return "";
}

static void the_games_configuration_carries_stayds_options(void **state)
{
    (void)state;
    struct settings settings;
    char wanted[128];
    assert_true(load(&settings, "# comment\n"
                                "name = The Old Mush ; another\n"
                                "tls-address = [::]:4202, 0.0.0.0:4202\n"
                                "plain-address = 127.0.0.1:4201\n"
                                "certificate = chain.pem, /etc/other.pem\n"
                                "max-players = 77\n"
                                "stop-stayd = no\n"
                                "come-back = 90\n"
                                "stayd.listen tls.alpn = telnet\n"
                                "stayd.game.hold = 5m"));
    assert_string_equal(settings.name, "The Old Mush");
    assert_string_equal(settings.game, "The-Old-Mush");
    assert_false(settings.stops_stayd);
    assert_int_equal(settings.come_back_s, 90);
    assert_string_equal(passed_on(&settings, "listen tls", "address"), "[::]:4202, 0.0.0.0:4202");
    assert_string_equal(passed_on(&settings, "listen tls", "tls"), "yes");
    assert_string_equal(passed_on(&settings, "listen plain", "tls"), "no");
    assert_string_equal(passed_on(&settings, "stayd", "max-players"), "77");
    assert_string_equal(passed_on(&settings, "listen tls", "alpn"), "telnet");
    assert_string_equal(passed_on(&settings, "game The-Old-Mush", "hold"), "5m");
    snprintf(wanted, sizeof wanted, "%s, /etc/other.pem", folder_path("chain.pem"));
    assert_string_equal(passed_on(&settings, "listen tls", "certificate"), wanted);
    snprintf(wanted, sizeof wanted, "%s", folder_path("minimush-data"));
    assert_string_equal(settings.directory, wanted);
    settings_free(&settings);
}

static void every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    struct settings settings;
    char text[1024];
    snprintf(text, sizeof text,
             "nmae = x\nnonsense\n[section]\nstop-stayd = maybe\n"
             "  password-cost = 99\nname =\n%0400d = 1\nstayd.x = 3\n",
             7);
    assert_false(load(&settings, text));
    for (int line = 1; line <= 8; line++) {
        char wanted[128];
        snprintf(wanted, sizeof wanted, "%s:%d: ", folder_path("minimush.conf"), line);
        assert_non_null(strstr(complaints, wanted));
    }
    settings_free(&settings);
    assert_false(load(&settings, "name = x\n"));
    assert_non_null(strstr(complaints, "tls-address"));
    settings_free(&settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_or_prefix_matches_by_its_bits),
        cmocka_unit_test(a_wildcard_matches_address_or_host_name),
        cmocka_unit_test(what_is_no_pattern_is_told),
        cmocka_unit_test(a_hostile_pattern_is_decided_at_once),
        cmocka_unit_test(names_are_plain),
        TEST(every_exit_leads_somewhere_and_every_room_can_be_reached_and_left),
        TEST(the_first_player_is_the_wizard_and_names_are_taken_once),
        TEST(what_was_not_committed_has_not_happened),
        TEST(things_move_are_changed_and_destroyed_and_all_of_it_lasts),
        TEST(who_may_change_what),
        TEST(a_certificate_lets_in_those_who_added_it),
        TEST(an_older_world_opens_and_everybody_is_where_they_were),
        TEST(a_newer_world_is_refused),
        TEST(sitelocks_last_until_they_are_removed),
        TEST(the_games_configuration_carries_stayds_options),
        TEST(every_mistake_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
