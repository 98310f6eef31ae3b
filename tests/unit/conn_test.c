// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Waking a player's conn, and its end (players/conn.h): served once, in order, and freed only when
// the callbacks have returned.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "players/conn.h"
#include "players/crowd.h"
#include "players/players.h"
#include "vault/slot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 4u

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
    int player[SLOTS]; // the players' ends
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    assert_int_equal(vault_make(&fixture->vault, SLOTS), 0);
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        struct slot *slot = slot_prepare(&players->slots);
        assert_non_null(slot);
        slot_claim(slot, pair[0]);
        conn_open(players, slot);
        fixture->player[vault_slot_index(&fixture->vault, slot)] = pair[1];
    }
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
    for (unsigned i = 0; i < SLOTS; i++)
        close(fixture->player[i]);
    crowd_forget(&fixture->players);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    free(fixture);
    return 0;
}

static void who_is_woken_twice_is_served_once_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct players *players = &fixture->players;
    for (unsigned round = 0; round < 3; round++) { // the ring goes round
        static const unsigned order[] = {2, 0, 2, 3, 0};
        static const unsigned served[] = {2, 0, 3};
        for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
            conn_wake(&players->conns[order[i]], i == 0 ? RELAY_READ_GAME : RELAY_WRITE_PLAYER);
        for (unsigned i = 0; i < sizeof served / sizeof *served; i++)
            assert_ptr_equal(conn_next_woken(players), &players->conns[served[i]]);
        assert_null(conn_next_woken(players));
        assert_int_equal(players->conns[2].relay.ready & (RELAY_READ_GAME | RELAY_WRITE_PLAYER),
                         RELAY_READ_GAME | RELAY_WRITE_PLAYER);
    }
}

static void all_can_wait_to_be_served_at_once(void **state)
{
    struct players *players = &((struct fixture *)*state)->players;
    conn_wake(&players->conns[1], 0);
    assert_ptr_equal(conn_next_woken(players), &players->conns[1]);
    for (unsigned i = 0; i < SLOTS; i++)
        conn_wake(&players->conns[i], 0);
    for (unsigned i = 0; i < SLOTS; i++)
        assert_ptr_equal(conn_next_woken(players), &players->conns[i]);
    assert_null(conn_next_woken(players));
}

static void an_ended_one_is_freed_when_the_callbacks_have_returned(void **state)
{
    struct fixture *fixture = *state;
    struct players *players = &fixture->players;
    struct conn *conn = &players->conns[1];
    struct slot *slot = conn_slot(conn);
    const int fd = slot->player_fd;
    uint8_t id[16];
    memcpy(id, slot->id, sizeof id);
    assert_ptr_equal(conn_find(players, id), conn);
    conn_wake(conn, 0); // it is in the ring already
    conn_end(conn, "a test");
    assert_null(conn_find(players, id)); // nothing more can be asked of it
    assert_int_equal(slot->state, SLOT_LIVE);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(players->n_live, SLOTS);
    assert_true(event_base_loop(players->base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(slot->state, SLOT_FREE);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(players->n_live, SLOTS - 1);
    char byte;
    assert_int_equal(read(fixture->player[1], &byte, 1), 0);
}

static void the_last_ones_end_is_the_loops_in_an_orderly_end(void **state)
{
    struct players *players = &((struct fixture *)*state)->players;
    for (unsigned i = 0; i < SLOTS; i++)
        conn_end(&players->conns[i], NULL);
    players->is_ending = true;
    assert_true(event_base_loop(players->base, EVLOOP_NONBLOCK) >= 0);
    assert_true(event_base_got_break(players->base));
    assert_int_equal(players->n_live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_woken_twice_is_served_once_and_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_can_wait_to_be_served_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ended_one_is_freed_when_the_callbacks_have_returned,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_ones_end_is_the_loops_in_an_orderly_end, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
