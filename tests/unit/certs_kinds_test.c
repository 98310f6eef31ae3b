// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates with several kinds of keys for one name: each program gets one that it takes. And
// names that a program may not ask for on this listener.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"
#include "entry/reason.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RSA_12 .version = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
#define RSA_13 .version = TLS1_3_VERSION, .signatures = "RSA-PSS+SHA256"
#define ECDSA_12 .version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
#define ECDSA_13 .version = TLS1_3_VERSION, .signatures = "ECDSA+SHA256"
#define ANY_12 .version = TLS1_2_VERSION
#define ANY_13 .version = TLS1_3_VERSION

static struct pki_pair rsa, also; // mush.example and *.games.example; ECDSA: moo.games.example

// ECDSA of one name; RSA of that and a wildcard, with another chain; ECDSA for one name below it.
static int begin(void **state)
{
    int result = certs_world_begin(state);
    rsa = pki_make((struct pki_wish){.name = "rsa",
                                     .names = "DNS:mush.example,DNS:*.games.example",
                                     .issuer = &root,
                                     .rsa_bits = 2048,
                                     .from_days = -1,
                                     .to_days = 90});
    also = pki_make((struct pki_wish){.name = "also",
                                      .names = "DNS:moo.games.example",
                                      .issuer = &middle,
                                      .from_days = -1,
                                      .to_days = 90});
    return result;
}

static int end(void **state)
{
    pki_free(&rsa);
    pki_free(&also);
    return certs_world_end(state);
}

static int write_kinds(void **state)
{
    certs_make_files(state);
    WRITE(other_path, rsa.key, rsa.certificate, root.certificate);
    WRITE(ca_path, also.key, also.certificate, middle.certificate, root.certificate);
    listener.certificate[1] = other_path;
    listener.certificate[2] = ca_path;
    listener.key[1] = listener.key[2] = NULL;
    listener.n_certificates = 3;
    return 0;
}

static void assert_gets(const struct certs *certs, struct pki_play play, const char *expected,
                        int n_chain)
{
    char name[128];
    SSL *game;
    SSL *player = pki_play(certs_context(certs), &play, &game);
    assert_non_null(player);
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(player)),
                              NID_commonName, name, sizeof name);
    assert_string_equal(name, expected);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(player)), n_chain);
    pki_end(player, game);
}

static void a_program_gets_the_kind_that_it_takes(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "mush.example", "mush.example.", "nowhere.example"};
    struct certs *certs = certs_assert_loads();
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *name = names[i];
        assert_gets(certs, (struct pki_play){RSA_12, .name = name}, "rsa", 2);
        assert_gets(certs, (struct pki_play){RSA_13, .name = name}, "rsa", 2);
        assert_gets(certs, (struct pki_play){ECDSA_12, .name = name}, "mush.example", 2);
        assert_gets(certs, (struct pki_play){ECDSA_13, .name = name}, "mush.example", 2);
        assert_gets(certs, (struct pki_play){ANY_12, .name = name}, "mush.example", 2);
        assert_gets(certs, (struct pki_play){ANY_13, .name = name}, "mush.example", 2);
    }
    certs_free(certs);
}

static void each_name_has_the_kinds_that_are_for_it(void **state)
{
    (void)state;
    SSL *game;
    struct certs *certs = certs_assert_loads();
    // A wildcard of the one kind, an exact name of the other.
    assert_gets(certs, (struct pki_play){RSA_13, .name = "moo.games.example"}, "rsa", 2);
    assert_gets(certs, (struct pki_play){ANY_13, .name = "moo.games.example"}, "also", 3);
    assert_gets(certs, (struct pki_play){ANY_12, .name = "moo.games.example."}, "also", 3);
    // The wildcard alone: there is no ECDSA certificate for this name, though there are others.
    assert_gets(certs, (struct pki_play){ANY_12, .name = "x.games.example"}, "rsa", 2);
    assert_gets(certs, (struct pki_play){ANY_13, .name = "x.games.example"}, "rsa", 2);
    assert_null(pki_play(certs_context(certs),
                         &(struct pki_play){ECDSA_13, .name = "x.games.example"}, &game));
    certs_free(certs);
}

static void a_second_client_hello_has_the_kinds_once_more(void **state)
{
    (void)state;
    struct certs *certs = certs_assert_loads();
    assert_gets(certs, (struct pki_play){RSA_13, .groups = "P-521:P-384"}, "rsa", 2);
    assert_gets(certs, (struct pki_play){ECDSA_13, .groups = "P-521:P-384"}, "mush.example", 2);
    certs_free(certs);
}

static void what_kinds_there_are_can_be_looked_at(void **state)
{
    (void)state;
    static const enum certs_kind kinds[] = {CERTS_ECDSA, CERTS_RSA, CERTS_ECDSA};
    struct certs_fact fact;
    struct certs *certs = certs_assert_loads();
    for (unsigned i = 0; i < 3; i++) {
        assert_true(certs_look(certs, i, &fact));
        assert_int_equal(fact.kind, kinds[i]);
    }
    assert_string_equal(certs_kind_name(CERTS_ECDSA), "ECDSA");
    assert_non_null(strstr(remarks, "certs.test.pem: [listen tls] for mush.example there are this "
                                    "ECDSA certificate and the RSA one in "));
    assert_non_null(strstr(remarks, "certs.test.ca.pem: [listen tls] for moo.games.example there "
                                    "are this ECDSA certificate and the RSA one in "));
    assert_null(strstr(remarks, "no player gets"));
    certs_free(certs);
}

