// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd owes a player over TLS: alerts, answers to KeyUpdates and renegotiations, new keys in
// time, a notice where there can be none; and what becomes of the player when a record cannot be
// sealed (relay/to_player.c, relay/to_game.c).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BAD_RECORD_MAC 20u
#define WORN_TLS13 ((uint64_t)1 << 22)
#define WORN_TLS12 ((uint64_t)1 << 24)

static const char broken[] = "\27\3\3\0\40 this is no record, whatever it says";
static const char notice[] =
    "\r\nThis connection has used up its keys and TLS 1.2 cannot renew them. "
    "Please connect again.\r\n";
static struct relay_world world;

static void make_linked(enum relay_world_kind kind, uint32_t flags)
{
    world_make(&world, kind, flags);
    world_link(&world, false, 0);
}

static void fill_player(void)
{
    static const uint8_t many[100000];
    for (int i = 0; i < 4; i++) {
        const ssize_t n = send(world.game, many, sizeof many, MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        world_run(&world);
    }
    assert_int_not_equal(world_now(&world, TO_PLAYER)->in.chunk, CHUNK_NONE);
}

static void assert_wiped(unsigned key)
{
    static const struct record_key blank;
    assert_memory_equal(&world.slot->keys[key], &blank, sizeof blank);
}

static unsigned free_key(void)
{
    return slot_free_key(world_now(&world, TO_GAME)->key, world_now(&world, TO_PLAYER)->key);
}

static void set_seq(uint64_t seq)
{
    struct flow_state next = *world_now(&world, TO_PLAYER);
    next.record.seq = seq;
    flow_commit(world.slot, TO_PLAYER, &next);
    world.receive_state.seq = seq;
}

static void a_broken_record_is_answered_and_ends_both_ways(void **state)
{
    (void)state;
    for (int kind = WORLD_TLS12; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, 0);
        world_player_says(&world, TEXT("one"));
        send(world.player, broken, 37, 0);
        world_player_says(&world, TEXT("too late"));
        world_game_says(&world, TEXT("too late"));
        assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
        assert_true(relay_is_ended(world.slot));
        assert_int_equal(world_now(&world, TO_GAME)->input.alert, BAD_RECORD_MAC);
        assert_true(world_now(&world, TO_GAME)->flags & FLOW_NO_MORE_RECORDS);
        assert_true(world_now(&world, TO_PLAYER)->flags & FLOW_CLOSE_SEALED);
        world_game_hears(&world, TEXT("one"), true);
        world_player_hears(&world, "", 0, true);
        assert_int_equal(world.alert, BAD_RECORD_MAC);
        assert_true(world.slot->flags & SLOT_FLAG_PLAYER_ENDED);
        close(world.player);
        world.player = -1;
        assert_int_equal(world_run(&world), RELAY_DONE);
        world_free(&world);
    }
}

static void an_alert_waits_until_the_player_reads(void **state)
{
    const uint8_t *text;
    bool is_end;
    (void)state;
    make_linked(WORLD_TLS13, 0);
    fill_player();
    send(world.player, broken, 37, 0);
    const unsigned wants = world_run(&world);
    assert_true(wants & RELAY_WRITE_PLAYER);
    assert_true(wants & RELAY_STUCK);
    do
        world_player_reads(&world, &text, &is_end);
    while (world_run(&world) & RELAY_WRITE_PLAYER);
    world_player_reads(&world, &text, &is_end);
    assert_int_equal(world.alert, BAD_RECORD_MAC);
    world_free(&world);
}

