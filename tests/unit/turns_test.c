// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How much is done for a player before others have their turn: in one run of the relay
// (relay/relay.h), and in one turn of the event loop (players/conn.h, players/serve.h).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "players/conn.h"
#include "players/crowd.h"
#include "players/games.h"
#include "players/players.h"
#include "players/serve.h"
#include "record/record.h"
#include "record_player.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLAYERS 40u
#define SMALLEST 512u  // record that a player may ask for
#define TURN_WORK 400u // for those who were put off: serve.c's, and the last one's excess
#define KEY_WORK 12u   // a KeyUpdate's, at least

struct end {
    int player; // the player's end
    int game;   // the game's
    struct record_key key;
    uint64_t seq;
    struct conn *conn;
};

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
    struct end end[PLAYERS];
};

static const struct record_params params = {RECORD_TLS13, RECORD_AES_128_GCM};
static void connect_one(struct fixture *fixture, struct end *end)
{
    int player[2];
    int game[2];
    const uint8_t secret[32] = {1};
    struct players *players = &fixture->players;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, player), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, game), 0);
    struct slot *slot = slot_prepare(&players->slots);
    assert_non_null(slot);
    assert_true(record_key_tls13(&params, secret, sizeof secret, &end->key));
    slot->flags |= SLOT_FLAG_TLS | SLOT_FLAG_LINKED;
    slot->tls_version = params.version;
    slot->cipher = params.cipher;
    slot->suite = 0x1301;
    slot->keys[TO_GAME] = slot->keys[TO_PLAYER] = end->key;
    slot_claim(slot, player[0]);
    slot->game_fd = game[0];
    conn_open(players, slot);
    end->player = player[1];
    end->game = game[1];
    end->conn = conn_of(players, slot);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    assert_true(record_init());
    assert_int_equal(vault_make(&fixture->vault, PLAYERS), 0);
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    for (unsigned i = 0; i < PLAYERS; i++)
        connect_one(fixture, &fixture->end[i]);
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
    for (unsigned i = 0; i < PLAYERS; i++) {
        close(fixture->end[i].player);
        close(fixture->end[i].game);
    }
    crowd_forget(&fixture->players);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    record_free();
    free(fixture);
    return 0;
}

static size_t seal(struct end *end, uint8_t type, const char *content, size_t n, uint8_t *wire)
{
    const struct player_record record = {.type = type, .content = content, .n_content = n};
    return player_seal(&params, &end->key, end->seq++, &record, wire);
}

// n records of one byte each. They are sent together: each call would take the most of a page.
static void say_bytes(struct end *end, unsigned n)
{
    static uint8_t wire[1 << 16];
    size_t n_wire = 0;
    for (unsigned i = 0; i < n; i++)
        n_wire += seal(end, 23, "x", 1, wire + n_wire);
    assert_in_range(n_wire, 1, sizeof wire - 64);
    assert_int_equal(send(end->player, wire, n_wire, 0), n_wire);
}

static void change_key(struct end *end)
{
    uint8_t next[32];
    uint8_t wire[128];
    const size_t n_wire = seal(end, 22, "\30\0\0\1\0", 5, wire);
    assert_int_equal(send(end->player, wire, n_wire, 0), n_wire);
    player_expand_label(end->key.secret, 32, "traffic upd", next, sizeof next);
    assert_true(record_key_tls13(&params, next, sizeof next, &end->key));
    end->seq = 0;
}

static unsigned read_all(int fd)
{
    static uint8_t sink[1 << 18];
    const ssize_t n = recv(fd, sink, sizeof sink, 0);
    return n > 0 ? (unsigned)n : 0;
}

static unsigned run(struct end *end, unsigned work)
{
    struct relay relay = conn_relay(end->conn);
    relay.work = work;
    end->conn->relay.ready = RELAY_READY_ALL;
    return relay_run(&relay);
}

