// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who gets a seat, and what becomes of who gets none (players/seats.h, players/arrive.h). That its
// words survive a worker is in tests/crash.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "players/arrive.h"
#include "players/conn.h"
#include "players/crowd.h"
#include "players/orders.h"
#include "players/players.h"
#include "players/seats.h"
#include "vault/facts.h"
#include "vault/slot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEATS 3u
#define FULL "As many players are connected as can be. Please try again later.\r\n"
#define NEIGHBOURS                                                                                 \
    "As many players are connected from your network as can be. Please try again later.\r\n"

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    assert_int_equal(vault_make(&fixture->vault, SEATS), 0);
    fixture->heritage.conf.n_games = 1;
    fixture->heritage.conf.game[0].hold_ms = CONF_FOREVER;
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    crowd_stop(&fixture->players);
    event_base_free(fixture->players.base);
    slot_each_live(&fixture->vault, slot)
        players_free_slot(&fixture->players, slot);
    crowd_forget(&fixture->players);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    free(fixture);
    return 0;
}

// As the worker's inbox.
static enum arrival_end take(struct players *players, const struct arrival *arrival, int fd)
{
    struct slot *slot = NULL;
    enum arrival_end end = arrive_claim(players, arrival, 1, fd, &slot);
    if (slot)
        arrive_serve(players, slot);
    return end;
}

// A plain newcomer from an address that ends in this byte. Returns its end of the connection.
static int come(struct fixture *fixture, uint8_t address, enum arrival_end expected)
{
    struct arrival arrival = {.address = {[10] = 0xff, [11] = 0xff, [15] = address}, .port = 1};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(take(&fixture->players, &arrival, pair[0]), expected);
    if (expected != ARRIVAL_TAKEN)
        close(pair[0]);
    return pair[1];
}

static void assert_hears(int fd, const char *words)
{
    char bytes[256] = "";
    assert_int_equal(read(fd, bytes, sizeof bytes), strlen(words));
    assert_string_equal(bytes, words);
    assert_int_equal(read(fd, bytes, sizeof bytes), 0);
}

static void assert_is_in(int fd)
{
    char byte;
    assert_int_equal(read(fd, &byte, 1), -1);
}

static void leave(struct fixture *fixture, int fd)
{
    close(fd);
    for (int i = 0; i < 3; i++)
        event_base_loop(fixture->players.base, EVLOOP_NONBLOCK);
}

static void assert_counts(const struct fixture *fixture, unsigned n_players, unsigned n_farewells)
{
    assert_int_equal(players_count(&fixture->players), n_players);
    assert_int_equal(fixture->players.n_farewells, n_farewells);
}

static void assert_refused(const struct fixture *fixture, unsigned i, const char *network,
                           enum gate_verdict why, uint64_t n)
{
    char text[NETWORK_TEXT_BYTES];
    const struct refusal *refusal = refusals_at(&fixture->players.refusals, i);
    assert_non_null(refusal);
    assert_string_equal(network_print(text, &refusal->network), network);
    assert_int_equal(refusal->why, why);
    assert_int_equal(refusal->n, n);
}

static void who_comes_when_all_seats_are_taken_is_told_and_takes_none(void **state)
{
    struct fixture *fixture = *state;
    int seated[SEATS];
    for (uint8_t i = 0; i < SEATS; i++)
        seated[i] = come(fixture, i, ARRIVAL_TAKEN);
    int late = come(fixture, 9, ARRIVAL_TAKEN);
    assert_hears(late, FULL);
    assert_counts(fixture, SEATS, 1);
    assert_refused(fixture, 0, "::/0", GATE_FULL, 1);
    assert_null(refusals_at(&fixture->players.refusals, 1));
    for (unsigned i = 0; i < SEATS; i++)
        assert_is_in(seated[i]);
    // A seat is free again while the other one still hears why it has none.
    slot_each_live(&fixture->vault, slot)
        if (!slot_is_farewell(slot) && slot->address[15] == 1)
            conn_end(conn_of(&fixture->players, slot), "a test");
    leave(fixture, seated[1]);
    assert_counts(fixture, SEATS - 1, 1);
    int next = come(fixture, 9, ARRIVAL_TAKEN);
    assert_is_in(next);
    leave(fixture, late);
    assert_counts(fixture, SEATS, 0);
    close(next);
    close(seated[0]);
    close(seated[2]);
}

