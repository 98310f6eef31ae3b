// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A ticket brings a session back only where a full handshake would lead to the same place with the
// same checks; where it does not there is a full handshake, and no error. In both versions of TLS.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"
#include "entry/tickets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S (24 * 3600)

static struct vault_head *head;
static struct pki_pair authority, stranger, player_pair;
static long boot_later_s, wall_later_s; // the test's clocks go before the kernel's by so much

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = __real_clock_gettime(clock, time);
    time->tv_sec += clock == CLOCK_REALTIME ? wall_later_s : boot_later_s;
    return result;
}

static struct pki_play play; // what the player's program does

struct visit {
    bool is_resumed;
    long hint_s;   // of the newest ticket
    long verified; // what the game is told
    char name[32]; // ... and by what name it was asked for
};

static struct certs *certs; // NULL: to be read

// Another worker, which reads the listener's files anew.
static void reload(void)
{
    certs_free(certs);
    certs = NULL;
}

// A player comes who has the last visit's ticket, and gets in.
static struct visit come(void)
{
    struct visit visit = {0};
    SSL *game;
    if (!certs)
        certs = certs_assert_loads();
    play.session_is_kept = 1;
    SSL *player = pki_play(certs_context(certs), &play, &game);
    assert_non_null(player);
    visit.is_resumed = SSL_session_reused(game) == 1;
    assert_int_equal(SSL_session_reused(player), visit.is_resumed);
    visit.hint_s = (long)SSL_SESSION_get_ticket_lifetime_hint(SSL_get_session(player));
    visit.verified = SSL_get_verify_result(game);
    const char *name = SSL_get_servername(game, TLSEXT_NAMETYPE_host_name);
    snprintf(visit.name, sizeof visit.name, "%s", name ? name : "");
    pki_end(player, game);
    return visit;
}

// A first visit, with no ticket of an earlier one.
static void come_first(void)
{
    pki_forget_session();
    assert_false(come().is_resumed);
}

static void require_certificates(enum conf_client_certificates mode)
{
    listener.client_certificates = mode;
    listener.client_ca = ca_path;
    play.pair = &player_pair;
    reload();
}

#define EACH_VERSION                                                                               \
    for (play.version = TLS1_2_VERSION; play.version <= TLS1_3_VERSION; play.version++)

static void it_is_resumed_again_and_again_by_workers_that_come_and_go(void **state)
{
    (void)state;
    EACH_VERSION
    {
        come_first();
        for (unsigned i = 0; i < 5; i++) {
            reload();
            assert_true(come().is_resumed);
        }
    }
}

static void a_renewed_server_certificate_changes_nothing(void **state)
{
    (void)state;
    struct pki_pair renewed = pki_make((struct pki_wish){LEAF, .issuer = &middle});
    EACH_VERSION
    {
        WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
        WRITE(key_path, leaf.key);
        reload();
        come_first();
        WRITE(certificate_path, NULL, renewed.certificate, middle.certificate);
        WRITE(key_path, renewed.key);
        reload();
        assert_true(come().is_resumed);
    }
    pki_free(&renewed);
}

static void another_mode_of_client_certificates_wants_a_full_handshake(void **state)
{
    (void)state;
    static const enum conf_client_certificates modes[] = {CONF_CLIENT_CERTIFICATES_NO,
                                                          CONF_CLIENT_CERTIFICATES_ASK,
                                                          CONF_CLIENT_CERTIFICATES_REQUIRE};
    EACH_VERSION
    {
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned j = 0; j < 3; j++) {
                require_certificates(modes[i]);
                come_first();
                require_certificates(modes[j]);
                assert_int_equal(come().is_resumed, i == j);
            }
        }
    }
}

static void who_has_no_certificate_gets_in_by_no_ticket_where_one_is_required(void **state)
{
    (void)state;
    EACH_VERSION
    {
        SSL *game;
        require_certificates(CONF_CLIENT_CERTIFICATES_ASK);
        play.pair = NULL;
        come_first();
        listener.client_certificates = CONF_CLIENT_CERTIFICATES_REQUIRE;
        reload();
        certs = certs_assert_loads();
        assert_null(pki_play(certs_context(certs), &play, &game));
    }
}