// Each needs so much room, whether it is sealed, and is sealed alone or not at all.
static void what_is_owed_needs_room_and_memory(void **state)
{
    static const struct {
        enum relay_world_kind kind;
        unsigned n_text;
    } cases[] = {
        {WORLD_TLS13, 2}, {WORLD_TLS13, 5}, {WORLD_TLS12, sizeof notice}, {WORLD_TLS13, 4}};
    (void)state;
    for (int what = 0; what < 4; what++) {
        for (unsigned missing = 0; missing < 3; missing++) {
            make_linked(cases[what].kind, 0);
            if (what == 0)
                send(world.player, broken, 37, 0);
            else if (what == 1)
                world_player_rekeys(&world, true);
            else if (what == 2)
                set_seq(WORN_TLS12);
            else
                world_game_says(&world, TEXT("text"));
            const uint32_t left = cases[what].n_text + RECORD_OVERHEAD - (missing == 1);
            const bool has_memory = missing < 2;
            if (has_memory)
                world_fill_out(&world, TO_PLAYER, 0, left, 0);
            else
                relay_world_memory = failing(ENOMEM, 100);
            if (what != 2) // what is received has a chunk of its own, and what is opened another
                relay_world_memory.n_first = what == 3 ? 1 : 2;
            const unsigned wants = world_run_with(&world, what < 2    ? RELAY_READ_PLAYER
                                                          : what == 3 ? RELAY_READ_GAME
                                                                      : 0);
            const bool is_sealed =
                world_now(&world, TO_PLAYER)->record.seq != (what == 2 ? WORN_TLS12 : 0) ||
                world_now(&world, TO_PLAYER)->key != 1;
            assert_true(has_memory || relay_world_memory.n < 100);
            assert_int_equal(is_sealed, missing == 0);
            assert_int_equal(!!(wants & RELAY_POLL), !has_memory);
            world_free(&world);
        }
    }
}

// One run seals what is due, although the player takes nothing: then nothing is left of which no
// socket tells.
static void all_that_is_due_is_sealed_in_a_run(void **state)
{
    static const uint8_t hello[64] = {1, 0, 0, 60, 3, 3};
    static uint8_t said[1200];
    (void)state;
    memset(said, 'm', sizeof said);
    said[511] = 255;
    said[512] = 249;
    for (int what = 0; what < 4; what++) {
        make_linked(what & 1 ? WORLD_TLS12 : WORLD_TLS13, SLOT_FLAG_TELNET);
        world.slot->write_limit = RECORD_LEAST_LIMIT;
        world.relay.work = 8; // to receive
        world_game_says(&world, said, sizeof said);
        assert_true(world_run_with(&world, RELAY_READ_GAME) & RELAY_AGAIN);
        assert_int_equal(world_now(&world, TO_PLAYER)->record.seq, 0);
        world.relay.work = RELAY_WORK_ALL;
        if (what == 1)
            world_player_says_record(&world, 22, hello, sizeof hello);
        else if (what == 2)
            world_player_rekeys(&world, true);
        else if (what == 3)
            set_seq(WORN_TLS12);
        if (what == 1 || what == 2) { // it is owed, but there is no memory
            relay_world_memory = failing(ENOMEM, 100);
            relay_world_memory.n_first = 2;
            world_run_with(&world, RELAY_READ_PLAYER);
            relay_world_memory.n = 0;
        }
        world_run_with(&world, 0);
        assert_int_equal(world_now(&world, TO_PLAYER)->in.chunk, CHUNK_NONE);
        if (what == 3)
            assert_true(world_now(&world, TO_PLAYER)->flags & FLOW_CLOSE_SEALED);
        world_run(&world);
        if (what < 3)
            world_player_hears(&world, said, sizeof said, false);
        world_free(&world);
    }
}

static void who_says_an_alert_is_told_nothing_more(void **state)
{
    const uint8_t *text;
    bool is_end;
    (void)state;
    make_linked(WORLD_TLS13, 0);
    world_game_says(&world, TEXT("too late"));
    world_player_says_alert(&world, BAD_RECORD_MAC);
    assert_int_equal(world_run(&world), RELAY_DONE);
    assert_true(world_now(&world, TO_GAME)->flags & FLOW_DEAF);
    assert_int_equal(world_now(&world, TO_GAME)->input.alert, BAD_RECORD_MAC);
    assert_int_equal(world_player_reads(&world, &text, &is_end), 0);
    assert_true(is_end);
    assert_int_equal(world.alert, FLOW_ALERT_NONE);
    world_game_hears(&world, "", 0, true);
    world_free(&world);
}

