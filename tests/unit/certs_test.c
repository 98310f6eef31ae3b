// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates: each mistake in the files is said in words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"

#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void files_that_are_no_certificates_are_refused(void **state)
{
    (void)state;
    unlink(certificate_path);
    certs_assert_complaint(certificate_path, "the certificate cannot be read: No such file");
    certs_write_text(certificate_path, "");
    certs_assert_complaint(certificate_path, "the certificate's file is empty");
    certs_write_text(certificate_path, "\x30\x82 der?");
    certs_assert_complaint(certificate_path, "not in PEM form");
    WRITE(certificate_path, leaf.key);
    certs_assert_complaint(certificate_path, "there is no certificate in it");
    certs_write_text(certificate_path,
                     "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    certs_assert_complaint(certificate_path, "certificate 1 in the file is damaged");
    listener.certificate[0] = folder;
    certs_assert_complaint(folder, "the certificate is not a regular file");
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) { // root reads everything
        assert_int_equal(chmod(folder, 0755) | chmod(certificate_path, 0644), 0);
        assert_int_equal(seteuid(65534), 0);
        certs_assert_complaint(key_path,
                               "Permission denied; give stayd's user the right to read it");
        assert_int_equal(seteuid(0), 0);
        return;
    }
    chmod(key_path, 0);
    certs_assert_complaint(key_path, "Permission denied; give stayd's user the right to read it");
}

static void files_that_are_no_keys_are_refused(void **state)
{
    (void)state;
    unlink(key_path);
    certs_assert_complaint(key_path, "the key cannot be read: No such file");
    WRITE(key_path, NULL, leaf.certificate);
    certs_assert_complaint(key_path, "there is no private key in it");
    listener.key[0] = NULL;
    certs_assert_complaint(certificate_path, "there is no private key in it");
    listener.key[0] = key_path;
    certs_write_text(key_path, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    certs_assert_complaint(key_path, "the private key in it is damaged");
    FILE *file = fopen(key_path, "w");
    assert_true(
        PEM_write_PKCS8PrivateKey(file, leaf.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
    fclose(file);
    certs_assert_complaint(key_path, "decrypt it: openssl pkey -in");
    WRITE(key_path, root.key);
    certs_assert_complaint(key_path, "the key does not match the certificate in");
}

static void dates_are_checked(void **state)
{
    (void)state;
    struct pki_pair wrong = pki_make((struct pki_wish){
        .name = "old.example", .issuer = &middle, .from_days = -90, .to_days = -2});
    WRITE(certificate_path, NULL, wrong.certificate, middle.certificate);
    WRITE(key_path, wrong.key);
    certs_assert_complaint(certificate_path, "certificate 1 (CN = old.example) expired on 2");
    pki_free(&wrong);
    wrong = pki_make(
        (struct pki_wish){.name = "new.example", .issuer = &middle, .from_days = 2, .to_days = 90});
    WRITE(certificate_path, NULL, wrong.certificate, middle.certificate);
    WRITE(key_path, wrong.key);
    certs_assert_complaint(certificate_path,
                           "certificate 1 (CN = new.example) is not valid before 2");
    pki_free(&wrong);
    wrong = pki_make((struct pki_wish){
        .name = "soon.example", .issuer = &root, .from_days = -80, .to_days = 10});
    WRITE(certificate_path, NULL, wrong.certificate, root.certificate);
    WRITE(key_path, wrong.key);
    certs_assert_remark(certificate_path, "certificate 1 (CN = soon.example) expires soon, on 2");
    pki_free(&wrong);
}

static void an_expired_intermediate_is_refused_too(void **state)
{
    (void)state;
    struct pki_pair old = pki_make((struct pki_wish){
        .name = "Old CA", .issuer = &root, .is_ca = 1, .from_days = -90, .to_days = -2});
    struct pki_pair below = pki_make((struct pki_wish){LEAF, .issuer = &old});
    WRITE(certificate_path, NULL, below.certificate, old.certificate);
    WRITE(key_path, below.key);
    certs_assert_complaint(certificate_path, "certificate 2 (CN = Old CA) expired on");
    pki_free(&below);
    pki_free(&old);
}

static void chains_are_checked(void **state)
{
    (void)state;
    WRITE(certificate_path, NULL, leaf.certificate);
    certs_assert_complaint(
        certificate_path,
        "the chain is incomplete: the intermediate certificate of the issuer (CN = "
        "Middle CA) is missing; append it");
    WRITE(certificate_path, NULL, leaf.certificate, root.certificate);
    certs_assert_complaint(certificate_path,
                           "the chain is incomplete: the issuer of certificate 1 (CN = "
                           "Middle CA) is missing");
    WRITE(certificate_path, NULL, leaf.certificate, root.certificate, middle.certificate);
    certs_assert_complaint(certificate_path,
                           "wrong order: certificate 1 was issued by certificate 3");
    WRITE(certificate_path, NULL, middle.certificate, leaf.certificate);
    certs_assert_complaint(certificate_path, "wrong order: the key belongs to certificate 2");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate,
          leaf.certificate);
    certs_assert_complaint(certificate_path, "complete after certificate 3; remove what follows");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate);
    certs_free(certs_assert_loads());
    assert_string_equal(remarks, "");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    certs_assert_remark(certificate_path, "the chain ends below CN = Root CA");
}

static void a_leaf_that_an_own_ca_has_signed_is_said_what_to_append(void **state)
{
    (void)state;
    struct pki_pair direct = pki_make((struct pki_wish){LEAF, .issuer = &root});
    WRITE(certificate_path, NULL, direct.certificate);
    WRITE(key_path, direct.key);
    certs_assert_complaint(certificate_path, "if that issuer is a CA of your own, append the CA's");
    WRITE(certificate_path, NULL, direct.certificate, root.certificate);
    certs_free(certs_assert_loads());
    pki_free(&direct);
}

static void what_has_issued_none_of_the_chain_is_to_be_removed(void **state)
{
    (void)state;
    struct pki_pair second = pki_make((struct pki_wish){
        .name = "Second CA", .issuer = &root, .is_ca = 1, .from_days = -1, .to_days = 900});
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, second.certificate);
    certs_assert_complaint(
        certificate_path,
        "certificate 3 (CN = Second CA) has issued none of those before it; remove it");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate,
          second.certificate);
    certs_assert_complaint(certificate_path, "complete after certificate 3; remove what follows");
    pki_free(&second);
}

