// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates: what is right is served: by name, by version, cipher suite and ALPN, with and
// without a player's certificate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"
#include "record/suites.h"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <string.h>

static void what_takeover_stands_on_is_set_whatever_openssl_cnf_says(void **state)
{
    (void)state;
    certs_write_text(other_path,
                     "config_diagnostics = 1\nopenssl_conf = top\n[top]\nssl_conf = ssl\n"
                     "[ssl]\nsystem_default = defaults\n[defaults]\n"
                     "Options = KTLS,-SessionTicket,AllowNoDHEKEX\nVerifyMode = Require\n"
                     "NumTickets = 0\nMaxProtocol = TLSv1.2\nGroups = P-521\n");
    assert_true(CONF_modules_load_file(other_path, NULL, 0) > 0);
    SSL_CTX *plain = SSL_CTX_new(TLS_server_method());
    assert_true(SSL_CTX_get_options(plain) & SSL_OP_ENABLE_KTLS); // the file counts
    struct certs *certs = certs_assert_loads();
    SSL_CTX *context = certs_context(certs);
    uint64_t options = SSL_CTX_get_options(context);
    assert_false(options & (SSL_OP_ENABLE_KTLS | SSL_OP_NO_TICKET | SSL_OP_ALLOW_NO_DHE_KEX));
    assert_true(options & SSL_OP_NO_RENEGOTIATION);
    assert_true(options & SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
    assert_true(options & SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
    assert_true(options & SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
#endif
    assert_int_equal(SSL_CTX_get_verify_mode(context), SSL_VERIFY_NONE);
    assert_int_equal(SSL_CTX_get_num_tickets(context), 2);
    assert_int_equal(SSL_CTX_get_max_proto_version(context), TLS1_3_VERSION);
    certs_free(certs);
    SSL_CTX_free(plain);
    certs_write_text(other_path, "openssl_conf = top\n[top]\nssl_conf = ssl\n[ssl]\n"
                                 "system_default = defaults\n[defaults]\nMinProtocol = TLSv1.2\n");
    assert_true(CONF_modules_load_file(other_path, NULL, 0) > 0);
}

static char *common_name(SSL *player)
{
    static char name[128];
    X509 *certificate = SSL_get0_peer_certificate(player);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    return name;
}

static void assert_serves(struct certs *certs, const char *name, const char *expected)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL *game;
        const struct pki_play play = {.name = name, .version = version};
        SSL *player = pki_play(certs_context(certs), &play, &game);
        assert_non_null(player);
        assert_string_equal(common_name(player), expected);
        assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(player)), 2);
        pki_end(player, game);
    }
}

static void certificates_are_chosen_by_name(void **state)
{
    (void)state;
    struct pki_pair wild = pki_make((struct pki_wish){.name = "wild",
                                                      .names = "DNS:*.games.example,DNS:other.test",
                                                      .issuer = &root,
                                                      .rsa_bits = 2048,
                                                      .from_days = -1,
                                                      .to_days = 90});
    struct pki_pair exact = pki_make((struct pki_wish){.name = "exact",
                                                       .names = "DNS:moo.games.example",
                                                       .issuer = &root,
                                                       .from_days = -1,
                                                       .to_days = 90});
    WRITE(other_path, wild.key, wild.certificate, root.certificate);
    WRITE(ca_path, exact.key, exact.certificate, root.certificate);
    listener.certificate[1] = other_path;
    listener.certificate[2] = ca_path;
    listener.n_certificates = 3;
    struct certs *certs = certs_assert_loads();
    assert_serves(certs, NULL, "mush.example");
    assert_serves(certs, "mush.example", "mush.example");
    assert_serves(certs, "MUSH.Example", "mush.example");
    assert_serves(certs, "unknown.test", "mush.example");
    assert_serves(certs, "a.b.games.example", "mush.example");
    assert_serves(certs, "other.test", "wild");
    assert_serves(certs, "any.games.example", "wild");
    assert_serves(certs, "moo.games.example", "exact");
    certs_free(certs);
    pki_free(&wild);
    pki_free(&exact);
}

static void count_contexts(SSL_CTX *context, void *arg)
{
    assert_non_null(context);
    ++*(int *)arg;
}

