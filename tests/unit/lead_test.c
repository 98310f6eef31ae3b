// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where names lead (conf/lead.c): to their game, but not past the rules of its own listeners.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TLS12 0x0303
#define TLS13 0x0304
#define OPEN 0u
#define MUSH 0u
#define VIP 1u

// An open listener of a game, and another game with a name, to which listeners are added.
#define TWO_GAMES                                                                                  \
    "[listen open]\naddress = [::1]:1\ngame = mush\n[game mush]\nconnect = unix:/mush\n"           \
    "[game vip]\nconnect = unix:/vip\nsni = vip.example., *.vip.example\n"
#define FOR_VIP(port) "address = [::1]:" #port "\ngame = vip\n"
#define REQUIRE "client-certificates = require\nclient-ca = /ca\n"

static struct conf conf;
static char *remarks;

static void load(const char *text)
{
    char *words;
    size_t n;
    struct conf_complaints complaints = {.out = open_memstream(&words, &n), .path = "/conf"};
    conf_free(&conf);
    assert_int_equal(conf_parse(&conf, "/conf", strdup(text), strlen(text), &complaints), 0);
    fclose(complaints.out);
    free(words);
    free(remarks);
    FILE *out = open_memstream(&remarks, &n);
    conf_remark_names(&conf, out);
    fclose(out);
}

static int tear_down(void **state)
{
    (void)state;
    conf_free(&conf);
    free(remarks);
    remarks = NULL;
    return 0;
}

static unsigned lead(unsigned listener, const char *name, uint16_t version)
{
    return conf_game_for(&conf, &conf.listener[listener], name, version);
}

static void a_game_without_a_listener_is_reached_by_its_names(void **state)
{
    (void)state;
    load(TWO_GAMES);
    assert_int_equal(lead(OPEN, "vip.example", TLS12), VIP);
    assert_int_equal(lead(OPEN, "VIP.example", TLS12), VIP);
    assert_int_equal(lead(OPEN, "a.vip.example", TLS13), VIP);
    assert_int_equal(lead(OPEN, "a.b.vip.example", TLS13), MUSH);
    assert_int_equal(lead(OPEN, "", TLS13), MUSH);
    assert_int_equal(lead(OPEN, NULL, 0), MUSH);
    assert_string_equal(remarks, "");
}

static void certificates_that_a_games_listener_requires_cannot_be_gone_round(void **state)
{
    (void)state;
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) REQUIRE);
    assert_int_equal(lead(OPEN, "vip.example", TLS13), CONF_NO_GAME);
    assert_int_equal(lead(OPEN, "a.vip.example", TLS12), CONF_NO_GAME);
    assert_int_equal(lead(OPEN, "other.example", TLS12), MUSH);
    assert_int_equal(lead(1, "vip.example", TLS12), VIP);
    assert_int_equal(lead(1, "other.example", TLS12), VIP);
    assert_string_equal(remarks, "/conf:6: [game vip] who asks for it by its sni on [listen open] "
                                 "is refused, because its own [listen vip] is stricter: "
                                 "client-certificates = require, client-ca = /ca\n");
}

static void who_asks_the_same_of_players_leads_there(void **state)
{
    (void)state;
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) REQUIRE
         "[listen same]\naddress = [::1]:3\n"
         "game = mush\n" REQUIRE "[listen other]\naddress = [::1]:4\ngame = mush\n"
         "client-certificates = require\nclient-ca = /another\n"
         "[listen asks]\naddress = [::1]:5\ngame = mush\n"
         "client-certificates = ask\nclient-ca = /ca\n");
    assert_int_equal(lead(2, "vip.example", TLS12), VIP);
    assert_int_equal(lead(3, "vip.example", TLS12), CONF_NO_GAME);
    assert_int_equal(lead(4, "vip.example", TLS12), CONF_NO_GAME);
    assert_null(strstr(remarks, "[listen same]"));
    assert_non_null(strstr(remarks, "[listen other] is refused"));
    assert_non_null(strstr(remarks, "[listen asks] is refused"));
}

static void one_of_its_own_listeners_that_takes_everybody_is_enough(void **state)
{
    (void)state;
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) REQUIRE "[listen plain]\n" FOR_VIP(3) "tls = no\n");
    assert_int_equal(lead(OPEN, "vip.example", TLS12), VIP);
    assert_string_equal(remarks, "");
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) REQUIRE
         "[listen asks]\n" FOR_VIP(3) "client-certificates = ask\n");
    assert_int_equal(lead(OPEN, "vip.example", TLS12), VIP);
    assert_string_equal(remarks, "");
}

static void the_oldest_version_is_looked_at_for_each_player(void **state)
{
    (void)state;
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) "tls-min = 1.3\n");
    assert_int_equal(lead(OPEN, "vip.example", TLS12), CONF_NO_GAME);
    assert_int_equal(lead(OPEN, "vip.example", TLS13), VIP);
    assert_non_null(strstr(remarks, "[listen open] is refused but over TLS 1.3, because its own "
                                    "[listen vip] has tls-min = 1.3"));
    load(TWO_GAMES "[listen a]\n" FOR_VIP(2) REQUIRE "[listen b]\n" FOR_VIP(3) "tls-min = 1.3\n");
    assert_int_equal(lead(OPEN, "vip.example", TLS12), CONF_NO_GAME);
    assert_int_equal(lead(OPEN, "vip.example", TLS13), VIP);
    assert_non_null(strstr(remarks, "is refused but over TLS 1.3"));
}

static void a_listener_that_is_gone_neither_opens_nor_closes_a_game(void **state)
{
    (void)state;
    load(TWO_GAMES "[listen vip]\n" FOR_VIP(2) REQUIRE "[listen plain]\n" FOR_VIP(3) "tls = no\n");
    conf.listener[2].is_gone = true;
    assert_int_equal(lead(OPEN, "vip.example", TLS13), CONF_NO_GAME);
    conf.listener[1].is_gone = true;
    assert_int_equal(lead(OPEN, "vip.example", TLS13), VIP);
}

static void a_dot_at_a_names_end_is_no_other_name(void **state)
{
    (void)state;
    load(TWO_GAMES);
    assert_string_equal(conf.game[VIP].sni[0], "vip.example");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_game_without_a_listener_is_reached_by_its_names),
        TEST(certificates_that_a_games_listener_requires_cannot_be_gone_round),
        TEST(who_asks_the_same_of_players_leads_there),
        TEST(one_of_its_own_listeners_that_takes_everybody_is_enough),
        TEST(the_oldest_version_is_looked_at_for_each_player),
        TEST(a_listener_that_is_gone_neither_opens_nor_closes_a_game),
        TEST(a_dot_at_a_names_end_is_no_other_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