static void authorities_count_by_what_they_are_and_not_by_their_file(void **state)
{
    (void)state;
    EACH_VERSION
    {
        WRITE(ca_path, NULL, authority.certificate);
        require_certificates(CONF_CLIENT_CERTIFICATES_ASK);
        come_first();
        WRITE(other_path, NULL, authority.certificate);
        listener.client_ca = other_path;
        reload();
        struct visit visit = come();
        assert_true(visit.is_resumed);
        assert_int_equal(visit.verified, X509_V_OK);
        WRITE(other_path, NULL, stranger.certificate);
        reload();
        visit = come();
        assert_false(visit.is_resumed);
        assert_int_not_equal(visit.verified, X509_V_OK);
        // One more that may have signed may change the verdict.
        WRITE(other_path, NULL, stranger.certificate, authority.certificate);
        reload();
        assert_false(come().is_resumed);
        listener.client_ca = NULL;
        reload();
        assert_false(come().is_resumed);
        // Where nobody is asked they do not matter.
        listener.client_certificates = CONF_CLIENT_CERTIFICATES_NO;
        reload();
        come_first();
        listener.client_ca = other_path;
        reload();
        assert_true(come().is_resumed);
    }
}

static void another_listener_wants_a_full_handshake(void **state)
{
    (void)state;
    EACH_VERSION
    {
        strcpy(listener.name, "tls");
        reload();
        come_first();
        strcpy(listener.name, "tl");
        reload();
        assert_false(come().is_resumed);
    }
}

static void another_name_wants_a_full_handshake_and_leads_where_it_would(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "mush.example", "other.test", "unknown.test",
                                        "unknown.tes"};
    struct pki_pair other = pki_make((struct pki_wish){.name = "other.test",
                                                       .names = "DNS:other.test",
                                                       .issuer = &root,
                                                       .from_days = -1,
                                                       .to_days = 90});
    WRITE(other_path, other.key, other.certificate, root.certificate);
    listener.certificate[1] = other_path;
    listener.n_certificates = 2;
    EACH_VERSION
    {
        for (unsigned i = 0; i < 5; i++) {
            for (unsigned is_other = 0; is_other < 2; is_other++) {
                const char *name = names[(i + is_other) % 5];
                play.name = names[i];
                come_first();
                play.name = name;
                struct visit visit = come();
                assert_int_equal(visit.is_resumed, !is_other);
                // Also in TLS 1.2, where OpenSSL has it from the session.
                assert_string_equal(visit.name, name ? name : "");
            }
        }
        play.name = "mush.example";
        come_first();
        play.name = "MUSH.Example";
        assert_true(come().is_resumed);
    }
    pki_free(&other);
}

static void twelve_hours_after_the_full_handshake_there_is_another(void **state)
{
    (void)state;
    EACH_VERSION
    {
        boot_later_s = 0;
        come_first();
        for (unsigned hour = 1; hour < 12; hour++) {
            boot_later_s = hour * 3600;
            head->view.ticket_keys[1 - head->view.ticket_current].made_s = 0;
            // So that TLS 1.2 gives a new ticket for the old one, too.
            tickets_tick(&head->view, head->view.ticket_keys[head->view.ticket_current].made_s +
                                          TICKETS_ROTATE_S);
            struct visit visit = come();
            assert_true(visit.is_resumed);
            // A program need not keep a ticket for longer than it is good. (TLS 1.2 says nothing of
            // one that renews another.)
            if (play.version == TLS1_3_VERSION)
                assert_in_range(visit.hint_s, (12 - hour) * 3600 - 60, (12 - hour) * 3600);
        }
        boot_later_s = 12 * 3600 + 1;
        assert_false(come().is_resumed);
        assert_true(come().is_resumed);
    }
}

// Its own end, or that of one that has signed it.
static void play_until_the_end(struct pki_pair *pair, struct pki_pair *signer)
{
    WRITE(ca_path, NULL, signer->certificate);
    EACH_VERSION
    {
        wall_later_s = 0;
        require_certificates(CONF_CLIENT_CERTIFICATES_ASK);
        play.pair = pair;
        come_first();
        wall_later_s = DAY_S - 60;
        assert_true(come().is_resumed);
        wall_later_s = DAY_S + 1;
        assert_false(come().is_resumed);
    }
}

