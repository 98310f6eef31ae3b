// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The wallet: what is served goes through a file into the next process, and is kept there where
// the files have become worse; a wallet that is not whole is none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memfd.h"
#include "certs_world.h"
#include "entry/certs_part.h"
#include "entry/wallet.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD_BYTES 44u
#define NOBODY 65534u

static struct certs *all[CONF_MAX_LISTENERS]; // by listener
static int fd;

static int begin(void **state)
{
    fd = memfd_make("stayd-wallet-test");
    strcpy(conf.listener[0].name, "tls");
    conf.n_listeners = 1;
    return fd < 0 || certs_make_files(state);
}

static int end(void **state)
{
    close(fd);
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++) {
        certs_free(all[i]);
        all[i] = NULL;
    }
    return certs_remove_files(state);
}

// What the next process has of it: nothing that is in the heap.
static struct wallet *put_away(struct certs *certs)
{
    all[0] = certs;
    assert_true(wallet_write(fd, &conf, all));
    certs_free(certs);
    all[0] = NULL;
    struct wallet *wallet = wallet_read(fd);
    assert_non_null(wallet);
    return wallet;
}

static struct certs *load_with(const struct wallet *wallet)
{
    wish.before = wallet_find(wallet, "tls");
    assert_non_null(wish.before);
    struct certs *certs = certs_world_load(true);
    wish = (struct certs_wish){0};
    return certs;
}

// Root may read everything, others not what is theirs if its mode says so.
static void be(uid_t user)
{
    if (getuid() != 0)
        return;
    assert_int_equal(seteuid(user), 0);
    prctl(PR_SET_DUMPABLE, 1); // a leak checker looks into the process
}

static struct certs *load_without_right(const struct wallet *wallet, const char *path)
{
    assert_int_equal(chmod(path, 0), 0);
    be(NOBODY);
    struct certs *certs = load_with(wallet);
    be(0);
    return certs;
}

static bool has_leaf(const struct certs *certs, const struct pki_pair *pair)
{
    return X509_cmp(SSL_CTX_get0_certificate(certs_context(certs)), pair->certificate) == 0;
}

static void assert_plays(struct certs *certs)
{
    SSL *game_side;
    SSL *player = pki_play(certs_context(certs), &(struct pki_play){0}, &game_side);
    assert_non_null(player);
    pki_end(player, game_side);
}

static void assert_same_chain(const STACK_OF(X509) *one, const STACK_OF(X509) *other)
{
    assert_int_equal(sk_X509_num(one), sk_X509_num(other));
    for (int i = 0; i < sk_X509_num(one); i++)
        assert_int_equal(X509_cmp(sk_X509_value(one, i), sk_X509_value(other, i)), 0);
}

static void assert_same(const struct certs *one, const struct certs *other)
{
    assert_int_equal(one->n, other->n);
    for (unsigned i = 0; i < one->n; i++) {
        struct certs_fact facts[2];
        assert_string_equal(one->path[i], other->path[i]);
        assert_string_equal(one->key_path[i], other->key_path[i]);
        assert_int_equal(EVP_PKEY_eq(one->key[i], other->key[i]), 1);
        assert_same_chain(one->chain[i], other->chain[i]);
        assert_true(certs_look(one, i, &facts[0]) && certs_look(other, i, &facts[1]));
        assert_string_equal(facts[0].name, facts[1].name);
    }
    assert_same_chain(one->authorities, other->authorities);
    if (one->authorities)
        assert_string_equal(one->authorities_path, other->authorities_path);
}