static void who_closes_hears_the_game_to_its_end(void **state)
{
    (void)state;
    make_linked(WORLD_TLS13, 0);
    world_player_says(&world, TEXT("quit\n"));
    world_player_says_alert(&world, RECORD_CLOSE_NOTIFY);
    world_player_says(&world, TEXT("too late"));
    relay_world_send = failing(EAGAIN, 1);
    assert_int_equal(world_run(&world), RELAY_READ_GAME | RELAY_WRITE_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->in.chunk, CHUNK_NONE);
    assert_int_equal(world_run(&world), RELAY_READ_GAME);
    world_game_hears(&world, TEXT("quit\n"), true);
    world_game_says(&world, TEXT("bye"));
    shutdown(world.game, SHUT_WR);
    world_run(&world);
    assert_true(world_run(&world) & RELAY_JUDGE);
    world_player_hears(&world, TEXT("bye"), false);
    assert_int_equal(world.alert, FLOW_ALERT_NONE);
    relay_let_end(&world.relay);
    assert_true(world_run(&world) & RELAY_LINGER);
    world_player_hears(&world, "", 0, true);
    assert_int_equal(world.alert, RECORD_CLOSE_NOTIFY);
    world_free(&world);
}

static void a_key_update_is_answered_once_with_a_new_key(void **state)
{
    (void)state;
    make_linked(WORLD_TLS13, 0);
    world_player_rekeys(&world, true);
    world_player_rekeys(&world, true);
    world_player_rekeys(&world, false);
    world_player_says(&world, TEXT("one"));
    world_game_says(&world, TEXT("two"));
    relay_world_n_wiped[sizeof(struct record_key)] = 0;
    world_run(&world);
    assert_int_equal(relay_world_n_wiped[sizeof(struct record_key)], 9); // also by the record layer
    assert_wiped(free_key());
    world_game_hears(&world, TEXT("one"), false);
    world_player_hears(&world, TEXT("two"), false);
    assert_int_equal(world.n_updates, 1);
    assert_int_equal(world_now(&world, TO_GAME)->record.asks, 2);
    world_player_says(&world, TEXT("three"));
    world_game_says(&world, TEXT("four"));
    world_run(&world);
    world_game_hears(&world, TEXT("three"), false);
    world_player_hears(&world, TEXT("four"), false);
    assert_int_equal(world.n_updates, 1);
    // One that is not to be answered.
    world_player_rekeys(&world, false);
    relay_world_n_wiped[sizeof(struct record_key)] = 0;
    world_run(&world);
    assert_wiped(free_key());
    assert_int_equal(relay_world_n_wiped[sizeof(struct record_key)], 2);
    assert_int_equal(world.n_updates, 1);
    world_free(&world);
}

static void a_renegotiation_is_refused_once(void **state)
{
    static const uint8_t hello[64] = {1, 0, 0, 60, 3, 3};
    (void)state;
    make_linked(WORLD_TLS12, 0);
    world_player_says_record(&world, 22, hello, sizeof hello);
    world_game_says(&world, TEXT("one"));
    world_player_says(&world, TEXT("two"));
    for (int i = 0; i < 2; i++) {
        world_run(&world);
        world_player_hears(&world, i == 0 ? "one" : "", i == 0 ? 3 : 0, false);
        assert_int_equal(world.n_records, 2); // one of them the warning
    }
    world_game_hears(&world, TEXT("two"), false);
    assert_int_equal(world_now(&world, TO_PLAYER)->output.answered, 1);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_OPEN);
    world_free(&world);
}