// A root that was signed by an older one, too, which has ended: programs have the root itself.
static void an_expired_cross_signed_root_is_to_be_removed(void **state)
{
    (void)state;
    struct pki_pair older = pki_make(
        (struct pki_wish){.name = "Older CA", .is_ca = 1, .from_days = -900, .to_days = 900});
    struct pki_pair cross = pki_make((struct pki_wish){.name = "Root CA",
                                                       .issuer = &older,
                                                       .is_ca = 1,
                                                       .like = &root,
                                                       .from_days = -900,
                                                       .to_days = -2});
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, cross.certificate);
    certs_assert_complaint(certificate_path, "certificate 3 (CN = Root CA) expired on 2");
    assert_non_null(strstr(complaints, "; remove it from the file"));
    // Nobody is worse off for it: it is served, and its end is not the chain's.
    assert_true(loaded.can_serve);
    struct certs *certs = certs_world_load(true);
    struct certs_fact fact;
    assert_true(certs_look(certs, 0, &fact));
    assert_true(fact.expires_s > (int64_t)time(NULL));
    certs_free(certs);
    pki_free(&cross);
    pki_free(&older);
}

static void the_end_of_an_intermediate_is_the_chains(void **state)
{
    (void)state;
    struct pki_pair short_lived = pki_make((struct pki_wish){
        .name = "Short CA", .issuer = &root, .is_ca = 1, .from_days = -300, .to_days = 8});
    struct pki_pair below = pki_make((struct pki_wish){LEAF, .issuer = &short_lived});
    struct certs_fact fact;
    WRITE(certificate_path, NULL, below.certificate, short_lived.certificate);
    WRITE(key_path, below.key);
    struct certs *certs = certs_assert_loads();
    assert_non_null(strstr(remarks, "certificate 2 (CN = Short CA) expires soon"));
    assert_true(certs_look(certs, 0, &fact));
    assert_true(fact.is_issuers);
    assert_in_range(fact.expires_s - (int64_t)time(NULL), 7 * 24 * 3600, 8 * 24 * 3600);
    assert_int_equal(
        certs_end(fact.expires_s - (int64_t)time(NULL), fact.expires_s - fact.begins_s),
        CERTS_ENDS_SOON);
    certs_free(certs);
    pki_free(&below);
    pki_free(&short_lived);
}