static void every_context_is_reached_and_reads_nothing_ahead(void **state)
{
    (void)state;
    int n = 0;
    listener.certificate[1] = certificate_path;
    listener.key[1] = key_path;
    listener.n_certificates = 2;
    struct certs *certs = certs_assert_loads();
    certs_each(certs, count_contexts, &n);
    assert_int_equal(n, 2);
    SSL_CTX *context = certs_context(certs);
    assert_int_equal(SSL_CTX_get_read_ahead(context), 0);
    assert_int_equal(SSL_CTX_get_session_cache_mode(context), SSL_SESS_CACHE_OFF);
    assert_true(SSL_CTX_get_options(context) & SSL_OP_NO_RENEGOTIATION);
    assert_false(SSL_CTX_get_options(context) & SSL_OP_NO_TICKET);
    assert_int_equal(SSL_CTX_get_timeout(context), 12 * 3600);
    certs_free(certs);
}

static bool can_play(struct certs *certs, struct pki_play play)
{
    SSL *game;
    SSL *player = pki_play(certs_context(certs), &play, &game);
    if (!player)
        return false;
    pki_end(player, game);
    return true;
}

static void only_suites_that_can_be_taken_over_are_offered(void **state)
{
    (void)state;
    struct certs *certs = certs_assert_loads();
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(certs_context(certs));
    assert_int_equal(sk_SSL_CIPHER_num(all), 9);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
        assert_non_null(suite_find(SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(all, i))));
    static const struct {
        const char *cipher;
        bool is_taken;
    } cases[] = {{"ECDHE-ECDSA-AES128-GCM-SHA256", true}, {"ECDHE-ECDSA-AES256-GCM-SHA384", true},
                 {"ECDHE-ECDSA-CHACHA20-POLY1305", true}, {"ECDHE-ECDSA-AES128-SHA256", false},
                 {"ECDHE-ECDSA-AES256-SHA", false},       {"ECDHE-ECDSA-AES128-CCM", false},
                 {"ECDHE-RSA-AES128-GCM-SHA256", false}}; // the key is ECDSA
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(can_play(certs, (struct pki_play){.version = TLS1_2_VERSION,
                                                           .ciphers = cases[i].cipher}),
                         cases[i].is_taken);
    assert_false(can_play(certs, (struct pki_play){.version = TLS1_1_VERSION}));
    certs_free(certs);
}

// SSL_get_negotiated_group's of a group that has no NID.
#define HYBRID (TLSEXT_nid_unknown | 0x11ec)

static bool has_hybrid(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool has = SSL_CTX_set1_groups_list(context, "X25519MLKEM768") == 1;
    SSL_CTX_free(context);
    ERR_clear_error();
    return has;
}

static void assert_group(const struct certs *certs, const char *groups, int expected)
{
    SSL *game;
    const struct pki_play play = {.version = TLS1_3_VERSION, .groups = groups};
    SSL *player = pki_play(certs_context(certs), &play, &game);
    assert_non_null(player);
    assert_int_equal(SSL_get_negotiated_group(player), expected);
    pki_end(player, game);
}

static void the_hybrid_group_comes_first_where_openssl_has_it(void **state)
{
    (void)state;
    struct certs *certs = certs_assert_loads();
    assert_group(certs, NULL, has_hybrid() ? HYBRID : NID_X25519);
    assert_group(certs, "X25519", NID_X25519);
    assert_group(certs, "P-256", NID_X9_62_prime256v1);
    assert_group(certs, "P-384", NID_secp384r1);
    assert_group(certs, "P-521:P-384", NID_secp384r1);
    if (has_hybrid()) {
        assert_group(certs, "X25519:X25519MLKEM768", HYBRID);
        assert_group(certs, "P-521:X25519:X25519MLKEM768", HYBRID);
    }
    assert_false(can_play(certs, (struct pki_play){.groups = "P-521"}));
    certs_free(certs);
}

