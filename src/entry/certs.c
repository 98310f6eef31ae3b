// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Loading a listener's certificates (certs.h): each file is read, checked and tried by itself, so
// that one that is no good is in no other's way. On a reload one that is worse than what is served
// leaves that in its place.
//
// Errors: complaints, then NULL.
#include "entry/certs.h"

#include "entry/certs_part.h"

#include <errno.h>
#include <libgen.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loading {
    const struct conf *conf;
    const struct conf_listener *listener;
    const struct certs_wish *wish;
    struct certs_report report;
    struct certs_loaded loaded;
};

static const struct certs_wish no_wish;

static bool use_file(SSL_CTX *context, const struct certs_file *file, struct certs_report *report)
{
    if (SSL_CTX_use_certificate(context, sk_X509_value(file->chain, 0)) != 1) {
        certs_complain_openssl(report, context, file->path, "certificate");
        return false;
    }
    for (int i = 1; i < sk_X509_num(file->chain); i++)
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(file->chain, i)) != 1) {
            certs_complain_openssl(report, context, file->path, "chain");
            return false;
        }
    if (SSL_CTX_use_PrivateKey(context, file->key) != 1) {
        certs_complain_openssl(report, context, file->key_path, "key");
        return false;
    }
    return true;
}

static enum certs_kind kind_of(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
        return CERTS_ECDSA;
    case EVP_PKEY_RSA:
        return CERTS_RSA;
    case EVP_PKEY_RSA_PSS:
        return CERTS_RSA_PSS;
    case EVP_PKEY_ED25519:
        return CERTS_ED25519;
    case EVP_PKEY_ED448:
        return CERTS_ED448;
    default:
        return CERTS_OTHER_KEY; // for which there is no cipher suite
    }
}

// Read, check and try a file as its own context. NULL, or its rank is in the report.
static SSL_CTX *make_from(struct loading *it, struct certs_file *file)
{
    struct certs_report *report = &it->report;
    struct certs *certs = it->loaded.certs;
    SSL_CTX *context = NULL;
    if (kind_of(file->key) == CERTS_OTHER_KEY)
        certs_complain(report, file->key_path,
                       "no cipher suite takes this kind of key; make an ECDSA P-256 or an RSA 2048 "
                       "one");
    else
        certs_check(file, report);
    if (report->worst == CERTS_UNUSABLE)
        return NULL;
    context = certs_make_context(certs, it->listener);
    if (!context)
        certs_complain_openssl(report, NULL, file->path, "settings");
    else if (use_file(context, file, report))
        certs_try(certs, context, it->listener, file->path, report);
    if (report->worst != CERTS_UNUSABLE) {
        certs_choose_by_name(context, certs); // the try was of this one alone
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

bool certs_add(struct certs *certs, const struct certs_file *file, SSL_CTX *context)
{
    char *path = strdup(file->path);
    char *key_path = strdup(file->key_path);
    STACK_OF(X509) *chain = X509_chain_up_ref(file->chain);
    if (!path || !key_path || !chain) {
        free(path);
        free(key_path);
        sk_X509_pop_free(chain, X509_free);
        SSL_CTX_free(context);
        return false;
    }
    EVP_PKEY_up_ref(file->key);
    certs->key[certs->n] = file->key;
    certs->kind[certs->n] = kind_of(file->key);
    certs->chain[certs->n] = chain;
    certs->leaf[certs->n] = sk_X509_value(chain, 0);
    certs->path[certs->n] = path;
    certs->key_path[certs->n] = key_path;
    certs->life[certs->n] = certs_life(chain);
    certs->context[certs->n++] = context;
    return true;
}

static void free_file(struct certs_file *file)
{
    sk_X509_pop_free(file->chain, X509_free);
    EVP_PKEY_free(file->key);
}

// Where the certificate stands that is served from the same files now. -1: none is.
static int find_served(const struct certs *before, const struct certs_file *file)
{
    for (unsigned i = 0; before && i < before->n; i++)
        if (strcmp(before->path[i], file->path) == 0 &&
            strcmp(before->key_path[i], file->key_path) == 0)
            return (int)i;
    return -1;
}

// That certificate, as if read from its files. False: there is none, or no memory.
static bool take_served(const struct certs *before, const struct certs_file *file,
                        struct certs_file *served)
{
    int i = find_served(before, file);
    if (i < 0)
        return false;
    *served = *file;
    served->chain = X509_chain_up_ref(before->chain[i]);
    served->key = before->key[i];
    EVP_PKEY_up_ref(served->key);
    return served->chain != NULL;
}

static bool is_same_stack(const STACK_OF(X509) *a, const STACK_OF(X509) *b)
{
    if (sk_X509_num(a) != sk_X509_num(b))
        return false;
    for (int i = 0; i < sk_X509_num(a); i++)
        if (X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)) != 0)
            return false;
    return true;
}

