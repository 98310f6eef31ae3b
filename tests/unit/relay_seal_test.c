// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How what is for a player over TLS is cut into records, and what room it needs (relay/to_player.c).
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

static struct relay_world world;

static void make_linked(enum relay_world_kind kind, uint32_t flags)
{
    world_make(&world, kind, flags);
    world_link(&world, false, 0);
}

static void no_record_is_longer_than_the_player_wants(void **state)
{
    static uint8_t many[3000];
    (void)state;
    for (unsigned telnet = 0; telnet < 2; telnet++) {
        make_linked(WORLD_TLS13, telnet ? SLOT_FLAG_TELNET : 0);
        world.slot->write_limit = 1000;
        memset(many, 'm', sizeof many);
        world_game_says(&world, many, sizeof many);
        world_run(&world);
        world_player_hears(&world, many, sizeof many, false);
        assert_int_equal(world.n_records, 3);
        // Held back bytes count, too.
        many[0] = 255;
        many[1] = 251;
        world_game_says(&world, many, 2);
        world_run(&world);
        many[2] = 1;
        world_game_says(&world, many + 2, 1000);
        world_run(&world);
        world_player_hears(&world, many, 1002, false);
        world_free(&world);
    }
}

static void what_is_said_of_our_own_is_cut_into_records(void **state)
{
    static uint8_t many[5000];
    (void)state;
    for (unsigned n = 0; n < 2; n++) { // nothing, and the least
        make_linked(WORLD_TLS13, 0);
        struct flow_state next = *world_now(&world, TO_PLAYER);
        assert_true(relay_give(&world.relay, &next, many, n));
        world_run(&world);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_OPEN);
        world_player_hears(&world, many, n, false);
        assert_int_equal(world.n_records, n);
        world_free(&world);
    }
    for (unsigned n = 999; n <= 1001; n++) { // the room that it needs, or a byte less
        for (int variant = 0; variant < 4; variant++) {
            make_linked(variant & 1 ? WORLD_TLS13 : WORLD_PLAIN, 0);
            world.slot->write_limit = 1000;
            const unsigned n_records = variant & 1 && n > 1000 ? 2 : 1;
            const unsigned missing = (unsigned)variant / 2;
            world_fill_out(&world, TO_PLAYER, 0, n + n_records * RECORD_OVERHEAD - missing, 0);
            struct flow_state next = *world_now(&world, TO_PLAYER);
            next.received += slot_is_tls(world.slot) ? 0 : n; // as words do
            const unsigned n_before = relay_world_n_commits;
            assert_int_equal(relay_give(&world.relay, &next, many, n), !missing);
            assert_int_equal(relay_world_n_commits - n_before, !missing);
            world_free(&world);
        }
    }
    for (unsigned n = 999; n <= sizeof many; n = n == 1001 ? 2000 : n + (n < 1001 ? 1 : 1000)) {
        make_linked(WORLD_TLS13, 0);
        world.slot->write_limit = 1000;
        struct flow_state next = *world_now(&world, TO_PLAYER);
        memset(many, 'm', sizeof many);
        assert_true(relay_give(&world.relay, &next, many, n));
        world_check(&world);
        world_run(&world);
        world_player_hears(&world, many, n, false);
        assert_int_equal(world.n_records, (n + 999) / 1000);
        next = *world_now(&world, TO_PLAYER);
        relay_world_seal = failing(EIO, 1);
        assert_true(relay_give(&world.relay, &next, many, n));
        world_check(&world);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_SHUT);
        world_free(&world);
    }
}

// What is in store is sealed, and then there is room to receive more, in one run.
// What telnet's filter holds back needs room with what comes behind it.
static void what_was_held_back_needs_room(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        make_linked(WORLD_TLS13, SLOT_FLAG_TELNET);
        world_game_says(&world, TEXT("\377\373"));
        world_run(&world);
        world_fill_out(&world, TO_PLAYER, 0, 2 + 3 + RECORD_OVERHEAD - missing, 0);
        world_game_says(&world, TEXT("\1ab"));
        world_run_with(&world, RELAY_READ_GAME);
        assert_int_equal(world_now(&world, TO_PLAYER)->record.seq, !missing);
        world_free(&world);
    }
}

// Of a record's text all may be taken out, and then what follows is sealed.
static void what_is_taken_out_does_not_stop_the_rest(void **state)
{
    uint8_t said[700];
    (void)state;
    make_linked(WORLD_TLS13, SLOT_FLAG_TELNET | SLOT_FLAG_FORWARDED);
    world.slot->write_limit = RECORD_LEAST_LIMIT;
    memset(said, 'x', sizeof said);
    memcpy(said, "\377\372\161", 3);
    memcpy(said + sizeof said - 5, "\377\360end", 5);
    world.relay.work = 8; // to receive
    world_game_says(&world, said, sizeof said);
    world_run_with(&world, RELAY_READ_GAME);
    assert_int_equal(buffer_bytes(&world_now(&world, TO_PLAYER)->in), sizeof said);
    world.relay.work = RELAY_WORK_ALL;
    world_run_with(&world, 0);
    assert_int_equal(world_now(&world, TO_PLAYER)->in.chunk, CHUNK_NONE);
    world_run(&world);
    world_player_hears(&world, TEXT("end"), false);
    world_free(&world);
}

// What telnet's filter has changed is wiped when it is sealed; what it has not is in the vault only.
static void what_was_changed_is_wiped(void **state)
{
    (void)state;
    make_linked(WORLD_TLS13, SLOT_FLAG_TELNET);
    relay_world_n_wiped[77] = 0;
    uint8_t said[77];
    memset(said, 'm', sizeof said);
    world_game_says(&world, said, sizeof said);
    world_run(&world);
    world_player_hears(&world, said, sizeof said, false);
    assert_int_equal(relay_world_n_wiped[77], 0);
    said[0] = 255;
    said[1] = 249;
    world_game_says(&world, said, sizeof said);
    world_run(&world);
    world_player_hears(&world, said, sizeof said, false);
    assert_int_equal(relay_world_n_wiped[77], 1);
    world_free(&world);
}

static void what_is_sealed_makes_room(void **state)
{
    static const uint8_t many[2 * CHUNK_BYTES];
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET);
        world_game_says(&world, many, sizeof many);
        relay_world_memory = failing(ENOMEM, 100);
        relay_world_memory.n_first = 1;
        world_run_with(&world, RELAY_READ_GAME); // there is no memory for `out`
        assert_int_equal(buffer_bytes(&world_now(&world, TO_PLAYER)->in), CHUNK_BYTES);
        relay_world_memory.n = 0;
        if (kind != WORLD_PLAIN) { // it takes two records
            world.relay.work = 1;
            world_run_with(&world, RELAY_WRITE_PLAYER);
            world.relay.work = RELAY_WORK_ALL;
            world_player_hears(&world, many, RECORD_MAX_TEXT, false);
        }
        world_run_with(&world, RELAY_READ_GAME);
        assert_int_equal(world_now(&world, TO_PLAYER)->received, 2 * CHUNK_BYTES);
        world_run(&world);
        const size_t n_heard = kind == WORLD_PLAIN ? 0 : RECORD_MAX_TEXT;
        world_player_hears(&world, many, sizeof many - n_heard, false);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_held_back_needs_room),
        cmocka_unit_test(what_is_taken_out_does_not_stop_the_rest),
        cmocka_unit_test(what_was_changed_is_wiped),
        cmocka_unit_test(no_record_is_longer_than_the_player_wants),
        cmocka_unit_test(what_is_said_of_our_own_is_cut_into_records),
        cmocka_unit_test(what_is_sealed_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