static void rsa_certificates_serve_the_rsa_suites(void **state)
{
    (void)state;
    struct pki_pair rsa = pki_make((struct pki_wish){LEAF, .issuer = &root, .rsa_bits = 2048});
    WRITE(certificate_path, NULL, rsa.certificate, root.certificate);
    WRITE(key_path, rsa.key);
    struct certs *certs = certs_assert_loads();
    static const char *const taken[] = {"ECDHE-RSA-AES128-GCM-SHA256",
                                        "ECDHE-RSA-AES256-GCM-SHA384",
                                        "ECDHE-RSA-CHACHA20-POLY1305"};
    static const char *const refused[] = {"AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256",
                                          "ECDHE-RSA-AES256-SHA384"};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(
            can_play(certs, (struct pki_play){.version = TLS1_2_VERSION, .ciphers = taken[i]}));
        assert_false(
            can_play(certs, (struct pki_play){.version = TLS1_2_VERSION, .ciphers = refused[i]}));
    }
    assert_true(can_play(certs, (struct pki_play){.version = TLS1_3_VERSION}));
    certs_free(certs);
    pki_free(&rsa);
}

static void the_oldest_version_can_be_raised(void **state)
{
    (void)state;
    listener.tls_min = TLS1_3_VERSION;
    struct certs *certs = certs_assert_loads();
    assert_false(can_play(certs, (struct pki_play){.version = TLS1_2_VERSION}));
    assert_true(can_play(certs, (struct pki_play){.version = TLS1_3_VERSION}));
    certs_free(certs);
}

static void alpn_is_chosen_from_the_configured_list(void **state)
{
    (void)state;
    char names[] = "mush,telnet";
    listener.alpn = names;
    struct certs *certs = certs_assert_loads();
    SSL *game;
    const unsigned char *chosen;
    unsigned n_chosen;
    const struct pki_play play = {.alpn = "\x06telnet\x04mush"};
    SSL *player = pki_play(certs_context(certs), &play, &game);
    assert_non_null(player);
    SSL_get0_alpn_selected(player, &chosen, &n_chosen);
    assert_int_equal(n_chosen, 4);
    assert_memory_equal(chosen, "mush", 4);
    pki_end(player, game);
    assert_true(can_play(certs, (struct pki_play){.alpn = NULL}));
    assert_false(can_play(certs, (struct pki_play){.alpn = "\x02h2"}));
    certs_free(certs);
    listener.alpn = NULL;
    certs = certs_assert_loads();
    assert_true(can_play(certs, (struct pki_play){.alpn = "\x02h2"}));
    certs_free(certs);
}

static long verify_result(struct certs *certs, const struct pki_pair *pair, bool *has_certificate)
{
    SSL *game;
    const struct pki_play play = {.pair = pair};
    SSL *player = pki_play(certs_context(certs), &play, &game);
    assert_non_null(player);
    long result = SSL_get_verify_result(game);
    *has_certificate = SSL_get0_peer_certificate(game) != NULL;
    pki_end(player, game);
    return result;
}

static void players_certificates_are_asked_for_and_never_refused(void **state)
{
    (void)state;
    bool has_certificate;
    struct pki_pair stranger = pki_make((struct pki_wish){LEAF});
    WRITE(ca_path, NULL, middle.certificate);
    struct certs *certs = certs_assert_loads();
    verify_result(certs, &leaf, &has_certificate);
    assert_false(has_certificate); // not asked for
    certs_free(certs);
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    certs = certs_assert_loads();
    assert_int_not_equal(verify_result(certs, &leaf, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    certs_free(certs);
    listener.client_ca = ca_path;
    certs = certs_assert_loads();
    assert_int_equal(verify_result(certs, &leaf, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    assert_int_not_equal(verify_result(certs, &stranger, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    verify_result(certs, NULL, &has_certificate);
    assert_false(has_certificate);
    certs_free(certs);
    pki_free(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_takeover_stands_on_is_set_whatever_openssl_cnf_says),
        TEST(certificates_are_chosen_by_name),
        TEST(every_context_is_reached_and_reads_nothing_ahead),
        TEST(only_suites_that_can_be_taken_over_are_offered),
        TEST(the_hybrid_group_comes_first_where_openssl_has_it),
        TEST(rsa_certificates_serve_the_rsa_suites),
        TEST(the_oldest_version_can_be_raised),
        TEST(alpn_is_chosen_from_the_configured_list),
        TEST(players_certificates_are_asked_for_and_never_refused),
    };
    return cmocka_run_group_tests(tests, certs_world_begin, certs_world_end);
}