// Was this pair of files named when the present configuration was read?
static bool is_named_before(const struct certs_wish *wish, const struct certs_file *file)
{
    const struct conf_listener *before = wish->listener_before;
    for (unsigned i = 0; before && i < before->n_certificates; i++) {
        const char *key = before->key[i] ? before->key[i] : before->certificate[i];
        if (strcmp(before->certificate[i], file->path) == 0 && strcmp(key, file->key_path) == 0)
            return true;
    }
    return before && before->is_tls && before->n_certificates == 0 && file->is_own;
}

// Go on with the served one, if that is better than what the file has become.
static SSL_CTX *keep_served(struct loading *it, struct certs_file *served)
{
    char date[CERTS_DATE_BYTES];
    struct certs_report report = it->report;
    enum certs_rank rank = it->report.worst;
    struct certs_report quiet = {0};
    it->report = quiet;
    SSL_CTX *context = make_from(it, served);
    quiet = it->report;
    it->report = report;
    if (!context || quiet.worst >= rank) {
        SSL_CTX_free(context);
        return NULL;
    }
    certs_remark(&it->report, served->path,
                 "so the certificate that was served until now is kept, which is good until %s",
                 certs_print_date(date, certs_life(served->chain).ends_s));
    it->loaded.n_kept++;
    return context;
}

// Put in what the files hold now, or the certificate that is served, or none.
static void load_one(struct loading *it, struct certs_file *file)
{
    struct certs_report *report = &it->report;
    struct certs_file served = {0};
    SSL_CTX *context = NULL;
    report->worst = CERTS_GOOD;
    file->chain = certs_read_chain(file->path, report);
    if (file->chain) // one complaint about a common file is enough
        file->key = certs_read_key(file->key_path, report);
    if (file->chain && file->key)
        context = make_from(it, file);
    enum certs_rank rank = report->worst;
    bool is_served = take_served(it->wish->before, file, &served);
    SSL_CTX *kept = is_served && rank != CERTS_GOOD ? keep_served(it, &served) : NULL;
    if (kept) {
        SSL_CTX_free(context);
        certs_add(it->loaded.certs, &served, kept);
    } else if (context) {
        it->loaded.has_news |= !is_served || !is_same_stack(file->chain, served.chain);
        it->loaded.can_serve |= rank <= CERTS_OUT_OF_DATE;
        it->loaded.has_mistake |= rank > CERTS_OUT_OF_DATE && !is_named_before(it->wish, file);
        certs_add(it->loaded.certs, file, context);
    } else {
        it->loaded.has_mistake |= !is_named_before(it->wish, file);
        certs_remark(report, file->path, "[listen %s] goes without it%s", it->listener->name,
                     file->is_own ? "; stayd has made it itself: delete it, and a new one is made"
                                  : "");
    }
    it->loaded.can_serve |= kept != NULL;
    free_file(file);
    free_file(&served);
}

char *certs_own_path(const struct conf *conf)
{
    char *copy = strdup(conf->path), *path = NULL;
    if (copy && asprintf(&path, "%s/stayd-selfsigned.pem", dirname(copy)) < 0)
        path = NULL;
    free(copy);
    return path;
}

