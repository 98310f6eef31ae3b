// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a receipt commits, and what is settled of it after a death: each limit of what a call can
// have moved, and beside it.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_slot.h"

#include "vault/flow.h"
#include "vault/receipt.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct flow_state *now(struct fixture *fixture, enum flow_dir dir)
{
    struct flow *flow = &fixture->slot->flow[dir];
    return &flow->copy[flow->current & 1];
}

// As a worker leaves it that dies behind its call: the state before the commit is still there (I2).
static void undo_commit(struct fixture *fixture, enum flow_dir dir)
{
    fixture->slot->flow[dir].current ^= 1;
}

// The count that the kernel notes.
static void set_count(struct fixture *fixture, uint32_t count)
{
    struct mmsghdr *message = (struct mmsghdr *)fixture->vault.head->receipt.message;
    message->msg_len = count;
}

static void receive(struct fixture *fixture, uint32_t chunk, uint32_t offset, const char *text)
{
    const ssize_t n = (ssize_t)strlen(text);
    assert_int_equal(write(fixture->peer, text, (size_t)n), n);
    assert_int_equal(receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk,
                                  offset, CHUNK_BYTES - offset),
                     n);
}

static void settle(struct fixture *fixture, bool expected)
{
    assert_int_equal(receipt_settle(&fixture->vault), expected);
}

static void a_slot_that_there_cannot_be_is_not_settled(void **state)
{
    struct fixture *fixture = *state;
    struct receipt *receipt = &fixture->vault.head->receipt;
    settle(fixture, false); // of no slot
    receive(fixture, chunk_take(&fixture->chunks), 0, "hello");
    undo_commit(fixture, TO_GAME);
    // What lies behind the last slot with memory is none, whatever it says.
    fixture->vault.slots[1] = *fixture->slot;
    receipt->slot = 1;
    settle(fixture, false);
    receipt->slot = 0;
    receipt->dir = 2;
    settle(fixture, false);
    receipt->dir = TO_GAME;
    fixture->slot->state = SLOT_FREE;
    settle(fixture, false);
    fixture->slot->state = SLOT_LIVE;
    fixture->slot->game = VAULT_GAMES; // damaged
    settle(fixture, false);
    fixture->slot->game = 0;
    settle(fixture, true);
    assert_int_equal(now(fixture, TO_GAME)->received, 5);
    assert_int_equal(now(fixture, TO_GAME)->settled, receipt->id);
    settle(fixture, false);
}

static void as_much_is_settled_as_a_receive_can_have_brought(void **state)
{
    struct fixture *fixture = *state;
    struct receipt *receipt = &fixture->vault.head->receipt;
    const uint32_t chunk = chunk_take(&fixture->chunks);
    receive(fixture, chunk, 0, "hello");
    receive(fixture, chunk, 5, "you");
    undo_commit(fixture, TO_GAME);
    set_count(fixture, CHUNK_BYTES - 5 + 1);
    settle(fixture, false);
    set_count(fixture, UINT32_MAX);
    settle(fixture, false);
    set_count(fixture, 3);
    receipt->offset = 4; // not where the flow's bytes end
    settle(fixture, false);
    receipt->offset = 5;
    receipt->chunk = chunk_take(&fixture->chunks); // not where they are
    settle(fixture, false);
    receipt->chunk = chunk;
    set_count(fixture, CHUNK_BYTES - 5); // the last byte of the chunk
    settle(fixture, true);
    assert_int_equal(now(fixture, TO_GAME)->out.end, CHUNK_BYTES);
    assert_int_equal(now(fixture, TO_GAME)->out.start, 0);
    assert_int_equal(now(fixture, TO_GAME)->received, CHUNK_BYTES);
}

static void an_end_that_was_seen_is_settled(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t chunk = chunk_take(&fixture->chunks);
    shutdown(fixture->peer, SHUT_WR);
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 0, 9), 0);
    undo_commit(fixture, TO_GAME);
    settle(fixture, true);
    assert_int_equal(now(fixture, TO_GAME)->phase, FLOW_ENDING);
    settle(fixture, false);
}

static void begin_sending(struct fixture *fixture, const char *text)
{
    const uint32_t chunk = chunk_take(&fixture->chunks);
    struct flow_state next = *now(fixture, TO_GAME);
    memcpy(vault_chunk(&fixture->vault, chunk), text, strlen(text));
    next.out = (struct buffer){.chunk = chunk, .end = (uint16_t)strlen(text)};
    next.received = strlen(text);
    flow_commit(fixture->slot, TO_GAME, &next);
}

static void as_much_is_settled_as_a_send_can_have_taken(void **state)
{
    struct fixture *fixture = *state;
    begin_sending(fixture, "hello\n");
    assert_int_equal(receipt_send(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd), 6);
    undo_commit(fixture, TO_GAME);
    set_count(fixture, 0);
    settle(fixture, false);
    set_count(fixture, 7);
    settle(fixture, false);
    set_count(fixture, 1); // of which the player's connection took one byte only
    settle(fixture, true);
    assert_int_equal(now(fixture, TO_GAME)->sent, 1);
    assert_int_equal(now(fixture, TO_GAME)->out.start, 1);
    undo_commit(fixture, TO_GAME);
    set_count(fixture, 6);
    settle(fixture, true);
    assert_int_equal(now(fixture, TO_GAME)->sent, 6);
    assert_int_equal(now(fixture, TO_GAME)->out.chunk, CHUNK_NONE);
}