static void when_a_players_certificate_has_ended_it_is_looked_at_again(void **state)
{
    (void)state;
    struct pki_pair brief = pki_make(
        (struct pki_wish){.name = "brief", .issuer = &authority, .from_days = -1, .to_days = 1});
    struct pki_pair brief_ca =
        pki_make((struct pki_wish){.name = "Brief CA", .is_ca = 1, .from_days = -1, .to_days = 1});
    struct pki_pair under = pki_make(
        (struct pki_wish){.name = "under", .issuer = &brief_ca, .from_days = -1, .to_days = 90});
    play_until_the_end(&brief, &authority);
    play_until_the_end(&under, &brief_ca);
    // One that nobody has signed, too: the game is told whether it is out of date.
    play_until_the_end(&brief, &stranger);
    pki_free(&brief);
    pki_free(&brief_ca);
    pki_free(&under);
}

static void when_a_players_certificate_begins_it_is_looked_at_again(void **state)
{
    (void)state;
    struct pki_pair early = pki_make(
        (struct pki_wish){.name = "early", .issuer = &authority, .from_days = 1, .to_days = 90});
    play_until_the_end(&early, &authority);
    pki_free(&early);
}

static void a_ticket_does_not_say_that_it_is_good_for_longer_than_the_certificate(void **state)
{
    (void)state;
    struct pki_pair brief = pki_make(
        (struct pki_wish){.name = "brief", .issuer = &authority, .from_days = -1, .to_days = 1});
    EACH_VERSION
    {
        wall_later_s = 0;
        require_certificates(CONF_CLIENT_CERTIFICATES_ASK);
        play.pair = &brief;
        pki_forget_session();
        assert_in_range(come().hint_s, 12 * 3600 - 60, 12 * 3600);
        pki_forget_session();
        wall_later_s = DAY_S - 3600;
        assert_in_range(come().hint_s, 3600 - 60, 3600);
    }
    pki_free(&brief);
}

static void a_ticket_without_a_note_is_worth_nothing(void **state)
{
    (void)state;
    EACH_VERSION
    {
        SSL *game;
        pki_forget_session();
        reload();
        certs = certs_assert_loads();
        SSL_CTX_set_session_ticket_cb(certs_context(certs), NULL, NULL, NULL);
        SSL *player = pki_play(certs_context(certs), &play, &game);
        pki_end(player, game);
        reload();
        assert_false(come().is_resumed);
        assert_true(come().is_resumed);
    }
}

static int set_up(void **state)
{
    memset(head, 0, VAULT_HEAD_BYTES);
    tickets_tick(&head->view, 1);
    tickets_use(&head->view);
    boot_later_s = wall_later_s = 0;
    play = (struct pki_play){0};
    reload();
    certs_make_files(state);
    WRITE(ca_path, NULL, authority.certificate);
    return 0;
}

static int begin(void **state)
{
    head = aligned_alloc(4096, VAULT_HEAD_BYTES);
    authority = pki_make(
        (struct pki_wish){.name = "Players' CA", .is_ca = 1, .from_days = -1, .to_days = 900});
    stranger = pki_make(
        (struct pki_wish){.name = "Other CA", .is_ca = 1, .from_days = -1, .to_days = 900});
    player_pair = pki_make(
        (struct pki_wish){.name = "player", .issuer = &authority, .from_days = -1, .to_days = 90});
    return head ? certs_world_begin(state) : -1;
}

static int finish(void **state)
{
    reload();
    free(head);
    pki_free(&authority);
    pki_free(&stranger);
    pki_free(&player_pair);
    return certs_world_end(state);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, certs_remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_resumed_again_and_again_by_workers_that_come_and_go),
        TEST(a_renewed_server_certificate_changes_nothing),
        TEST(another_mode_of_client_certificates_wants_a_full_handshake),
        TEST(who_has_no_certificate_gets_in_by_no_ticket_where_one_is_required),
        TEST(authorities_count_by_what_they_are_and_not_by_their_file),
        TEST(another_listener_wants_a_full_handshake),
        TEST(another_name_wants_a_full_handshake_and_leads_where_it_would),
        TEST(twelve_hours_after_the_full_handshake_there_is_another),
        TEST(when_a_players_certificate_has_ended_it_is_looked_at_again),
        TEST(when_a_players_certificate_begins_it_is_looked_at_again),
        TEST(a_ticket_does_not_say_that_it_is_good_for_longer_than_the_certificate),
        TEST(a_ticket_without_a_note_is_worth_nothing),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
