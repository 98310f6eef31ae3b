// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The wallet behind its head (the digest in the head would hide everything from a fuzzer). Held:
// in what is taken each certificate has its files' paths and its own key, and what is written anew
// is the same when it is read again, key by key and byte by byte.
//
// Errors: abort.
#include "base/memfd.h"
#include "entry/certs.h"
#include "entry/certs_part.h"
#include "entry/wallet.h"
#include "fuzz.h"

#include <openssl/err.h>
#include <openssl/evp.h>

static const char *const names[] = {"tls", "a", "b", "tls6"};
#define N_NAMES (sizeof names / sizeof *names)

static void hold_good(const struct certs *certs)
{
    struct certs_fact fact;
    hold(certs->n <= CONF_MAX_CERTIFICATES && certs_has_any(certs) == (certs->n > 0));
    for (unsigned i = 0; i < certs->n; i++) {
        hold(!certs->context[i] && certs->path[i] && certs->key_path[i]);
        hold(sk_X509_num(certs->chain[i]) > 0);
        hold(certs->leaf[i] == sk_X509_value(certs->chain[i], 0));
        hold(X509_check_private_key(certs->leaf[i], certs->key[i]) == 1);
        hold(certs_look(certs, i, &fact) && fuzz_is_plain(fact.name, strlen(fact.name)));
    }
    hold(certs->authorities_path && (!certs->authorities || sk_X509_num(certs->authorities) > 0));
}

static void hold_same_chain(const STACK_OF(X509) *one, const STACK_OF(X509) *other)
{
    hold(sk_X509_num(one) == sk_X509_num(other));
    for (int i = 0; i < sk_X509_num(one); i++)
        hold(X509_cmp(sk_X509_value(one, i), sk_X509_value(other, i)) == 0);
}

static void hold_same(const struct certs *one, const struct certs *other)
{
    hold(other && one->n == other->n);
    for (unsigned i = 0; i < one->n; i++) {
        hold(strcmp(one->path[i], other->path[i]) == 0);
        hold(strcmp(one->key_path[i], other->key_path[i]) == 0);
        hold(EVP_PKEY_eq(one->key[i], other->key[i]) == 1);
        hold_same_chain(one->chain[i], other->chain[i]);
    }
    hold_same_chain(one->authorities, other->authorities);
    hold(!one->authorities || strcmp(one->authorities_path, other->authorities_path) == 0);
}

// Of the listeners that have these names.
static void write_again(const struct wallet *wallet)
{
    static struct conf conf;
    static int fd = -1;
    struct certs *certs[CONF_MAX_LISTENERS] = {0};
    if (fd < 0)
        fd = memfd_make("wallet-fuzz");
    conf.n_listeners = N_NAMES;
    for (unsigned i = 0; i < N_NAMES; i++) {
        strcpy(conf.listener[i].name, names[i]);
        certs[i] = (struct certs *)wallet_find(wallet, names[i]);
        if (certs[i])
            hold_good(certs[i]);
    }
    hold(wallet_write(fd, &conf, certs));
    struct wallet *again = wallet_read(fd);
    hold(again && ERR_peek_error() == 0);
    for (unsigned i = 0; i < N_NAMES; i++) {
        hold(certs[i] || !wallet_find(again, names[i]));
        if (certs[i])
            hold_same(certs[i], wallet_find(again, names[i]));
    }
    wallet_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet *wallet = wallet_parse(data, size);
    hold(ERR_peek_error() == 0);
    if (wallet)
        write_again(wallet);
    ERR_clear_error(); // of the looks at what was taken
    wallet_free(wallet);
    return 0;
}