// The certificate of a listener that names none.
static void load_own(struct loading *it)
{
    struct certs_report *report = &it->report;
    char *path = certs_own_path(it->conf);
    struct certs_file file = {.path = path, .key_path = path, .is_own = true};
    bool may_make = it->wish->may_make;
    bool is_gone = path && access(path, F_OK) != 0 && errno == ENOENT;
    bool is_served = path && find_served(it->wish->before, &file) >= 0;
    if (!path) {
        certs_complain(report, it->conf->path, "out of memory; free some");
    } else if (is_gone && !may_make && !is_served) {
        certs_remark(report, path,
                     "[listen %s] names no certificate, so this self-signed one will be made",
                     it->listener->name);
        it->loaded.can_serve = certs_can_make_own(path, report);
    } else if (!is_gone || (may_make && certs_make_own(path, it->conf->user, report)) ||
               is_served) {
        load_one(it, &file);
    }
    free(path);
}

// Without these authorities no player's certificate can be verified: where one is required, nobody
// is let in.
static void load_authorities(struct loading *it)
{
    const struct conf_listener *listener = it->listener;
    const struct conf_listener *before = it->wish->listener_before;
    const struct certs *served = it->wish->before;
    struct certs *certs = it->loaded.certs;
    if (!listener->client_ca)
        return;
    bool is_named =
        before && before->client_ca && strcmp(before->client_ca, listener->client_ca) == 0;
    certs->authorities_path = strdup(listener->client_ca);
    certs->authorities = certs_read_chain(listener->client_ca, &it->report);
    if (certs->authorities) {
        it->loaded.has_news |= !served || !is_same_stack(certs->authorities, served->authorities);
        return;
    }
    if (served && served->authorities && served->authorities_path &&
        strcmp(served->authorities_path, listener->client_ca) == 0) {
        certs->authorities = X509_chain_up_ref(served->authorities);
        it->loaded.n_kept++;
        certs_remark(&it->report, listener->client_ca,
                     "so the authorities that were read before are kept");
    } else {
        it->loaded.has_mistake |= !is_named;
    }
}

struct certs_loaded certs_load(const struct conf *conf, const struct conf_listener *listener,
                               const struct certs_wish *wish, FILE *complaints, FILE *remarks)
{
    struct loading it = {
        .conf = conf,
        .listener = listener,
        .wish = wish ? wish : &no_wish,
        .report = {.complaints = complaints, .remarks = remarks},
        .loaded.certs = calloc(1, sizeof(struct certs)),
    };
    if (!it.loaded.certs) {
        certs_complain(&it.report, conf->path, "out of memory; free some");
    } else if (certs_can_openssl(&it.report)) {
        it.loaded.certs->conf = conf;
        it.loaded.certs->listener = listener;
        certs_set_alpn(it.loaded.certs, listener->alpn);
        load_authorities(&it);
        for (unsigned i = 0; i < listener->n_certificates; i++) {
            const char *key = listener->key[i];
            struct certs_file file = {.path = listener->certificate[i],
                                      .key_path = key ? key : listener->certificate[i]};
            load_one(&it, &file);
        }
        if (listener->n_certificates == 0)
            load_own(&it);
        certs_try_names(it.loaded.certs, listener, &it.report);
        certs_remark_choice(it.loaded.certs, listener->name, &it.report);
    }
    it.loaded.n_complaints = (unsigned)it.report.n_complaints;
    return it.loaded;
}

void certs_free(struct certs *certs)
{
    if (!certs)
        return;
    for (unsigned i = 0; i < certs->n; i++) {
        SSL_CTX_free(certs->context[i]);
        sk_X509_pop_free(certs->chain[i], X509_free);
        EVP_PKEY_free(certs->key[i]);
        free(certs->path[i]);
        free(certs->key_path[i]);
    }
    sk_X509_pop_free(certs->authorities, X509_free);
    free(certs->authorities_path);
    free(certs);
}

bool certs_has_any(const struct certs *certs)
{
    return certs->n > 0;
}

SSL_CTX *certs_context(const struct certs *certs)
{
    return certs->context[0];
}

void certs_each(const struct certs *certs, void (*fn)(SSL_CTX *context, void *arg), void *arg)
{
    for (unsigned i = 0; i < certs->n; i++)
        fn(certs->context[i], arg);
}
