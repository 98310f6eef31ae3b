// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates with several kinds of keys for one name: each program gets one that it takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"

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
static int make_kinds(void **state)
{
    certs_make_files(state);
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
    WRITE(other_path, rsa.key, rsa.certificate, root.certificate);
    WRITE(ca_path, also.key, also.certificate, middle.certificate, root.certificate);
    listener.certificate[1] = other_path;
    listener.certificate[2] = ca_path;
    listener.key[1] = listener.key[2] = NULL;
    listener.n_certificates = 3;
    return 0;
}

static int remove_kinds(void **state)
{
    pki_free(&rsa);
    pki_free(&also);
    return certs_remove_files(state);
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

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_kinds, remove_kinds)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_gets_the_kind_that_it_takes),
        TEST(each_name_has_the_kinds_that_are_for_it),
        TEST(a_second_client_hello_has_the_kinds_once_more),
        TEST(what_kinds_there_are_can_be_looked_at),
        TEST(a_certificate_that_nobody_gets_is_remarked),
        TEST(a_kind_that_was_served_is_kept_when_its_file_is_gone),
    };
    return cmocka_run_group_tests(tests, certs_world_begin, certs_world_end);
}
