// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Session tickets: they outlive the contexts that gave them, the keys rotate, and
// a key whose writer was killed is never used.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "entry/tickets.h"
#include "pki.h"

#include <stdlib.h>
#include <string.h>

static struct vault_head *head;
static struct pki_pair pair;

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_true(SSL_CTX_use_certificate(context, pair.certificate));
    assert_true(SSL_CTX_use_PrivateKey(context, pair.key));
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"t", 1);
    tickets_attach(context);
    return context;
}

// Play once, with the last play's session if there is one, in a context of its own as a new
// worker would have. Says whether the session was resumed.
static bool play(int version)
{
    const struct pki_play wish = {.version = version, .session_is_kept = 1};
    SSL_CTX *context = make_context();
    SSL *game;
    SSL *player = pki_play(context, &wish, &game);
    assert_non_null(player);
    bool is_resumed = SSL_session_reused(player) == 1;
    assert_int_equal(SSL_session_reused(game), is_resumed);
    pki_end(player, game);
    SSL_CTX_free(context);
    return is_resumed;
}

static uint64_t current_made_s(void)
{
    return head->view.ticket_keys[head->view.ticket_current].made_s;
}

static void tickets_outlive_the_entry(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pki_forget_session();
        assert_false(play(version));
        assert_true(play(version));
        tickets_tick(&head->view, 1);
        tickets_use(&head->view); // a new entry, the same vault
        assert_true(play(version));
    }
}

static void another_vault_does_not_open_them(void **state)
{
    (void)state;
    assert_false(play(TLS1_3_VERSION));
    memset(head, 0, sizeof *head);
    tickets_tick(&head->view, 1);
    tickets_use(&head->view);
    assert_false(play(TLS1_3_VERSION));
}

static void the_first_key_is_made_once(void **state)
{
    (void)state;
    struct vault_ticket_key before[2];
    memcpy(before, head->view.ticket_keys, sizeof before);
    assert_true(current_made_s() > 0);
    tickets_tick(&head->view, 1);
    tickets_use(&head->view);
    tickets_tick(&head->view, current_made_s() + TICKETS_ROTATE_S - 1);
    assert_memory_equal(before, head->view.ticket_keys, sizeof before);
}

static void a_new_key_is_made_in_time_and_the_old_one_still_opens(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pki_forget_session();
        assert_false(play(version));
        uint32_t before = head->view.ticket_current;
        uint64_t now_s = current_made_s() + TICKETS_ROTATE_S;
        tickets_tick(&head->view, now_s);
        assert_int_equal(head->view.ticket_current, 1 - before);
        assert_int_equal(current_made_s(), now_s);
        assert_true(memcmp(&head->view.ticket_keys[0], &head->view.ticket_keys[1],
                           sizeof head->view.ticket_keys[0]) != 0);
        assert_true(play(version)); // opened with the old key, and renewed
        tickets_tick(&head->view, now_s + TICKETS_ROTATE_S);
        assert_true(play(version)); // so this one is of the key before, not two before
    }
}

static void after_two_rotations_a_ticket_is_worth_nothing(void **state)
{
    (void)state;
    assert_false(play(TLS1_3_VERSION));
    uint64_t now_s = current_made_s();
    tickets_tick(&head->view, now_s + TICKETS_ROTATE_S);
    tickets_tick(&head->view, now_s + 2 * TICKETS_ROTATE_S);
    assert_false(play(TLS1_3_VERSION));
}

// The writer was killed anywhere between clearing made_s and flipping ticket_current.
static void a_half_written_key_is_never_used(void **state)
{
    (void)state;
    assert_false(play(TLS1_3_VERSION));
    uint32_t current = head->view.ticket_current;
    struct vault_ticket_key *other = &head->view.ticket_keys[1 - current];
    // Worst case: the name is that of a ticket a player holds, the rest is not.
    memcpy(other->name, head->view.ticket_keys[current].name, sizeof other->name);
    memset(other->aes, 0x5a, sizeof other->aes);
    other->made_s = 0;
    // Whichever place is looked at first, only the whole key opens.
    assert_true(play(TLS1_3_VERSION));
    tickets_tick(&head->view, 1);
    tickets_use(&head->view);
    assert_int_equal(head->view.ticket_current, current);
    assert_true(play(TLS1_3_VERSION));
    // Killed after made_s, before the flip: whole, but not the one that makes tickets.
    struct vault_ticket_key kept = *other;
    for (unsigned i = 0; i < sizeof other->name; i++)
        other->name[i] ^= 0xff;
    other->made_s = 1;
    assert_true(play(TLS1_3_VERSION));
    *other = kept;
    // The next rotation writes it anew.
    tickets_tick(&head->view, current_made_s() + TICKETS_ROTATE_S);
    assert_int_equal(head->view.ticket_current, 1 - current);
    assert_true(play(TLS1_3_VERSION));
}

static void without_a_key_there_are_only_full_handshakes(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        pki_forget_session();
        assert_false(play(version));
        head->view.ticket_keys[head->view.ticket_current].made_s = 0;
        assert_false(play(version));
        tickets_tick(&head->view, 1);
        tickets_use(&head->view);
    }
}

static int make_vault(void **state)
{
    (void)state;
    memset(head, 0, sizeof *head);
    tickets_tick(&head->view, 1);
    tickets_use(&head->view);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    pki_forget_session();
    return 0;
}

static int make_world(void **state)
{
    (void)state;
    head = aligned_alloc(4096, VAULT_HEAD_BYTES);
    pair = pki_make((struct pki_wish){.name = "t", .from_days = -1, .to_days = 1});
    return head ? 0 : -1;
}

static int end_world(void **state)
{
    (void)state;
    pki_free(&pair);
    free(head);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_vault, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tickets_outlive_the_entry),
        TEST(another_vault_does_not_open_them),
        TEST(the_first_key_is_made_once),
        TEST(a_new_key_is_made_in_time_and_the_old_one_still_opens),
        TEST(after_two_rotations_a_ticket_is_worth_nothing),
        TEST(a_half_written_key_is_never_used),
        TEST(without_a_key_there_are_only_full_handshakes),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
