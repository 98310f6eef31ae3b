// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush's sitelocks, what its world keeps on disk, and its configuration.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "settings.h"
#include "sitelock.h"
#include "world.h"

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
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
        memcpy(&sockaddr, &in, sizeof in);
    } else if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1) {
        memcpy(&sockaddr, &in6, sizeof in6);
    }
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
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(sitelock_is_pattern(wrong[i]));
    }
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

static char folder[] = "/tmp/minimush-test-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"world.db", "world.db-wal", "world.db-shm",
                                        "minimush.conf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static struct world *open_world(void)
{
    snprintf(path, sizeof path, "%s/world.db", folder);
    struct world *world = world_open(path);
    assert_non_null(world);
    return world;
}

static void every_exit_leads_somewhere_and_every_room_can_be_reached_and_left(void **state)
{
    (void)state;
    struct world *world = open_world();
    bool is_reached[64] = {[1] = true};
    for (int pass = 0; pass < 8; pass++) {
        for (int64_t id = 1; id <= 5; id++) {
            const struct room *room = world_room(world, id);
            assert_int_equal(room->id, id);
            assert_true(room->n_exits > 0 && room->description[0] != '\0');
            for (size_t i = 0; is_reached[id] && i < room->n_exits; i++) {
                assert_true(world_find_exit(room, room->exits[i].name) == &room->exits[i]);
                is_reached[room->exits[i].target] = true;
            }
        }
    }
    for (int64_t id = 1; id <= 5; id++) {
        assert_true(is_reached[id]);
    }
    assert_int_equal(world_room(world, 4711)->id, 1);
    assert_null(world_find_exit(world_room(world, 1), ""));
    world_close(world);
}

static void the_first_character_is_the_wizard_and_names_are_taken_once(void **state)
{
    (void)state;
    struct world *world = open_world();
    struct character character;
    char hash[PASSWORD_HASH_BYTES];
    assert_false(world_has_characters(world));
    assert_int_equal(world_find(world, "One", &character, hash), WORLD_NONE);
    assert_int_equal(world_create(world, "One", "$y$hash", &character), WORLD_DONE);
    assert_true(character.is_wizard);
    assert_int_equal(world_create(world, "ONE", "$y$other", &character), WORLD_TAKEN);
    assert_int_equal(world_create(world, "Two", "$y$two", &character), WORLD_DONE);
    assert_false(character.is_wizard);
    world_move(world, &character, 3);
    world_close(world);
    world = open_world();
    assert_true(world_has_characters(world));
    assert_int_equal(world_find(world, "two", &character, hash), WORLD_DONE);
    assert_string_equal(character.name, "Two");
    assert_string_equal(hash, "$y$two");
    assert_int_equal(character.room, 3);
    world_close(world);
}

static void sitelocks_last_until_they_are_removed(void **state)
{
    (void)state;
    struct sockaddr_storage none = {0};
    struct world *world = open_world();
    assert_int_equal(world_add_sitelock(world, "*.bad.example", "One"), WORLD_DONE);
    assert_int_equal(world_add_sitelock(world, "*.BAD.example", "One"), WORLD_TAKEN);
    assert_int_equal(world_add_sitelock(world, "192.0.2.0/24", "One"), WORLD_DONE);
    world_close(world);
    world = open_world();
    assert_string_equal(world_sitelock(world, &none, "local", "a.bad.example"), "*.bad.example");
    assert_int_equal(world_remove_sitelock(world, "*.bad.example"), WORLD_DONE);
    assert_int_equal(world_remove_sitelock(world, "*.bad.example"), WORLD_NONE);
    assert_null(world_sitelock(world, &none, "local", "a.bad.example"));
    world_close(world);
    world = open_world();
    assert_string_equal(world_sitelock_at(world, 0), "192.0.2.0/24");
    assert_null(world_sitelock_at(world, 1));
    world_close(world);
}

static void names_are_plain(void **state)
{
    (void)state;
    assert_true(world_is_name("One") && world_is_name("O'Neil-2_x"));
    assert_true(world_is_name("Abcdefghijklmnopqrst"));
    assert_false(world_is_name("") || world_is_name("2x") || world_is_name("a b"));
    assert_false(world_is_name("Abcdefghijklmnopqrstu") || world_is_name("J\xc3\xbcrgen"));
}

static char complaints[4096];

static bool load(struct settings *settings, const char *text)
{
    snprintf(path, sizeof path, "%s/minimush.conf", folder);
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
        if (strcmp(setting->section, section) == 0 && strcmp(setting->key, key) == 0) {
            return setting->value;
        }
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
                                "stayd.listen tls.alpn = telnet\n"
                                "stayd.game.hold = 5m"));
    assert_string_equal(settings.name, "The Old Mush");
    assert_string_equal(settings.game, "The-Old-Mush");
    assert_false(settings.stops_stayd);
    assert_string_equal(passed_on(&settings, "listen tls", "address"), "[::]:4202, 0.0.0.0:4202");
    assert_string_equal(passed_on(&settings, "listen tls", "tls"), "yes");
    assert_string_equal(passed_on(&settings, "listen plain", "tls"), "no");
    assert_string_equal(passed_on(&settings, "stayd", "max-players"), "77");
    assert_string_equal(passed_on(&settings, "listen tls", "alpn"), "telnet");
    assert_string_equal(passed_on(&settings, "game The-Old-Mush", "hold"), "5m");
    snprintf(wanted, sizeof wanted, "%s/chain.pem, /etc/other.pem", folder);
    assert_string_equal(passed_on(&settings, "listen tls", "certificate"), wanted);
    snprintf(wanted, sizeof wanted, "%s/minimush-data", folder);
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
        snprintf(wanted, sizeof wanted, "%s:%d: ", path, line);
        assert_non_null(strstr(complaints, wanted));
    }
    settings_free(&settings);
    assert_false(load(&settings, "name = x\n"));
    assert_non_null(strstr(complaints, "tls-address"));
    settings_free(&settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_or_prefix_matches_by_its_bits),
        cmocka_unit_test(a_wildcard_matches_address_or_host_name),
        cmocka_unit_test(what_is_no_pattern_is_told),
        cmocka_unit_test(a_hostile_pattern_is_decided_at_once),
        cmocka_unit_test(names_are_plain),
        TEST(every_exit_leads_somewhere_and_every_room_can_be_reached_and_left),
        TEST(the_first_character_is_the_wizard_and_names_are_taken_once),
        TEST(sitelocks_last_until_they_are_removed),
        TEST(the_games_configuration_carries_stayds_options),
        TEST(every_mistake_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
