// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates: each mistake is said in words, what is right is served: by name,
// by version, cipher suite and ALPN, with and without a player's certificate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "entry/certs.h"
#include "pki.h"

#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEAF .name = "mush.example", .names = "DNS:mush.example", .from_days = -1, .to_days = 90

static char folder[] = "/tmp/stayd-certs-XXXXXX";
static char certificate_path[64], key_path[64], other_path[64], ca_path[64], own_path[64];
static char conf_path[64];
static char *complaints, *remarks; // of the last load
static struct pki_pair root, middle, leaf;
static struct conf conf;
static struct conf_listener listener;

static struct certs_loaded loaded; // ... without what the caller of load() gets
static struct certs_wish wish;     // of the next one

static struct certs *load(bool may_make)
{
    size_t n;
    wish.may_make = may_make;
    free(complaints);
    free(remarks);
    FILE *bad = open_memstream(&complaints, &n);
    FILE *note = open_memstream(&remarks, &n);
    loaded = certs_load(&conf, &listener, &wish, bad, note);
    fclose(bad);
    fclose(note);
    assert_non_null(loaded.certs);
    assert_int_equal(loaded.n_complaints == 0, *complaints == '\0');
    return loaded.certs;
}

// One complaint, about this file, that holds these words.
static void assert_complaint(const char *path, const char *expected)
{
    certs_free(load(true));
    char *newline = strchr(complaints, '\n');
    bool is_one = newline && newline[1] == '\0';
    if (!is_one || strncmp(complaints, path, strlen(path)) != 0 || !strstr(complaints, expected) ||
        !strstr(complaints, "; "))
        fail_msg("expected one complaint \"%s: %s\":\n%s", path, expected, complaints);
}

static struct certs *assert_loads(void)
{
    struct certs *certs = load(true);
    if (loaded.n_complaints)
        fail_msg("refused: %s", complaints);
    assert_true(loaded.can_serve);
    return certs;
}

static void assert_remark(const char *path, const char *expected)
{
    certs_free(assert_loads());
    if (strncmp(remarks, path, strlen(path)) != 0 || !strstr(remarks, expected))
        fail_msg("expected the remark \"%s: %s\":\n%s", path, expected, remarks);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

#define WRITE(path, key, ...) pki_write(path, (X509 *[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, key)

// Before each test: a good chain and key in two files, in one listener.
static int make_files(void **state)
{
    (void)state;
    memset(&listener, 0, sizeof listener);
    strcpy(listener.name, "tls");
    listener.is_tls = true;
    listener.tls_min = TLS1_2_VERSION;
    listener.certificate[0] = certificate_path;
    listener.key[0] = key_path;
    listener.n_certificates = 1;
    conf.path = conf_path;
    wish = (struct certs_wish){0};
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    WRITE(key_path, leaf.key);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    const char *const paths[] = {certificate_path, key_path, other_path, ca_path, own_path};
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++)
        unlink(paths[i]);
    pki_forget_session();
    return 0;
}

static void files_that_are_no_certificates_are_refused(void **state)
{
    (void)state;
    unlink(certificate_path);
    assert_complaint(certificate_path, "the certificate cannot be read: No such file");
    write_text(certificate_path, "");
    assert_complaint(certificate_path, "the certificate's file is empty");
    write_text(certificate_path, "\x30\x82 der?");
    assert_complaint(certificate_path, "not in PEM form");
    WRITE(certificate_path, leaf.key);
    assert_complaint(certificate_path, "there is no certificate in it");
    write_text(certificate_path, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert_complaint(certificate_path, "certificate 1 in the file is damaged");
    listener.certificate[0] = folder;
    assert_complaint(folder, "the certificate is not a regular file");
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) { // root reads everything
        assert_int_equal(chmod(folder, 0755) | chmod(certificate_path, 0644), 0);
        assert_int_equal(seteuid(65534), 0);
        assert_complaint(key_path, "Permission denied; give stayd's user the right to read it");
        assert_int_equal(seteuid(0), 0);
        return;
    }
    chmod(key_path, 0);
    assert_complaint(key_path, "Permission denied; give stayd's user the right to read it");
}