static char *text_of(const char *path)
{
    static char text[1 << 13];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void parts_on_one_line_are_told_apart_from_damage(void **state)
{
    char text[1 << 13] = "";
    (void)state;
    WRITE(other_path, NULL, leaf.certificate);
    strcpy(text, text_of(other_path));
    text[strlen(text) - 1] = '\0'; // its last line has no end
    WRITE(other_path, NULL, middle.certificate);
    strcat(text, text_of(other_path));
    certs_write_text(certificate_path, text);
    certs_assert_complaint(certificate_path, "a line end is missing in it before a -----BEGIN");
    WRITE(other_path, NULL, leaf.certificate);
    strcpy(text, text_of(other_path));
    text[strlen(text) - 1] = '\0';
    WRITE(other_path, leaf.key);
    strcat(text, text_of(other_path));
    certs_write_text(key_path, text);
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    certs_assert_complaint(key_path, "a line end is missing in it before a -----BEGIN");
}

static void a_trusted_certificate_is_said_to_be_converted(void **state)
{
    (void)state;
    FILE *file = fopen(certificate_path, "w");
    assert_true(PEM_write_X509_AUX(file, leaf.certificate));
    assert_true(PEM_write_X509(file, middle.certificate));
    fclose(file);
    certs_assert_complaint(certificate_path,
                           "a TRUSTED CERTIFICATE, a form of OpenSSL's own; convert");
}

static void a_root_that_the_system_knows_completes_a_chain(void **state)
{
    (void)state;
    WRITE(ca_path, NULL, root.certificate);
    setenv("SSL_CERT_FILE", ca_path, 1);
    certs_free(certs_assert_loads());
    unsetenv("SSL_CERT_FILE");
    assert_string_equal(remarks, "");
}

static void what_an_operator_should_know_is_remarked(void **state)
{
    (void)state;
    chmod(key_path, 0644);
    certs_assert_remark(key_path, "the key can be read by everybody; chmod o-r");
    struct pki_pair alone = pki_make((struct pki_wish){LEAF});
    WRITE(certificate_path, alone.key, alone.certificate);
    listener.key[0] = NULL;
    certs_assert_remark(certificate_path, "the certificate is self-signed");
    pki_free(&alone);
    struct pki_pair stapled =
        pki_make((struct pki_wish){LEAF, .issuer = &root, .is_to_be_stapled = 1});
    WRITE(certificate_path, stapled.key, stapled.certificate, root.certificate);
    certs_assert_remark(certificate_path, "the certificate says that an OCSP response comes");
    pki_free(&stapled);
}

static void a_weak_key_is_refused_with_openssls_reason(void **state)
{
    (void)state;
    struct pki_pair weak = pki_make((struct pki_wish){LEAF, .rsa_bits = 1024});
    WRITE(certificate_path, NULL, weak.certificate);
    WRITE(key_path, weak.key);
    certs_assert_complaint(certificate_path, "ee key too small; make an ECDSA P-256");
    pki_free(&weak);
}

static void what_no_player_could_shake_hands_with_is_refused(void **state)
{
    (void)state;
    struct pki_pair odd = pki_make((struct pki_wish){LEAF, .curve = "secp256k1"});
    WRITE(certificate_path, NULL, odd.certificate);
    WRITE(key_path, odd.key);
    certs_free(certs_world_load(true));
    assert_false(loaded.can_serve);
    assert_non_null(strstr(complaints, "a try with TLS 1.2 fails: "));
    assert_non_null(strstr(complaints, "a try with TLS 1.3 fails: "));
    pki_free(&odd);
}

static void all_mistakes_of_a_listener_are_said(void **state)
{
    (void)state;
    listener.certificate[1] = other_path;
    listener.key[1] = key_path;
    listener.n_certificates = 2;
    listener.client_ca = ca_path;
    WRITE(key_path, root.key);
    certs_free(certs_world_load(true));
    assert_false(loaded.can_serve);
    assert_non_null(strstr(complaints, "certs.test.ca.pem: the certificate cannot be read"));
    assert_non_null(strstr(complaints, "the key does not match"));
    assert_non_null(strstr(complaints, "certs.test.other.pem: the certificate cannot be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_that_are_no_certificates_are_refused),
        TEST(a_file_that_may_not_be_read_is_named),
        TEST(files_that_are_no_keys_are_refused),
        TEST(dates_are_checked),
        TEST(an_expired_intermediate_is_refused_too),
        TEST(chains_are_checked),
        TEST(a_leaf_that_an_own_ca_has_signed_is_said_what_to_append),
        TEST(what_has_issued_none_of_the_chain_is_to_be_removed),
        TEST(an_expired_cross_signed_root_is_to_be_removed),
        TEST(the_end_of_an_intermediate_is_the_chains),
        TEST(parts_on_one_line_are_told_apart_from_damage),
        TEST(a_trusted_certificate_is_said_to_be_converted),
        TEST(a_root_that_the_system_knows_completes_a_chain),
        TEST(what_an_operator_should_know_is_remarked),
        TEST(a_weak_key_is_refused_with_openssls_reason),
        TEST(what_no_player_could_shake_hands_with_is_refused),
        TEST(all_mistakes_of_a_listener_are_said),
    };
    return cmocka_run_group_tests(tests, certs_world_begin, certs_world_end);
}