// Three listeners that are TLS, one that is not: two certificates, RSA and ECDSA, with authorities;
// ed25519 with a chain of three; none that can be used.
static void make_listeners(void)
{
    struct pki_pair low = pki_make((struct pki_wish){
        .name = "Low CA", .issuer = &middle, .is_ca = 1, .from_days = -1, .to_days = 900});
    struct pki_pair ed = pki_make((struct pki_wish){LEAF, .issuer = &low, .curve = "ED25519"});
    struct pki_pair rsa = pki_make((struct pki_wish){.name = "rsa.example",
                                                     .names = "DNS:rsa.example",
                                                     .issuer = &middle,
                                                     .rsa_bits = 2048,
                                                     .from_days = -1,
                                                     .to_days = 90});
    conf.n_listeners = 4;
    for (unsigned i = 0; i < 4; i++)
        sprintf(conf.listener[i].name, "listener%u", i);

    WRITE(ca_path, NULL, root.certificate, middle.certificate);
    WRITE(other_path, rsa.key, rsa.certificate, middle.certificate);
    listener.client_ca = ca_path;
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    listener.certificate[1] = other_path;
    listener.key[1] = NULL;
    listener.n_certificates = 2;
    all[0] = certs_assert_loads();
    listener.client_ca = NULL;
    listener.n_certificates = 1;

    unlink(other_path);
    listener.certificate[0] = other_path;
    all[3] = certs_world_load(true);
    assert_false(certs_has_any(all[3]));
    listener.certificate[0] = certificate_path;

    WRITE(certificate_path, NULL, ed.certificate, low.certificate, middle.certificate);
    WRITE(key_path, ed.key);
    all[2] = certs_assert_loads();
    pki_free(&low);
    pki_free(&ed);
    pki_free(&rsa);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    make_listeners();
    for (unsigned turn = 0; turn < 2; turn++) {
        assert_true(wallet_write(fd, &conf, all));
        lseek(fd, turn, SEEK_SET); // of no importance
        struct wallet *wallet = wallet_read(fd);
        assert_non_null(wallet);
        for (unsigned i = 0; i < conf.n_listeners; i++) {
            const struct certs *found = wallet_find(wallet, conf.listener[i].name);
            assert_int_equal(found != NULL, all[i] != NULL);
            if (found)
                assert_same(all[i], found);
        }
        assert_null(wallet_find(wallet, "another"));
        assert_null(wallet_find(wallet, ""));
        wallet_free(wallet);
        certs_free(all[0]); // the next wallet is smaller
        all[0] = NULL;
    }
    assert_null(wallet_find(NULL, "tls"));
    wallet_free(NULL);
}

static void a_wallet_s_certificates_can_be_put_away_again(void **state)
{
    (void)state;
    struct wallet *first = put_away(certs_assert_loads());
    all[0] = (struct certs *)wallet_find(first, "tls");
    assert_true(wallet_write(fd, &conf, all));
    struct wallet *second = wallet_read(fd);
    assert_same(wallet_find(first, "tls"), wallet_find(second, "tls"));
    all[0] = NULL;
    wallet_free(first);
    wallet_free(second);
}

static void assert_keeps(struct certs *certs)
{
    assert_true(loaded.n_kept == 1 && loaded.can_serve);
    assert_false(loaded.has_news || loaded.has_mistake);
    assert_non_null(strstr(remarks, "the certificate that was served until now is kept"));
    assert_true(has_leaf(certs, &leaf));
    assert_plays(certs);
    certs_free(certs);
}

static void what_was_served_is_kept_when_its_files_get_worse(void **state)
{
    (void)state;
    struct pki_pair old = pki_make((struct pki_wish){
        .name = "mush.example", .issuer = &middle, .from_days = -90, .to_days = -2});
    struct wallet *wallet = put_away(certs_assert_loads());
    certs_write_text(certificate_path, "-----BEGIN CERTIFICATE-----\nbroken\n");
    assert_keeps(load_with(wallet));
    WRITE(certificate_path, NULL, leaf.certificate); // an incomplete chain
    assert_keeps(load_with(wallet));
    unlink(certificate_path);
    assert_keeps(load_with(wallet));
    WRITE(certificate_path, NULL, old.certificate, middle.certificate);
    WRITE(key_path, old.key);
    assert_keeps(load_with(wallet));
    unlink(key_path);
    struct certs *certs = load_with(wallet);
    wallet_free(wallet);
    wallet = put_away(certs); // the kept one can be kept again
    assert_keeps(load_with(wallet));
    wallet_free(wallet);
    pki_free(&old);
}

static void what_was_served_is_kept_when_its_files_may_not_be_read(void **state)
{
    (void)state;
    struct wallet *wallet = put_away(certs_assert_loads());
    struct certs *certs = load_without_right(wallet, key_path);
    assert_non_null(strstr(complaints, "cannot be read: Permission denied"));
    assert_keeps(certs);
    assert_keeps(load_without_right(wallet, certificate_path));
    wallet_free(wallet);
}

static void what_is_new_is_taken(void **state)
{
    (void)state;
    struct pki_pair next = pki_make((struct pki_wish){LEAF, .issuer = &middle});
    struct wallet *wallet = put_away(certs_assert_loads());
    certs_free(load_with(wallet));
    assert_true(loaded.n_complaints == 0 && !loaded.has_news);
    WRITE(certificate_path, NULL, next.certificate, middle.certificate);
    WRITE(key_path, next.key);
    struct certs *certs = load_with(wallet);
    assert_true(loaded.has_news && loaded.n_kept == 0 && has_leaf(certs, &next));
    certs_free(certs);
    unlink(key_path);
    listener.certificate[0] = key_path; // another pair of files
    certs = load_with(wallet);
    assert_true(loaded.n_kept == 0 && !certs_has_any(certs));
    certs_free(certs);
    wallet_free(wallet);
    pki_free(&next);
}