static void a_certificate_that_nobody_gets_is_remarked(void **state)
{
    (void)state;
    struct pki_pair later = pki_make((struct pki_wish){LEAF, .issuer = &root, .rsa_bits = 2048});
    WRITE(ca_path, later.key, later.certificate, root.certificate);
    certs_free(certs_assert_loads());
    assert_non_null(strstr(remarks, "certs.test.ca.pem: [listen tls] no player gets this"));
    assert_null(strstr(remarks, "other.pem: [listen tls] no player gets this"));
    pki_free(&later);
}

static void a_kind_that_was_served_is_kept_when_its_file_is_gone(void **state)
{
    (void)state;
    struct certs *before = certs_assert_loads();
    unlink(other_path);
    wish = (struct certs_wish){.before = before, .listener_before = &listener};
    struct certs *certs = certs_world_load(true);
    assert_true(loaded.n_kept == 1 && loaded.can_serve);
    assert_gets(certs, (struct pki_play){RSA_13}, "rsa", 2);
    assert_gets(certs, (struct pki_play){ANY_13}, "mush.example", 2);
    certs_free(certs);
    certs_free(before);
}

// The world's listener beside one of the configuration, whose game has this name.
static void make_stricter(const char *name)
{
    static struct conf_game no_game;
    conf.n_games = 2;
    conf.n_listeners = 1;
    conf.game[1] = no_game;
    conf.game[1].sni[0] = strdup(name);
    conf.listener[0] = listener;
    strcpy(conf.listener[0].name, "strict");
    conf.listener[0].game = 1;
    conf.listener[0].tls_min = TLS1_3_VERSION;
}

static void remove_stricter(void)
{
    free(conf.game[1].sni[0]);
    memset(conf.game, 0, sizeof conf.game);
    memset(conf.listener, 0, sizeof conf.listener);
    conf.n_games = conf.n_listeners = 0;
}

static bool can_play(const struct certs *certs, struct pki_play play)
{
    SSL *game;
    SSL *player = pki_play(certs_context(certs), &play, &game);
    if (player)
        pki_end(player, game);
    return player != NULL;
}

static void a_name_of_a_game_with_stricter_listeners_is_refused(void **state)
{
    (void)state;
    make_stricter("moo.games.example");
    struct certs *certs = certs_assert_loads();
    assert_true(can_play(certs, (struct pki_play){ANY_13, .name = "moo.games.example"}));
    assert_false(can_play(certs, (struct pki_play){ANY_12, .name = "moo.games.example"}));
    assert_false(can_play(certs, (struct pki_play){ANY_12, .name = "MOO.games.example."}));
    assert_true(can_play(certs, (struct pki_play){ANY_12, .name = "mush.example"}));
    conf.listener[0].client_certificates = CONF_CLIENT_CERTIFICATES_REQUIRE;
    assert_false(can_play(certs, (struct pki_play){ANY_13, .name = "moo.games.example"}));
    assert_true(can_play(certs, (struct pki_play){ANY_13, .name = "mush.example"}));
    certs_free(certs);
    // That is no mistake of the certificate's.
    certs_free(certs_assert_loads());
    remove_stricter();
}

static void the_player_is_told_and_so_is_the_log(void **state)
{
    (void)state;
    make_stricter("mush.example");
    struct certs *certs = certs_assert_loads();
    SSL_CTX *program = SSL_CTX_new(TLS_client_method());
    SSL *player = SSL_new(program);
    SSL *game = SSL_new(certs_context(certs));
    BIO *ends[2];
    SSL_CTX_set_max_proto_version(program, TLS1_2_VERSION);
    SSL_set_max_proto_version(player, TLS1_2_VERSION);
    SSL_set_tlsext_host_name(player, "mush.example");
    assert_true(BIO_new_bio_pair(&ends[0], 1 << 14, &ends[1], 1 << 14));
    SSL_set_bio(player, ends[0], ends[0]);
    SSL_set_bio(game, ends[1], ends[1]);
    assert_int_equal(SSL_connect(player), -1);
    ERR_clear_error();
    int result = SSL_accept(game);
    assert_string_equal(reason_of(game, SSL_get_error(game, result)),
                        "the game that it asks for by name has stricter listeners");
    ERR_clear_error();
    assert_int_equal(SSL_connect(player), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
                     SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME);
    ERR_clear_error();
    SSL_free(player);
    SSL_free(game);
    SSL_CTX_free(program);
    certs_free(certs);
    remove_stricter();
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, write_kinds, certs_remove_files)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_gets_the_kind_that_it_takes),
        TEST(each_name_has_the_kinds_that_are_for_it),
        TEST(a_second_client_hello_has_the_kinds_once_more),
        TEST(what_kinds_there_are_can_be_looked_at),
        TEST(a_certificate_that_nobody_gets_is_remarked),
        TEST(a_kind_that_was_served_is_kept_when_its_file_is_gone),
        TEST(a_name_of_a_game_with_stricter_listeners_is_refused),
        TEST(the_player_is_told_and_so_is_the_log),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
