// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Checks a certificate as a player's program will see it: does the key belong to
// it, do the dates hold, is the chain whole and in order (RFC 8446, section 4.4.2:
// the certificate first, each one signed by the next).
//
// Errors: complaints about what keeps players out, remarks about what does not.
#include "entry/certs.h"

#include "entry/certs_part.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

// Text of something OpenSSL prints into a BIO, cut to size. Returns text.
static const char *take_text(BIO *bio, char *text, size_t size)
{
    int n = BIO_read(bio, text, (int)size - 1);
    text[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
    return text;
}

static const char *print_name(const X509_NAME *name, char *text, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    return take_text(bio, text, size);
}

static const char *print_time(const ASN1_TIME *time, char *text, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    ASN1_TIME_print_ex(bio, time, ASN1_DTFLGS_ISO8601);
    return take_text(bio, text, size);
}

// What is to be done about a certificate that has expired.
static const char *expiry_advice(const struct certs_file *file, int place)
{
    return file->is_own                          ? "delete the file, and a new one is made"
           : place == 0                          ? "renew it"
           : certs_is_needed(file->chain, place) ? "put the issuer's present one in its place"
                                                 : "remove it from the file, because players' "
                                                   "programs have what they need without it";
}

static void check_dates(const struct certs_file *file, int place, struct certs_report *report)
{
    char name[256], date[64];
    X509 *certificate = sk_X509_value(file->chain, place);
    const ASN1_TIME *before = X509_get0_notBefore(certificate);
    const ASN1_TIME *after = X509_get0_notAfter(certificate);
    print_name(X509_get_subject_name(certificate), name, sizeof name);
    if (X509_cmp_current_time(before) > 0)
        certs_complain_rank(
            report, CERTS_OUT_OF_DATE, file->path,
            "certificate %d (%s) is not valid before %s; check this machine's clock", place + 1,
            name, print_time(before, date, sizeof date));
    if (X509_cmp_current_time(after) < 0) {
        bool is_needed = certs_is_needed(file->chain, place);
        certs_complain_rank(report, is_needed ? CERTS_OUT_OF_DATE : CERTS_GOOD, file->path,
                            "certificate %d (%s) expired on %s; %s", place + 1, name,
                            print_time(after, date, sizeof date), expiry_advice(file, place));
        return;
    }
    struct certs_life life = certs_life_of(certificate);
    if (certs_is_needed(file->chain, place) &&
        certs_end(life.ends_s - (int64_t)time(NULL), life.ends_s - life.begins_s) !=
            CERTS_ENDS_LATER)
        certs_remark(report, file->path, "certificate %d (%s) expires soon, on %s; renew it",
                     place + 1, name, print_time(after, date, sizeof date));
}

static bool is_issuer(X509 *issuer, X509 *certificate)
{
    return X509_check_issued(issuer, certificate) == X509_V_OK;
}

static bool is_self_signed(X509 *certificate)
{
    return X509_self_signed(certificate, 0) == 1;
}

// Does this system trust a root that issued the certificate?
static bool is_issuer_known(X509 *certificate)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    bool is_known = store && context && X509_STORE_set_default_paths(store) == 1 &&
                    X509_STORE_CTX_init(context, store, certificate, NULL) == 1 &&
                    X509_STORE_CTX_get1_issuer(&issuer, context, certificate) == 1;
    X509_free(issuer);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return is_known;
}

// The place in the chain of the one that issued chain[i], or -1.
static int find_issuer(const STACK_OF(X509) *chain, int i)
{
    for (int j = 0; j < sk_X509_num(chain); j++)
        if (j != i && is_issuer(sk_X509_value(chain, j), sk_X509_value(chain, i)))
            return j;
    return -1;
}

bool certs_is_needed(const STACK_OF(X509) *chain, int place)
{
    X509 *certificate = sk_X509_value(chain, place);
    // A root comes from the player's own store, or not at all. What stands above an intermediate
    // was added for programs of old.
    return place == 0 || (place == 1 && !is_self_signed(certificate) &&
                          !is_issuer_known(sk_X509_value(chain, 0)));
}