static void assert_keeps_authorities(struct certs *certs)
{
    assert_true(loaded.n_kept == 1 && loaded.n_complaints == 1 && loaded.can_serve);
    assert_false(loaded.has_mistake || loaded.has_news);
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(certs_context(certs))), 1);
    certs_free(certs);
}

static void authorities_are_kept(void **state)
{
    (void)state;
    WRITE(ca_path, NULL, middle.certificate);
    listener.client_ca = ca_path;
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    struct wallet *wallet = put_away(certs_assert_loads());
    certs_write_text(ca_path, "broken");
    assert_keeps_authorities(load_with(wallet));
    unlink(ca_path);
    struct certs *certs = load_with(wallet);
    wallet_free(wallet);
    wallet = put_away(certs); // kept, and kept again
    assert_keeps_authorities(load_with(wallet));
    listener.client_ca = other_path; // another file, that is not there
    certs_free(load_with(wallet));
    assert_true(loaded.n_kept == 0 && loaded.has_mistake);
    WRITE(ca_path, NULL, root.certificate);
    listener.client_ca = ca_path;
    certs_free(load_with(wallet));
    assert_true(loaded.has_news && loaded.n_kept == 0);
    wallet_free(wallet);
}

static void authorities_that_may_not_be_read_are_kept(void **state)
{
    (void)state;
    WRITE(ca_path, NULL, middle.certificate);
    listener.client_ca = ca_path;
    listener.client_certificates = CONF_CLIENT_CERTIFICATES_ASK;
    struct wallet *wallet = put_away(certs_assert_loads());
    struct certs *certs = load_without_right(wallet, ca_path);
    assert_non_null(strstr(remarks, "the authorities that were read before are kept"));
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(certs_context(certs))), 1);
    certs_free(certs);
    wallet_free(wallet);
}

static void a_certificate_of_stayd_s_own_is_kept_if_no_other_can_be_made(void **state)
{
    (void)state;
    listener.n_certificates = 0;
    struct wallet *wallet = put_away(certs_assert_loads());
    const struct certs *before = wallet_find(wallet, "tls");
    unlink(own_path);
    wish.before = before;
    struct certs *certs = certs_world_load(false);
    assert_true(loaded.n_kept == 1 && loaded.can_serve);
    assert_same(before, certs);
    certs_free(certs);
    assert_int_equal(chmod(folder, 0500), 0);
    certs = load_without_right(wallet, key_path);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(loaded.n_kept == 1 && loaded.can_serve);
    assert_same(before, certs);
    certs_free(certs);
    certs = load_with(wallet); // one can be made
    assert_true(loaded.n_kept == 0 && loaded.has_news);
    certs_free(certs);
    wallet_free(wallet);
}

static void an_empty_file_is_no_wallet(void **state)
{
    (void)state;
    assert_null(wallet_read(fd));
    assert_null(wallet_read(-1));
    assert_int_equal(ftruncate(fd, 1000), 0); // nothing but zeros
    assert_null(wallet_read(fd));
    assert_int_equal(ftruncate(fd, WALLET_MAX_BYTES + 1), 0);
    assert_null(wallet_read(fd));
    assert_null(wallet_parse(NULL, 0));
    conf.n_listeners = 0;
    assert_true(wallet_write(fd, &conf, all)); // nobody is served by TLS
    struct wallet *wallet = wallet_read(fd);
    assert_non_null(wallet);
    assert_null(wallet_find(wallet, "tls"));
    wallet_free(wallet);
}

// The wallet's bytes, for free().
static uint8_t *read_bytes(size_t *n)
{
    struct stat facts;
    assert_int_equal(fstat(fd, &facts), 0);
    *n = (size_t)facts.st_size;
    uint8_t *bytes = malloc(*n);
    assert_int_equal(pread(fd, bytes, *n, 0), *n);
    return bytes;
}

static void write_bytes(const uint8_t *bytes, size_t n)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, bytes, n, 0), n);
}

static uint8_t *make_bytes(size_t *n)
{
    WRITE(ca_path, NULL, middle.certificate);
    listener.client_ca = ca_path;
    wallet_free(put_away(certs_assert_loads()));
    return read_bytes(n);
}

static void a_wallet_that_is_damaged_is_none(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = make_bytes(&n);
    for (size_t i = 0; i < n; i++) {
        write_bytes(bytes, i);
        assert_null(wallet_read(fd));
        bytes[i] ^= (uint8_t)(1u << i % 8);
        write_bytes(bytes, n);
        assert_null(wallet_read(fd));
        bytes[i] ^= (uint8_t)(1u << i % 8);
    }
    write_bytes(bytes, n);
    assert_int_equal(pwrite(fd, "", 1, (off_t)n), 1); // one more
    assert_null(wallet_read(fd));
    write_bytes(bytes, n);
    struct wallet *wallet = wallet_read(fd);
    assert_non_null(wallet);
    wallet_free(wallet);
    free(bytes);
}