static void what_a_game_is_sent_stays_until_it_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    char text[9] = "";
    fixture->slot->flags |= SLOT_FLAG_ACKS;
    begin_sending(fixture, "one\ntwo\n");
    struct flow_state next = *now(fixture, TO_GAME);
    next.sent = 4;
    next.input.unacked = 4;
    next.input.front = 0;
    next.flags |= FLOW_FRESH | FLOW_HEADLESS;
    flow_commit(fixture->slot, TO_GAME, &next);
    assert_int_equal(receipt_send(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd), 4);
    assert_int_equal(read(fixture->peer, text, sizeof text), 4);
    assert_string_equal(text, "two\n");
    const struct flow_state *after = now(fixture, TO_GAME);
    assert_int_equal(after->sent, 8);
    assert_int_equal(after->input.unacked, 8);
    assert_int_equal(buffer_bytes(&after->out), 8);
    assert_false(after->flags & FLOW_FRESH);
    assert_true(after->flags & FLOW_HEADLESS); // which only what is given up changes
}

static void where_a_line_was_left_is_known_of_what_is_sent(void **state)
{
    struct fixture *fixture = *state;
    begin_sending(fixture, "look\nno");
    struct flow_state next = *now(fixture, TO_GAME);
    next.flags |= FLOW_FRESH;
    flow_commit(fixture->slot, TO_GAME, &next);
    assert_int_equal(receipt_send(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd), 7);
    assert_false(now(fixture, TO_GAME)->flags & FLOW_FRESH);
    assert_true(front_is_begun(now(fixture, TO_GAME)->input.front));
    assert_true(now(fixture, TO_GAME)->flags & FLOW_HEADLESS);
    begin_sending(fixture, "rth\n");
    assert_int_equal(receipt_send(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd), 4);
    assert_int_equal(now(fixture, TO_GAME)->input.front, 0);
    assert_false(now(fixture, TO_GAME)->flags & FLOW_HEADLESS);
}

static void of_a_players_output_nothing_is_kept(void **state)
{
    struct fixture *fixture = *state;
    fixture->slot->flags |= SLOT_FLAG_ACKS;
    begin_sending(fixture, "x");
    struct flow_state next = *now(fixture, TO_GAME);
    next.flags |= FLOW_FRESH | FLOW_HEADLESS; // of TO_GAME's only they mean that
    flow_commit(fixture->slot, TO_PLAYER, &next);
    assert_int_equal(receipt_send(&fixture->vault, 0, TO_PLAYER, fixture->slot->player_fd), 1);
    assert_int_equal(now(fixture, TO_PLAYER)->out.chunk, CHUNK_NONE);
    assert_int_equal(now(fixture, TO_PLAYER)->flags, FLOW_FRESH | FLOW_HEADLESS);
    assert_int_equal(now(fixture, TO_PLAYER)->sent, 1);
}

static void a_plain_flow_notes_that_it_is_http(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t chunk = chunk_take(&fixture->chunks);
    receive(fixture, chunk, 0, "GET / HTTP/1.1\r\n");
    const uint8_t request = now(fixture, TO_GAME)->http;
    assert_int_equal(request, http_follow_request(0, (const uint8_t *)"GET / HTTP/1.1\r\n", 16));
    assert_int_not_equal(request, http_follow_request(0, (const uint8_t *)"look\r\n", 6));
    // With a step between, it is the step that does.
    fixture->slot->flags |= SLOT_FLAG_TELNET;
    receive(fixture, chunk_take(&fixture->chunks), 0, "look\r\n");
    assert_int_equal(now(fixture, TO_GAME)->http, request);
    fixture->slot->flags &= ~SLOT_FLAG_TELNET;
    const char answer[] = "HTTP/1.1 200 OK\r\n";
    struct flow_state to_player = {.http = 0};
    flow_note_http(&to_player, TO_PLAYER, (const uint8_t *)answer, sizeof answer - 1);
    assert_int_equal(to_player.http,
                     http_follow_answer(0, (const uint8_t *)answer, sizeof answer - 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, live_slot_set_up, live_slot_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slot_that_there_cannot_be_is_not_settled),
        TEST(as_much_is_settled_as_a_receive_can_have_brought),
        TEST(an_end_that_was_seen_is_settled),
        TEST(as_much_is_settled_as_a_send_can_have_taken),
        TEST(what_a_game_is_sent_stays_until_it_is_acknowledged),
        TEST(where_a_line_was_left_is_known_of_what_is_sent),
        TEST(of_a_players_output_nothing_is_kept),
        TEST(a_plain_flow_notes_that_it_is_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
