// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates: what a reload finds is taken, or what is served already is kept; what is shown of
// it, and what stayd makes for itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// What a reload gets for the files as they are now, when `before` is served.
static struct certs *reload(const struct certs *before)
{
    wish.before = before;
    wish.listener_before = &listener;
    struct certs *certs = certs_world_load(true);
    wish = (struct certs_wish){0};
    return certs;
}

static bool has_leaf(const struct certs *certs, const struct pki_pair *pair)
{
    return X509_cmp(SSL_CTX_get0_certificate(certs_context(certs)), pair->certificate) == 0;
}

static void what_is_served_is_kept_when_its_files_get_worse(void **state)
{
    (void)state;
    struct pki_pair old = pki_make((struct pki_wish){
        .name = "mush.example", .issuer = &middle, .from_days = -90, .to_days = -2});
    struct certs *before = certs_assert_loads();
    WRITE(certificate_path, NULL, old.certificate, middle.certificate);
    WRITE(key_path, old.key);
    struct certs *after = reload(before);
    assert_int_equal(loaded.n_kept, 1);
    assert_false(loaded.has_news || loaded.has_mistake);
    assert_true(loaded.can_serve && has_leaf(after, &leaf));
    assert_non_null(strstr(remarks, "the certificate that was served until now is kept"));
    certs_free(before);
    unlink(key_path);
    before = after; // the kept one can be kept again
    after = reload(before);
    assert_true(loaded.n_kept == 1 && has_leaf(after, &leaf));
    certs_free(before);
    WRITE(certificate_path, NULL, leaf.certificate); // an incomplete chain
    WRITE(key_path, leaf.key);
    before = after;
    after = reload(before);
    assert_int_equal(loaded.n_kept, 1);
    certs_free(after);
    certs_free(before);
    pki_free(&old);
}

static void what_is_no_better_gives_way_to_what_is_new(void **state)
{
    (void)state;
    struct pki_pair direct = pki_make((struct pki_wish){LEAF, .issuer = &root});
    struct pki_pair next = pki_make((struct pki_wish){LEAF, .issuer = &root});
    WRITE(certificate_path, NULL, direct.certificate);
    WRITE(key_path, direct.key);
    struct certs *before = certs_world_load(true);
    assert_true(loaded.has_mistake); // it was not named before
    WRITE(certificate_path, NULL, next.certificate);
    WRITE(key_path, next.key);
    struct certs *after = reload(before);
    assert_true(loaded.has_news && loaded.n_kept == 0 && !loaded.has_mistake);
    assert_true(has_leaf(after, &next));
    certs_free(after);
    certs_free(before);
    pki_free(&direct);
    pki_free(&next);
}

static void of_several_what_cannot_be_used_is_left_out(void **state)
{
    struct certs_fact fact;
    (void)state;
    listener.certificate[1] = certificate_path;
    listener.key[1] = key_path;
    listener.certificate[0] = other_path;
    listener.key[0] = other_path;
    listener.n_certificates = 2;
    struct certs *certs = certs_world_load(true);
    assert_true(loaded.can_serve && loaded.n_complaints == 1);
    assert_non_null(strstr(remarks, "[listen tls] goes without it"));
    assert_true(certs_look(certs, 0, &fact) && !certs_look(certs, 1, &fact));
    certs_free(certs);
}

static void authorities_that_cannot_be_read_any_more_are_kept(void **state)
{
    (void)state;
    WRITE(ca_path, NULL, middle.certificate);
    listener.client_ca = ca_path;
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    struct certs *before = certs_assert_loads();
    unlink(ca_path);
    struct certs *after = reload(before);
    assert_true(loaded.n_kept == 1 && loaded.n_complaints == 1 && loaded.can_serve);
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(certs_context(after))), 1);
    WRITE(ca_path, NULL, root.certificate);
    certs_free(before);
    before = after;
    after = reload(before);
    assert_true(loaded.has_news && loaded.n_kept == 0);
    certs_free(after);
    certs_free(before);
}

static void what_is_served_can_be_looked_at(void **state)
{
    struct certs_fact fact;
    (void)state;
    struct certs *certs = certs_assert_loads();
    assert_true(certs_look(certs, 0, &fact));
    assert_string_equal(fact.name, "mush.example");
    int64_t left_s = fact.expires_s - (int64_t)time(NULL);
    assert_in_range(left_s, 89 * 24 * 3600, 91 * 24 * 3600);
    assert_false(certs_look(certs, 1, &fact));
    assert_false(certs_look(NULL, 0, &fact));
    char date[CERTS_DATE_BYTES];
    assert_string_equal(certs_print_date(date, 1000000000), "2001-09-09T01:46:40Z");
    certs_free(certs);
}

static void a_certificate_is_made_once_when_none_is_named(void **state)
{
    (void)state;
    struct stat facts;
    char before[1 << 13], after[1 << 13];
    listener.n_certificates = 0;
    struct certs *certs = certs_world_load(false);
    assert_non_null(certs);
    assert_null(certs_context(certs));
    certs_free(certs);
    assert_non_null(strstr(remarks, "will be made"));
    assert_int_not_equal(access(own_path, F_OK), 0);

    certs_assert_remark(own_path, "SHA-256 fingerprint is ");
    const char *fingerprint = strstr(remarks, "fingerprint is ") + 15;
    assert_int_equal(strspn(fingerprint, "0123456789ABCDEF:"), 32 * 3 - 1);
    assert_int_equal(stat(own_path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    char *said = strdup(remarks);
    FILE *file = fopen(own_path, "r");
    before[fread(before, 1, sizeof before - 1, file)] = '\0';
    fclose(file);

    certs = certs_assert_loads();
    X509 *made = SSL_CTX_get0_certificate(certs_context(certs));
    assert_int_equal(X509_check_host(made, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(made, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(made, "::1", 0), 1);
    certs_free(certs);
    file = fopen(own_path, "r");
    after[fread(after, 1, sizeof after - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(before, after);
    assert_string_equal(said, remarks); // the same fingerprint
    free(said);
}

static void a_certificate_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    char nowhere[] = "/proc/stayd.conf";
    conf.path = nowhere;
    listener.n_certificates = 0;
    certs_assert_complaint("/proc/stayd-selfsigned.pem",
                           "could not be written: No such file or directory; let stayd's user");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_served_is_kept_when_its_files_get_worse),
        TEST(what_is_no_better_gives_way_to_what_is_new),
        TEST(of_several_what_cannot_be_used_is_left_out),
        TEST(authorities_that_cannot_be_read_any_more_are_kept),
        TEST(what_is_served_can_be_looked_at),
        TEST(a_certificate_is_made_once_when_none_is_named),
        TEST(a_certificate_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, certs_world_begin, certs_world_end);
}