static void files_that_are_no_keys_are_refused(void **state)
{
    (void)state;
    unlink(key_path);
    assert_complaint(key_path, "the key cannot be read: No such file");
    WRITE(key_path, NULL, leaf.certificate);
    assert_complaint(key_path, "there is no private key in it");
    listener.key[0] = NULL;
    assert_complaint(certificate_path, "there is no private key in it");
    listener.key[0] = key_path;
    write_text(key_path, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    assert_complaint(key_path, "the private key in it is damaged");
    FILE *file = fopen(key_path, "w");
    assert_true(
        PEM_write_PKCS8PrivateKey(file, leaf.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
    fclose(file);
    assert_complaint(key_path, "decrypt it: openssl pkey -in");
    WRITE(key_path, root.key);
    assert_complaint(key_path, "the key does not match the certificate in");
}

static void dates_are_checked(void **state)
{
    (void)state;
    struct pki_pair wrong = pki_make((struct pki_wish){
        .name = "old.example", .issuer = &middle, .from_days = -90, .to_days = -2});
    WRITE(certificate_path, NULL, wrong.certificate, middle.certificate);
    WRITE(key_path, wrong.key);
    assert_complaint(certificate_path, "certificate 1 (CN = old.example) expired on 2");
    pki_free(&wrong);
    wrong = pki_make(
        (struct pki_wish){.name = "new.example", .issuer = &middle, .from_days = 2, .to_days = 90});
    WRITE(certificate_path, NULL, wrong.certificate, middle.certificate);
    WRITE(key_path, wrong.key);
    assert_complaint(certificate_path, "certificate 1 (CN = new.example) is not valid before 2");
    pki_free(&wrong);
    wrong = pki_make((struct pki_wish){
        .name = "soon.example", .issuer = &root, .from_days = -80, .to_days = 10});
    WRITE(certificate_path, NULL, wrong.certificate, root.certificate);
    WRITE(key_path, wrong.key);
    assert_remark(certificate_path, "certificate 1 (CN = soon.example) expires soon, on 2");
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
    assert_complaint(certificate_path, "certificate 2 (CN = Old CA) expired on");
    pki_free(&below);
    pki_free(&old);
}

static void chains_are_checked(void **state)
{
    (void)state;
    WRITE(certificate_path, NULL, leaf.certificate);
    assert_complaint(certificate_path,
                     "the chain is incomplete: the intermediate certificate of the issuer (CN = "
                     "Middle CA) is missing; append it");
    WRITE(certificate_path, NULL, leaf.certificate, root.certificate);
    assert_complaint(certificate_path, "the chain is incomplete: the issuer of certificate 1 (CN = "
                                       "Middle CA) is missing");
    WRITE(certificate_path, NULL, leaf.certificate, root.certificate, middle.certificate);
    assert_complaint(certificate_path, "wrong order: certificate 1 was issued by certificate 3");
    WRITE(certificate_path, NULL, middle.certificate, leaf.certificate);
    assert_complaint(certificate_path, "wrong order: the key belongs to certificate 2");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate,
          leaf.certificate);
    assert_complaint(certificate_path, "complete after certificate 3; remove what follows");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate);
    certs_free(assert_loads());
    assert_string_equal(remarks, "");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    assert_remark(certificate_path, "the chain ends below CN = Root CA");
}

static void a_leaf_that_an_own_ca_has_signed_is_said_what_to_append(void **state)
{
    (void)state;
    struct pki_pair direct = pki_make((struct pki_wish){LEAF, .issuer = &root});
    WRITE(certificate_path, NULL, direct.certificate);
    WRITE(key_path, direct.key);
    assert_complaint(certificate_path, "if that issuer is a CA of your own, append the CA's");
    WRITE(certificate_path, NULL, direct.certificate, root.certificate);
    certs_free(assert_loads());
    pki_free(&direct);
}

static void what_has_issued_none_of_the_chain_is_to_be_removed(void **state)
{
    (void)state;
    struct pki_pair second = pki_make((struct pki_wish){
        .name = "Second CA", .issuer = &root, .is_ca = 1, .from_days = -1, .to_days = 900});
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, second.certificate);
    assert_complaint(
        certificate_path,
        "certificate 3 (CN = Second CA) has issued none of those before it; remove it");
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate, root.certificate,
          second.certificate);
    assert_complaint(certificate_path, "complete after certificate 3; remove what follows");
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
    assert_complaint(certificate_path, "certificate 3 (CN = Root CA) expired on 2");
    assert_non_null(strstr(complaints, "; remove it from the file"));
    // Nobody is worse off for it: it is served, and its end is not the chain's.
    assert_true(loaded.can_serve);
    struct certs *certs = load(true);
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
    struct certs *certs = assert_loads();
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
    write_text(certificate_path, text);
    assert_complaint(certificate_path, "a line end is missing in it before a -----BEGIN");
    WRITE(other_path, NULL, leaf.certificate);
    strcpy(text, text_of(other_path));
    text[strlen(text) - 1] = '\0';
    WRITE(other_path, leaf.key);
    strcat(text, text_of(other_path));
    write_text(key_path, text);
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    assert_complaint(key_path, "a line end is missing in it before a -----BEGIN");
}

