// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What operators are told of certificates that are in use: whose they are and when they end
// (certs.h).
//
// Errors: "-" for a name that cannot be found; an end that cannot be read is now.
#include "entry/certs.h"

#include "entry/certs_part.h"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define DAY_S (24 * 3600)

// Is it as host names are? It goes into the log and into answers.
static bool is_plain(const char *name, size_t n)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
    return n > 0 && n < CERTS_NAME_BYTES && strnlen(name, n) == n && strspn(name, plain) >= n;
}

// The n-th one.
static bool find_dns_name(char name[CERTS_NAME_BYTES], const X509 *certificate, unsigned n_before)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool is_found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !is_found; i++) {
        const GENERAL_NAME *it = sk_GENERAL_NAME_value(names, i);
        if (it->type != GEN_DNS)
            continue;
        size_t n = (size_t)ASN1_STRING_length(it->d.dNSName);
        char text[CERTS_NAME_BYTES] = "";
        if (n < sizeof text)
            memcpy(text, ASN1_STRING_get0_data(it->d.dNSName), n);
        is_found = is_plain(text, n) && n_before-- == 0;
        if (is_found)
            strcpy(name, text);
    }
    GENERAL_NAMES_free(names);
    return is_found;
}

const char *certs_name(char name[CERTS_NAME_BYTES], X509 *certificate)
{
    if (find_dns_name(name, certificate, 0))
        return name;
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                      CERTS_NAME_BYTES);
    if (n <= 0 || !is_plain(name, (size_t)n))
        strcpy(name, "-");
    return name;
}

bool certs_host(char name[CERTS_NAME_BYTES], X509 *certificate, unsigned n)
{
    if (n == 0)
        certs_name(name, certificate);
    else if (!find_dns_name(name, certificate, n))
        return false;
    if (*name == '*')
        *name = 'x';
    return X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

const char *certs_kind_name(enum certs_kind kind)
{
    static const char *const names[CERTS_N_KINDS] = {
        [CERTS_OTHER_KEY] = "?",     [CERTS_ECDSA] = "ECDSA",     [CERTS_RSA] = "RSA",
        [CERTS_RSA_PSS] = "RSA-PSS", [CERTS_ED25519] = "Ed25519", [CERTS_ED448] = "Ed448",
    };
    return names[kind];
}

bool certs_look(const struct certs *certs, unsigned n, struct certs_fact *fact)
{
    if (!certs || n >= certs->n)
        return false;
    certs_name(fact->name, certs->leaf[n]);
    fact->kind = certs->kind[n];
    fact->begins_s = certs->life[n].begins_s;
    fact->expires_s = certs->life[n].ends_s;
    fact->is_issuers = certs->life[n].is_issuers;
    return true;
}

static int64_t wall_of(const ASN1_TIME *time_of, int64_t now_s)
{
    int n_days = 0;
    int n_seconds = 0;
    ASN1_TIME_diff(&n_days, &n_seconds, NULL, time_of);
    return now_s + (int64_t)n_days * DAY_S + n_seconds;
}

struct certs_life certs_life_of(const X509 *certificate)
{
    int64_t now_s = (int64_t)time(NULL);
    return (struct certs_life){
        .begins_s = wall_of(X509_get0_notBefore(certificate), now_s),
        .ends_s = wall_of(X509_get0_notAfter(certificate), now_s),
    };
}

struct certs_life certs_life(const STACK_OF(X509) *chain)
{
    struct certs_life life = certs_life_of(sk_X509_value(chain, 0));
    for (int i = 1; i < sk_X509_num(chain); i++) {
        struct certs_life other = certs_life_of(sk_X509_value(chain, i));
        if (other.ends_s >= life.ends_s || !certs_is_needed(chain, i))
            continue;
        life = other;
        life.is_issuers = true;
    }
    return life;
}

const char *certs_print_date(char text[CERTS_DATE_BYTES], int64_t wall_s)
{
    time_t time = (time_t)wall_s;
    struct tm tm;
    gmtime_r(&time, &tm);
    if (strftime(text, CERTS_DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(text, "-");
    return text;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum certs_end certs_end(int64_t left_s, int64_t life_s)
{
    return left_s <= 0                               ? CERTS_HAS_ENDED
           : left_s <= least(DAY_S, life_s / 12)     ? CERTS_ENDS_VERY_SOON
           : left_s <= least(7 * DAY_S, life_s / 8)  ? CERTS_ENDS_SOONER
           : left_s <= least(21 * DAY_S, life_s / 4) ? CERTS_ENDS_SOON
                                                     : CERTS_ENDS_LATER;
}