static void a_key_is_changed_before_it_is_worn(void **state)
{
    (void)state;
    make_linked(WORLD_TLS13, 0);
    set_seq(WORN_TLS13);
    world_run(&world);
    world_game_says(&world, TEXT("one"));
    world_run(&world);
    world_player_hears(&world, TEXT("one"), false);
    assert_int_equal(world.n_updates, 1);
    assert_wiped(free_key());
    assert_int_equal(world_now(&world, TO_PLAYER)->record.seq, 1);
    world_free(&world);
}

// Why it ends is noted when it begins to.
static void see_end(const struct slot *slot, enum flow_dir dir)
{
    if (dir == TO_PLAYER && flow_is_ending(flow_now(&slot->flow[TO_PLAYER])))
        assert_int_equal(slot->ended_by, SLOT_END_WORN);
}

static void where_no_key_can_be_changed_the_player_is_told(void **state)
{
    (void)state;
    make_linked(WORLD_TLS12, 0);
    set_seq(WORN_TLS12);
    world_game_says(&world, TEXT("too late"));
    relay_world_on_commit = see_end;
    world_run(&world);
    world_player_hears(&world, TEXT(notice), true);
    assert_int_equal(world.alert, RECORD_CLOSE_NOTIFY);
    relay_world_on_commit = NULL;
    assert_int_equal(world.slot->ended_by, SLOT_END_WORN);
    assert_true(world.slot->flags & SLOT_FLAG_GAME_ENDED);
    world_free(&world);
}

static void into_http_no_notice_goes(void **state)
{
    (void)state;
    make_linked(WORLD_TLS12, SLOT_FLAG_TELNET);
    world_player_says(&world, TEXT("GET / HTTP/1.1\r\n"));
    world_run(&world);
    assert_true(relay_is_http(world.slot));
    set_seq(WORN_TLS12);
    world_game_says(&world, TEXT("too late"));
    world_run(&world);
    world_player_hears(&world, "", 0, true);
    assert_int_equal(world.n_records, 1);
    assert_int_equal(world.alert, RECORD_CLOSE_NOTIFY);
    world_free(&world);
}

// Text, an alert, a KeyUpdate, a notice.
static void who_cannot_be_sealed_for_is_ended(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        make_linked(what == 3 ? WORLD_TLS12 : WORLD_TLS13, 0);
        if (what == 1)
            send(world.player, broken, 37, 0);
        else if (what == 2)
            world_player_rekeys(&world, true);
        else if (what == 3)
            set_seq(WORN_TLS12);
        world_game_says(&world, TEXT("text"));
        relay_world_seal = failing(EIO, 1);
        const unsigned wants = world_run(&world);
        assert_int_equal(relay_world_seal.n, 0);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_SHUT);
        if (what == 1)
            assert_int_equal(wants, RELAY_LINGER | RELAY_READ_PLAYER);
        else
            assert_int_equal(wants, RELAY_HALF | RELAY_READ_PLAYER);
        assert_wiped(free_key()); // of the key half made nothing stays, and it is not used
        world_player_hears(&world, "", 0, false);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_record_is_answered_and_ends_both_ways),
        cmocka_unit_test(an_alert_waits_until_the_player_reads),
        cmocka_unit_test(what_is_owed_needs_room_and_memory),
        cmocka_unit_test(all_that_is_due_is_sealed_in_a_run),
        cmocka_unit_test(who_says_an_alert_is_told_nothing_more),
        cmocka_unit_test(who_closes_hears_the_game_to_its_end),
        cmocka_unit_test(a_key_update_is_answered_once_with_a_new_key),
        cmocka_unit_test(a_renegotiation_is_refused_once),
        cmocka_unit_test(a_key_is_changed_before_it_is_worn),
        cmocka_unit_test(where_no_key_can_be_changed_the_player_is_told),
        cmocka_unit_test(into_http_no_notice_goes),
        cmocka_unit_test(who_cannot_be_sealed_for_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