// chain[i + 1] has not issued chain[i].
static void complain_break(const struct certs_file *file, int i, struct certs_report *report)
{
    char name[256];
    X509 *certificate = sk_X509_value(file->chain, i);
    X509 *next = sk_X509_value(file->chain, i + 1);
    int issuer = find_issuer(file->chain, i);
    if (issuer >= 0)
        certs_complain_rank(report, CERTS_WRONG_CHAIN, file->path,
                            "the chain is in the wrong order: certificate %d was issued by "
                            "certificate %d; put each one before its issuer",
                            i + 1, issuer + 1);
    else if (is_self_signed(certificate) || is_issuer_known(certificate))
        certs_complain_rank(report, CERTS_WRONG_CHAIN, file->path,
                            "the chain is complete after certificate %d; remove what follows",
                            i + 1);
    else if (i > 0 && !is_self_signed(next))
        certs_complain_rank(report, CERTS_WRONG_CHAIN, file->path,
                            "certificate %d (%s) has issued none of those before it; remove it, or "
                            "put the issuer of certificate %d in its place",
                            i + 2, print_name(X509_get_subject_name(next), name, sizeof name),
                            i + 1);
    else
        certs_complain_rank(
            report, CERTS_WRONG_CHAIN, file->path,
            "the chain is incomplete: the issuer of certificate %d (%s) is missing; "
            "put its certificate after it",
            i + 1, print_name(X509_get_issuer_name(certificate), name, sizeof name));
}

static void check_chain(const struct certs_file *file, struct certs_report *report)
{
    char name[256];
    int n = sk_X509_num(file->chain);
    X509 *last = sk_X509_value(file->chain, n - 1);
    for (int i = 0; i + 1 < n; i++)
        if (!is_issuer(sk_X509_value(file->chain, i + 1), sk_X509_value(file->chain, i))) {
            complain_break(file, i, report);
            return;
        }
    if (is_self_signed(last) || is_issuer_known(last))
        return;
    print_name(X509_get_issuer_name(last), name, sizeof name);
    if (n == 1)
        certs_complain_rank(
            report, CERTS_WRONG_CHAIN, file->path,
            "the chain is incomplete: the intermediate certificate of the issuer (%s) is "
            "missing; append it (certbot calls the whole fullchain.pem), or, if that issuer is a "
            "CA "
            "of your own, append the CA's certificate",
            name);
    else
        certs_remark(report, file->path,
                     "the chain ends below %s, which this system does not know; players' programs "
                     "have to",
                     name);
}

static void check_key(const struct certs_file *file, struct certs_report *report)
{
    struct stat facts;
    int n = sk_X509_num(file->chain);
    int owner = -1; // the place in the chain of the certificate that the key belongs to
    for (int i = 0; i < n && owner < 0; i++)
        if (X509_check_private_key(sk_X509_value(file->chain, i), file->key) == 1)
            owner = i;
    ERR_clear_error();
    if (owner < 0)
        certs_complain(report, file->key_path,
                       "the key does not match the certificate in %s; name the key that the "
                       "certificate was made with",
                       file->path);
    else if (owner > 0)
        certs_complain(report, file->path,
                       "the chain is in the wrong order: the key belongs to certificate %d; put "
                       "that one first, then its issuer",
                       owner + 1);
    if (stat(file->key_path, &facts) == 0 && (facts.st_mode & S_IROTH))
        certs_remark(report, file->key_path, "the key can be read by everybody; chmod o-r FILE");
}

static void remark_self_signed(const struct certs_file *file, X509 *leaf,
                               struct certs_report *report)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n_digest = 0;
    char text[EVP_MAX_MD_SIZE * 3 + 1] = "";
    X509_digest(leaf, EVP_sha256(), digest, &n_digest);
    for (unsigned i = 0; i < n_digest; i++)
        sprintf(text + 3 * i, "%02X%s", digest[i], i + 1 < n_digest ? ":" : "");
    certs_remark(report, file->path,
                 "the certificate is self-signed, so players' programs will ask about it; its "
                 "SHA-256 fingerprint is %s",
                 text);
}

// Does it say that an OCSP response comes with it (RFC 7633)?
static bool is_to_be_stapled(const X509 *leaf)
{
    TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
    bool is_asked = false;
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
        is_asked |=
            ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == TLSEXT_TYPE_status_request;
    TLS_FEATURE_free(features);
    return is_asked;
}

void certs_check(const struct certs_file *file, struct certs_report *report)
{
    X509 *leaf = sk_X509_value(file->chain, 0);
    int n_before = report->n_complaints;
    check_key(file, report);
    if (report->n_complaints == n_before) // otherwise it may not even be the right file
        check_chain(file, report);
    for (int i = 0; i < sk_X509_num(file->chain); i++)
        check_dates(file, i, report);
    if (is_self_signed(leaf))
        remark_self_signed(file, leaf, report);
    else if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
        certs_remark(report, file->path,
                     "the certificate is not meant for TLS servers (key usage); players' programs "
                     "may refuse it");
    if (is_to_be_stapled(leaf))
        certs_remark(report, file->path,
                     "the certificate says that an OCSP response comes with it (must-staple), and "
                     "stayd sends none: some players' programs will refuse it; have one issued "
                     "without that");
    ERR_clear_error();
}
