// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Files of certificates and keys, as far as stayd looks at them itself; the forms inside are
// OpenSSL's. Held: a file that gives none is complained about in one line that names it and says
// what to do, and one that gives some is not; the name of a certificate can stand in a line of the
// log; the same file gives the same.
//
// Errors: abort.
#include "entry/certs_part.h"
#include "fuzz.h"

#include <openssl/err.h>

static void hold_report(struct certs_report *report, struct fuzz_memory *memory, const char *path,
                        bool is_good)
{
    char *text = fuzz_text(memory);
    size_t n = strlen(text);
    hold(report->n_complaints == !is_good && (n > 0) == !is_good);
    if (n > 0) {
        hold(text[n - 1] == '\n' && fuzz_is_plain(text, n - 1));
        hold(strncmp(text, path, strlen(path)) == 0 && strstr(text, "; "));
    }
    free(text);
    hold(ERR_peek_error() == 0);
}

static STACK_OF(X509) *read_chain(const char *path)
{
    struct fuzz_memory complaints;
    struct certs_report report = {.complaints = fuzz_open(&complaints)};
    STACK_OF(X509) *chain = certs_read_chain(path, &report);
    hold_report(&report, &complaints, path, chain != NULL);
    return chain;
}

static EVP_PKEY *read_key(const char *path)
{
    struct fuzz_memory complaints;
    struct certs_report report = {.complaints = fuzz_open(&complaints)};
    EVP_PKEY *key = certs_read_key(path, &report);
    hold_report(&report, &complaints, path, key != NULL);
    return key;
}

static void hold_chain(const char *path)
{
    STACK_OF(X509) *chain = read_chain(path);
    if (!chain)
        return;
    STACK_OF(X509) *again = read_chain(path);
    hold(sk_X509_num(chain) > 0 && sk_X509_num(again) == sk_X509_num(chain));
    for (int i = 0; i < sk_X509_num(chain); i++) {
        char name[CERTS_NAME_BYTES], same[CERTS_NAME_BYTES];
        certs_name(name, sk_X509_value(chain, i));
        certs_name(same, sk_X509_value(again, i));
        size_t n = strnlen(name, sizeof name);
        hold(n > 0 && n < sizeof name && strcmp(name, same) == 0);
        hold(fuzz_is_plain(name, n) && strcspn(name, " \"\\") == n);
    }
    sk_X509_pop_free(chain, X509_free);
    sk_X509_pop_free(again, X509_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    hold_chain(path);
    EVP_PKEY_free(read_key(path));
    return 0;
}