static void one_turn(struct fixture *fixture)
{
    assert_true(event_base_loop(fixture->players.base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static void a_run_opens_so_many_records_and_no_socket_tells_of_the_rest(void **state)
{
    struct end *end = &((struct fixture *)*state)->end[0];
    unsigned n_heard = 0;
    say_bytes(end, 500);
    for (unsigned i = 0; i < 5; i++) {
        const unsigned wants = run(end, RELAY_WORK_MORE);
        const unsigned more = read_all(end->game);
        assert_true(wants & RELAY_AGAIN);
        assert_false(wants & RELAY_READ_PLAYER); // a whole record is here
        assert_in_range(more, RELAY_WORK_MORE - 20, RELAY_WORK_MORE);
        n_heard += more;
    }
    assert_false(run(end, RELAY_WORK_MORE) & RELAY_AGAIN);
    assert_int_equal(n_heard + read_all(end->game), 500);
}

static void a_line_is_done_at_once(void **state)
{
    struct end *end = &((struct fixture *)*state)->end[0];
    say_bytes(end, 1);
    assert_false(run(end, RELAY_WORK_SOME) & RELAY_AGAIN);
    assert_int_equal(read_all(end->game), 1);
    assert_int_equal(send(end->game, "x", 1, 0), 1);
    assert_false(run(end, RELAY_WORK_SOME) & RELAY_AGAIN);
    assert_true(read_all(end->player) > 0);
}

static void new_keys_are_more_work_than_text(void **state)
{
    struct end *end = &((struct fixture *)*state)->end[0];
    const unsigned n = 40;
    unsigned n_heard = 0;
    unsigned wants;
    for (unsigned i = 0; i < n; i++) {
        change_key(end);
        say_bytes(end, 1);
    }
    do {
        wants = run(end, RELAY_WORK_MORE);
        const unsigned more = read_all(end->game);
        assert_in_range(more, 1, RELAY_WORK_MORE / KEY_WORK);
        n_heard += more;
    } while (wants & RELAY_AGAIN);
    assert_int_equal(n_heard, n);
}

static void a_run_seals_so_many_records(void **state)
{
    static const uint8_t many[100000];
    struct end *end = &((struct fixture *)*state)->end[0];
    const unsigned n_record = SMALLEST + RECORD_HEADER_BYTES + 17; // type and tag
    unsigned n_sealed = 0;
    unsigned wants;
    conn_slot(end->conn)->write_limit = SMALLEST;
    assert_int_equal(send(end->game, many, sizeof many, 0), sizeof many);
    do {
        wants = run(end, RELAY_WORK_MORE);
        const unsigned more = read_all(end->player);
        assert_in_range(more, 1, RELAY_WORK_MORE * n_record);
        n_sealed += more;
    } while (wants & RELAY_AGAIN);
    assert_in_range(n_sealed, sizeof many, sizeof many / SMALLEST * (n_record + 40));
}

static void who_has_much_in_one_direction_has_its_turn_in_the_other(void **state)
{
    struct end *end = &((struct fixture *)*state)->end[0];
    say_bytes(end, 500);
    assert_int_equal(send(end->game, "x", 1, 0), 1);
    assert_true(run(end, RELAY_WORK_SOME) & RELAY_AGAIN);
    assert_true(read_all(end->player) > 0);
}

static unsigned read_all_of(struct fixture *fixture, unsigned n)
{
    unsigned n_read = 0;
    for (unsigned i = 0; i < n; i++)
        n_read += read_all(fixture->end[i].game);
    return n_read;
}

static void who_says_much_is_served_behind_who_says_little(void **state)
{
    struct fixture *fixture = *state;
    struct end *quiet = &fixture->end[PLAYERS - 1];
    const unsigned n_others = PLAYERS - 1;
    const unsigned each = 800;
    unsigned n_turns = 0;
    for (unsigned i = 0; i < PLAYERS; i++)
        serve_conn(fixture->end[i].conn, 0); // watch all
    for (unsigned i = 0; i < n_others; i++)
        say_bytes(&fixture->end[i], each);
    one_turn(fixture); // each is heard once
    one_turn(fixture); // libevent asks the kernel for 32 events at first
    unsigned n_heard = read_all_of(fixture, n_others);
    assert_in_range(n_heard, n_others, n_others * RELAY_WORK_SOME + TURN_WORK);
    for (; n_heard < n_others * each; n_turns++) {
        say_bytes(quiet, 1);
        one_turn(fixture);
        assert_int_equal(read_all(quiet->game), 1);
        const unsigned more = read_all_of(fixture, n_others);
        assert_in_range(more, 1, TURN_WORK);
        n_heard += more;
    }
    assert_int_equal(n_heard, n_others * each);
    assert_true(n_turns < n_others * each / 100); // most of the time goes to them all the same
    one_turn(fixture);
    assert_int_equal(fixture->players.put_off.n, 0); // and the loop rests
    assert_false(evtimer_pending(fixture->players.put_off.event, NULL));
}

static void who_is_put_off_has_its_turns_in_order(void **state)
{
    struct fixture *fixture = *state;
    unsigned least = UINT32_MAX;
    unsigned most = 0;
    for (unsigned i = 0; i < PLAYERS; i++)
        say_bytes(&fixture->end[i], 800);
    for (unsigned i = 0; i < PLAYERS; i++)
        conn_put_off(fixture->end[i].conn, RELAY_READ_PLAYER);
    for (unsigned i = 0; i < PLAYERS; i++)
        one_turn(fixture);
    for (unsigned i = 0; i < PLAYERS; i++) {
        const unsigned n = read_all(fixture->end[i].game);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_in_range(least, RELAY_WORK_MORE / 2, most);
    assert_in_range(most, least, least + RELAY_WORK_MORE);
}

// Its entry stands in the ring, and must not be there twice when the next one has the slot.
static void who_is_put_off_may_end_and_another_may_begin(void **state)
{
    struct fixture *fixture = *state;
    struct players *players = &fixture->players;
    struct end *end = &fixture->end[0];
    for (unsigned i = 0; i < 3; i++) {
        conn_put_off(end->conn, RELAY_READ_PLAYER);
        conn_end(end->conn, "a test");
        conn_free(conn_next_woken(players));
        close(end->player);
        close(end->game);
        connect_one(fixture, end);
        assert_int_equal(players->put_off.n, 1);
    }
    say_bytes(end, 500);
    conn_put_off(end->conn, RELAY_READ_PLAYER);
    unsigned n_heard = 0;
    for (unsigned i = 0; i < 10; i++) {
        one_turn(fixture);
        n_heard += read_all(end->game);
    }
    assert_int_equal(n_heard, 500);
    conn_put_off(end->conn, 0);
    conn_end(end->conn, "a test");
    one_turn(fixture);
    assert_int_equal(conn_slot(end->conn)->state, SLOT_FREE);
    assert_int_equal(players->put_off.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_opens_so_many_records_and_no_socket_tells_of_the_rest,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_done_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_keys_are_more_work_than_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_seals_so_many_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_much_in_one_direction_has_its_turn_in_the_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_says_much_is_served_behind_who_says_little, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_put_off_has_its_turns_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_put_off_may_end_and_another_may_begin, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