static void an_address_has_no_more_seats_than_it_may_unless_it_is_exempt(void **state)
{
    struct fixture *fixture = *state;
    struct network exempt;
    int seated[SEATS];
    fixture->heritage.conf.max_players_per_address = 1;
    seated[0] = come(fixture, 1, ARRIVAL_TAKEN);
    for (unsigned i = 0; i < 2; i++) {
        int late = come(fixture, 1, ARRIVAL_TAKEN);
        assert_hears(late, NEIGHBOURS);
        leave(fixture, late);
    }
    assert_refused(fixture, 0, "0.0.0.1", GATE_PLAYERS, 2);
    seated[1] = come(fixture, 2, ARRIVAL_TAKEN);
    assert_null(network_parse("0.0.0.1", &exempt));
    assert_true(networks_add(&fixture->heritage.conf.exempt.networks, &exempt));
    networks_sort(&fixture->heritage.conf.exempt.networks);
    seated[2] = come(fixture, 1, ARRIVAL_TAKEN);
    for (unsigned i = 0; i < SEATS; i++) {
        assert_is_in(seated[i]);
        close(seated[i]);
    }
    assert_counts(fixture, SEATS, 0);
    conf_free(&fixture->heritage.conf);
}

static void a_farewell_is_no_player(void **state)
{
    struct fixture *fixture = *state;
    struct order_game look;
    int fds[SEATS + 1];
    uint8_t id[16] = {0};
    for (uint8_t i = 0; i <= SEATS; i++)
        fds[i] = come(fixture, i, ARRIVAL_TAKEN);
    slot_each_live(&fixture->vault, slot)
        if (slot_is_farewell(slot))
            memcpy(id, slot->id, sizeof id);
    assert_null(order_find(&fixture->players, id));
    order_look(&fixture->players, 0, &look);
    assert_int_equal(look.n_players, SEATS);
    assert_int_equal(look.n_held, SEATS);
    for (unsigned i = 0; i <= SEATS; i++)
        close(fds[i]);
}

static void when_all_farewells_are_taken_the_next_is_not_taken_and_is_counted(void **state)
{
    struct fixture *fixture = *state;
    int fds[SEATS + VAULT_FAREWELLS];
    for (unsigned i = 0; i < SEATS + VAULT_FAREWELLS; i++)
        fds[i] = come(fixture, (uint8_t)i, ARRIVAL_TAKEN);
    assert_counts(fixture, SEATS, VAULT_FAREWELLS);
    close(come(fixture, 200, ARRIVAL_FULL));
    assert_refused(fixture, 0, "::/0", GATE_FULL, VAULT_FAREWELLS + 1);
    assert_hears(fds[SEATS], FULL);
    leave(fixture, fds[SEATS]);
    int next = come(fixture, 200, ARRIVAL_TAKEN);
    assert_hears(next, FULL);
    close(next);
    for (unsigned i = 0; i < SEATS + VAULT_FAREWELLS; i++)
        if (i != SEATS)
            close(fds[i]);
}

// The entry has seen to that, so only a reload can have come between.
static void who_asks_for_a_game_of_stricter_listeners_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    struct conf *conf = &fixture->heritage.conf;
    struct arrival arrival = {.address = {[10] = 0xff, [11] = 0xff, [15] = 1}, .port = 1};
    char name[] = "vip.example";
    const uint32_t n_free = fixture->players.slots.n_free;
    conf->n_games = conf->n_listeners = 2;
    conf->listener[1] = (struct conf_listener){.name = "vip", .is_tls = true, .tls_min = 0x0303};
    conf->listener[1].game = 1;
    conf->game[1].sni[0] = name;
    assert_true(facts_put(arrival.facts, &arrival.facts_bytes, FACT_SNI, name, strlen(name)));
    assert_int_equal(take(&fixture->players, &arrival, -1), ARRIVAL_REFUSED);
    assert_int_equal(fixture->players.slots.n_free, n_free);
    assert_counts(fixture, 0, 0);
    close(come(fixture, 1, ARRIVAL_TAKEN));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_comes_when_all_seats_are_taken_is_told_and_takes_none),
        TEST(an_address_has_no_more_seats_than_it_may_unless_it_is_exempt),
        TEST(a_farewell_is_no_player),
        TEST(who_asks_for_a_game_of_stricter_listeners_is_not_taken),
        TEST(when_all_farewells_are_taken_the_next_is_not_taken_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