static void a_trusted_certificate_is_said_to_be_converted(void **state)
{
    (void)state;
    FILE *file = fopen(certificate_path, "w");
    assert_true(PEM_write_X509_AUX(file, leaf.certificate));
    assert_true(PEM_write_X509(file, middle.certificate));
    fclose(file);
    assert_complaint(certificate_path, "a TRUSTED CERTIFICATE, a form of OpenSSL's own; convert");
}

// What a reload gets for the files as they are now, when `before` is served.
static struct certs *reload(const struct certs *before)
{
    wish.before = before;
    wish.listener_before = &listener;
    struct certs *certs = load(true);
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
    struct certs *before = assert_loads();
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
    struct certs *before = load(true);
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
    struct certs *certs = load(true);
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
    struct certs *before = assert_loads();
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

static void what_takeover_stands_on_is_set_whatever_openssl_cnf_says(void **state)
{
    (void)state;
    write_text(other_path, "config_diagnostics = 1\nopenssl_conf = top\n[top]\nssl_conf = ssl\n"
                           "[ssl]\nsystem_default = defaults\n[defaults]\n"
                           "Options = KTLS,-SessionTicket,AllowNoDHEKEX\nVerifyMode = Require\n"
                           "NumTickets = 0\nMaxProtocol = TLSv1.2\nGroups = P-521\n");
    assert_true(CONF_modules_load_file(other_path, NULL, 0) > 0);
    SSL_CTX *plain = SSL_CTX_new(TLS_server_method());
    assert_true(SSL_CTX_get_options(plain) & SSL_OP_ENABLE_KTLS); // the file counts
    struct certs *certs = assert_loads();
    SSL_CTX *context = certs_context(certs);
    uint64_t options = SSL_CTX_get_options(context);
    assert_false(options & (SSL_OP_ENABLE_KTLS | SSL_OP_NO_TICKET | SSL_OP_ALLOW_NO_DHE_KEX));
    assert_true(options & SSL_OP_NO_RENEGOTIATION);
    assert_true(options & SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
    assert_true(options & SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
    assert_int_equal(SSL_CTX_get_verify_mode(context), SSL_VERIFY_NONE);
    assert_int_equal(SSL_CTX_get_num_tickets(context), 2);
    assert_int_equal(SSL_CTX_get_max_proto_version(context), TLS1_3_VERSION);
    certs_free(certs);
    SSL_CTX_free(plain);
    write_text(other_path, "openssl_conf = top\n[top]\nssl_conf = ssl\n[ssl]\n"
                           "system_default = defaults\n[defaults]\nMinProtocol = TLSv1.2\n");
    assert_true(CONF_modules_load_file(other_path, NULL, 0) > 0);
}

static void a_root_that_the_system_knows_completes_a_chain(void **state)
{
    (void)state;
    WRITE(ca_path, NULL, root.certificate);
    setenv("SSL_CERT_FILE", ca_path, 1);
    certs_free(assert_loads());
    unsetenv("SSL_CERT_FILE");
    assert_string_equal(remarks, "");
}

static void what_an_operator_should_know_is_remarked(void **state)
{
    (void)state;
    chmod(key_path, 0644);
    assert_remark(key_path, "the key can be read by everybody; chmod o-r");
    struct pki_pair alone = pki_make((struct pki_wish){LEAF});
    WRITE(certificate_path, alone.key, alone.certificate);
    listener.key[0] = NULL;
    assert_remark(certificate_path, "the certificate is self-signed");
    pki_free(&alone);
}

static void a_weak_key_is_refused_with_openssls_reason(void **state)
{
    (void)state;
    struct pki_pair weak = pki_make((struct pki_wish){LEAF, .rsa_bits = 1024});
    WRITE(certificate_path, NULL, weak.certificate);
    WRITE(key_path, weak.key);
    assert_complaint(certificate_path, "ee key too small; make an ECDSA P-256");
    pki_free(&weak);
}

static void what_no_player_could_shake_hands_with_is_refused(void **state)
{
    (void)state;
    struct pki_pair odd = pki_make((struct pki_wish){LEAF, .curve = "secp256k1"});
    WRITE(certificate_path, NULL, odd.certificate);
    WRITE(key_path, odd.key);
    certs_free(load(true));
    assert_false(loaded.can_serve);
    assert_non_null(strstr(complaints, "a try with TLS 1.2 fails: "));
    assert_non_null(strstr(complaints, "a try with TLS 1.3 fails: "));
    pki_free(&odd);
}

static void what_is_served_can_be_looked_at(void **state)
{
    struct certs_fact fact;
    (void)state;
    struct certs *certs = assert_loads();
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
    struct certs *certs = load(false);
    assert_non_null(certs);
    assert_null(certs_context(certs));
    certs_free(certs);
    assert_non_null(strstr(remarks, "will be made"));
    assert_int_not_equal(access(own_path, F_OK), 0);

    assert_remark(own_path, "SHA-256 fingerprint is ");
    const char *fingerprint = strstr(remarks, "fingerprint is ") + 15;
    assert_int_equal(strspn(fingerprint, "0123456789ABCDEF:"), 32 * 3 - 1);
    assert_int_equal(stat(own_path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    char *said = strdup(remarks);
    FILE *file = fopen(own_path, "r");
    before[fread(before, 1, sizeof before - 1, file)] = '\0';
    fclose(file);

    certs = assert_loads();
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
    assert_complaint("/proc/stayd-selfsigned.pem",
                     "could not be written: No such file or directory; let stayd's user");
}

static void all_mistakes_of_a_listener_are_said(void **state)
{
    (void)state;
    listener.certificate[1] = other_path;
    listener.key[1] = key_path;
    listener.n_certificates = 2;
    listener.client_ca = ca_path;
    WRITE(key_path, root.key);
    certs_free(load(true));
    assert_false(loaded.can_serve);
    assert_non_null(strstr(complaints, "certs.test.ca.pem: the certificate cannot be read"));
    assert_non_null(strstr(complaints, "the key does not match"));
    assert_non_null(strstr(complaints, "certs.test.other.pem: the certificate cannot be read"));
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
    struct certs *certs = assert_loads();
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
    struct certs *certs = assert_loads();
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
    struct certs *certs = assert_loads();
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

static void rsa_certificates_serve_the_rsa_suites(void **state)
{
    (void)state;
    struct pki_pair rsa = pki_make((struct pki_wish){LEAF, .issuer = &root, .rsa_bits = 2048});
    WRITE(certificate_path, NULL, rsa.certificate, root.certificate);
    WRITE(key_path, rsa.key);
    struct certs *certs = assert_loads();
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
    struct certs *certs = assert_loads();
    assert_false(can_play(certs, (struct pki_play){.version = TLS1_2_VERSION}));
    assert_true(can_play(certs, (struct pki_play){.version = TLS1_3_VERSION}));
    certs_free(certs);
}

static void alpn_is_chosen_from_the_configured_list(void **state)
{
    (void)state;
    char names[] = "mush,telnet";
    listener.alpn = names;
    struct certs *certs = assert_loads();
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
    certs = assert_loads();
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
    struct certs *certs = assert_loads();
    verify_result(certs, &leaf, &has_certificate);
    assert_false(has_certificate); // not asked for
    certs_free(certs);
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    certs = assert_loads();
    assert_int_not_equal(verify_result(certs, &leaf, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    certs_free(certs);
    listener.client_ca = ca_path;
    certs = assert_loads();
    assert_int_equal(verify_result(certs, &leaf, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    assert_int_not_equal(verify_result(certs, &stranger, &has_certificate), X509_V_OK);
    assert_true(has_certificate);
    verify_result(certs, NULL, &has_certificate);
    assert_false(has_certificate);
    certs_free(certs);
    pki_free(&stranger);
}

static int make_world(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate_path, sizeof certificate_path, "%s/certs.test.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/certs.test.key", folder);
    snprintf(other_path, sizeof other_path, "%s/certs.test.other.pem", folder);
    snprintf(ca_path, sizeof ca_path, "%s/certs.test.ca.pem", folder);
    snprintf(own_path, sizeof own_path, "%s/stayd-selfsigned.pem", folder);
    snprintf(conf_path, sizeof conf_path, "%s/stayd.conf", folder);
    root =
        pki_make((struct pki_wish){.name = "Root CA", .is_ca = 1, .from_days = -1, .to_days = 900});
    middle = pki_make((struct pki_wish){
        .name = "Middle CA", .issuer = &root, .is_ca = 1, .from_days = -1, .to_days = 900});
    leaf = pki_make((struct pki_wish){LEAF, .issuer = &middle});
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    free(complaints);
    free(remarks);
    pki_free(&root);
    pki_free(&middle);
    pki_free(&leaf);
    return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_files, remove_files)

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
        TEST(what_is_served_is_kept_when_its_files_get_worse),
        TEST(what_is_no_better_gives_way_to_what_is_new),
        TEST(of_several_what_cannot_be_used_is_left_out),
        TEST(authorities_that_cannot_be_read_any_more_are_kept),
        TEST(what_takeover_stands_on_is_set_whatever_openssl_cnf_says),
        TEST(a_root_that_the_system_knows_completes_a_chain),
        TEST(what_an_operator_should_know_is_remarked),
        TEST(a_weak_key_is_refused_with_openssls_reason),
        TEST(what_no_player_could_shake_hands_with_is_refused),
        TEST(what_is_served_can_be_looked_at),
        TEST(a_certificate_is_made_once_when_none_is_named),
        TEST(a_certificate_that_cannot_be_written_is_said),
        TEST(all_mistakes_of_a_listener_are_said),
        TEST(certificates_are_chosen_by_name),
        TEST(every_context_is_reached_and_reads_nothing_ahead),
        TEST(only_suites_that_can_be_taken_over_are_offered),
        TEST(rsa_certificates_serve_the_rsa_suites),
        TEST(the_oldest_version_can_be_raised),
        TEST(alpn_is_chosen_from_the_configured_list),
        TEST(players_certificates_are_asked_for_and_never_refused),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