// Also where the digest does not tell: what is kept of it can be served, or nothing is kept.
static void assert_harmless(const struct wallet *wallet)
{
    wish.before = wallet_find(wallet, "tls");
    struct certs *certs = certs_world_load(true);
    wish = (struct certs_wish){0};
    if (certs_has_any(certs))
        assert_plays(certs);
    certs_free(certs);
}

static void damage_behind_the_head_is_harmless(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = make_bytes(&n);
    uint8_t *body = bytes + HEAD_BYTES;
    n -= HEAD_BYTES;
    unlink(key_path);
    unlink(certificate_path);
    for (size_t i = 0; i < n; i++) {
        uint8_t *part = malloc(i + !i); // a read past its end is seen
        memcpy(part, body, i);
        assert_null(wallet_parse(part, i));
        free(part);
        body[i] ^= (uint8_t)(1u << i % 8);
        struct wallet *wallet = wallet_parse(body, n);
        if (wallet && i % 31 == 0)
            assert_harmless(wallet);
        wallet_free(wallet);
        body[i] ^= (uint8_t)(1u << i % 8);
    }
    free(bytes);
}

// SIGXFSZ ends the writer where the file reaches the limit.
static bool is_writer_killed_at(size_t limit)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
        _exit(!wallet_write(fd, &conf, all));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
}

static void a_writer_that_is_killed_leaves_no_wallet(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = make_bytes(&n);
    all[0] = certs_assert_loads();
    for (size_t limit = 1; limit < n; limit += limit < 100 ? 33 : 400) {
        write_bytes(bytes, n);
        assert_true(is_writer_killed_at(limit));
        assert_null(wallet_read(fd));
    }
    assert_true(is_writer_killed_at(n - 1));
    assert_null(wallet_read(fd));
    assert_false(is_writer_killed_at(n));
    struct wallet *wallet = wallet_read(fd);
    assert_non_null(wallet);
    wallet_free(wallet);
    free(bytes);
}

static void a_wallet_that_cannot_be_written_is_empty(void **state)
{
    (void)state;
    struct rlimit limit;
    struct stat facts;
    struct wallet *wallet = put_away(certs_assert_loads());
    wallet_free(wallet);
    all[0] = certs_assert_loads();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, limit.rlim_max});
    assert_false(wallet_write(fd, &conf, all));
    assert_int_equal(errno, EFBIG);
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(fstat(fd, &facts) == 0 && facts.st_size == 0);
    assert_false(wallet_write(-1, &conf, all));
    assert_int_equal(errno, EBADF);
}

// A path that makes the whole too large for who reads it.
static void a_wallet_that_would_be_too_large_is_not_written(void **state)
{
    (void)state;
    struct stat facts;
    all[0] = certs_assert_loads();
    char *path = all[0]->path[0];
    all[0]->path[0] = malloc(WALLET_MAX_BYTES);
    memset(all[0]->path[0], '/', WALLET_MAX_BYTES - 1);
    all[0]->path[0][WALLET_MAX_BYTES - 1] = '\0';
    assert_false(wallet_write(fd, &conf, all));
    assert_int_equal(errno, EFBIG);
    assert_true(fstat(fd, &facts) == 0 && facts.st_size == 0);
    free(all[0]->path[0]);
    all[0]->path[0] = path;
}

#define WALLET_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WALLET_TEST(what_is_written_is_read),
        WALLET_TEST(a_wallet_s_certificates_can_be_put_away_again),
        WALLET_TEST(what_was_served_is_kept_when_its_files_get_worse),
        WALLET_TEST(what_was_served_is_kept_when_its_files_may_not_be_read),
        WALLET_TEST(what_is_new_is_taken),
        WALLET_TEST(authorities_are_kept),
        WALLET_TEST(authorities_that_may_not_be_read_are_kept),
        WALLET_TEST(a_certificate_of_stayd_s_own_is_kept_if_no_other_can_be_made),
        WALLET_TEST(an_empty_file_is_no_wallet),
        WALLET_TEST(a_wallet_that_is_damaged_is_none),
        WALLET_TEST(damage_behind_the_head_is_harmless),
        WALLET_TEST(a_writer_that_is_killed_leaves_no_wallet),
        WALLET_TEST(a_wallet_that_cannot_be_written_is_empty),
        WALLET_TEST(a_wallet_that_would_be_too_large_is_not_written),
    };
    return cmocka_run_group_tests(tests, certs_world_begin, certs_world_end);
}
