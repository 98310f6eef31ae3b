// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Takeover (takeover.h), by public API only.
//
// Keys. TLS 1.3: the key log callback gives CLIENT_ and SERVER_TRAFFIC_SECRET_0.
// TLS 1.2: master secret and both randoms.
//
// Sequence numbers, by the message callback, which sees every record's header
// (SSL3_RT_HEADER). TLS 1.3: the server's application keys are in use from the
// moment their secret is logged; each record written after that (tickets) counts
// one; nothing can have been read under the client's yet. TLS 1.2: each side counts
// the records after its ChangeCipherSpec; a Finished may come in several.
//
// Errors: a reason in words.
#include "entry/takeover.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "base/log.h"
#include "entry/certs.h"
#include "record/suites.h"
#include "vault/facts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define CHANGE_CIPHER_SPEC 20 // record content type, RFC 5246 section 6.2.1

// Room that facts of TLS leave for the host name, which is found later (NAMES_HOST_BYTES).
#define HOST_ROOM 130u

// The last word of a key log line is the secret in hex.
static uint8_t read_secret(const char *line, uint8_t secret[RECORD_SECRET_BYTES])
{
    const char *hex = strrchr(line, ' ');
    size_t n = hex ? strlen(hex + 1) / 2 : 0;
    if (n == 0 || n > RECORD_SECRET_BYTES || !hex_read(secret, hex + 1, n))
        return 0;
    return (uint8_t)n;
}

static void see_key(const SSL *ssl, const char *line)
{
    struct takeover *takeover = SSL_get_app_data(ssl);
    if (!takeover)
        return;
    if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0) {
        takeover->n_secret[0] = read_secret(line, takeover->secret[0]);
    } else if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0) {
        takeover->n_secret[1] = read_secret(line, takeover->secret[1]);
        takeover->n_written = 0;
    }
}

static void see_record(int is_write, int version, int type, const void *header, size_t n_header,
                       SSL *ssl, void *arg)
{
    struct takeover *takeover = SSL_get_app_data(ssl);
    (void)version;
    (void)arg;
    if (!takeover || type != SSL3_RT_HEADER || n_header < 1)
        return;
    uint64_t *count = is_write ? &takeover->n_written : &takeover->n_read;
    if (*(const uint8_t *)header == CHANGE_CIPHER_SPEC)
        *count = 0;
    else
        ++*count;
}

void takeover_prepare(SSL_CTX *context, void *unused)
{
    (void)unused;
    SSL_CTX_set_keylog_callback(context, see_key);
    SSL_CTX_set_msg_callback(context, see_record);
}

int takeover_watch(SSL *ssl, struct takeover *takeover)
{
    memset(takeover, 0, sizeof *takeover);
    return SSL_set_app_data(ssl, takeover);
}

static struct record_params params_of(const struct arrival *arrival)
{
    return (struct record_params){.version = arrival->tls_version, .cipher = arrival->cipher};
}

static const char *fill_tls13(const struct takeover *takeover, struct arrival *arrival)
{
    const struct record_params params = params_of(arrival);
    for (int side = 0; side < 2; side++)
        if (takeover->n_secret[side] == 0 ||
            !record_key_tls13(&params, takeover->secret[side], takeover->n_secret[side],
                              &arrival->keys[side]))
            return "no traffic secret";
    arrival->seq[TO_PLAYER] = takeover->n_written;
    return NULL;
}

static const char *fill_tls12(SSL *ssl, const struct takeover *takeover, bool is_sha384,
                              struct arrival *arrival)
{
    const struct record_params params = params_of(arrival);
    uint8_t master[48];
    uint8_t client_random[32];
    uint8_t server_random[32];
    bool is_ok =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == sizeof master &&
        SSL_get_client_random(ssl, client_random, 32) == 32 &&
        SSL_get_server_random(ssl, server_random, 32) == 32 &&
        record_keys_tls12(&params, is_sha384, master, client_random, server_random,
                          &arrival->keys[TO_GAME], &arrival->keys[TO_PLAYER]);
    OPENSSL_cleanse(master, sizeof master);
    arrival->seq[TO_GAME] = takeover->n_read;
    arrival->seq[TO_PLAYER] = takeover->n_written;
    return is_ok ? NULL : "no master secret";
}

static void add_fact(struct arrival *arrival, enum fact fact, const void *bytes, size_t n)
{
    char address[ADDRESS_TEXT_BYTES];
    if (arrival->facts_bytes + 2u + n + HOST_ROOM > SLOT_FACTS_BYTES ||
        !facts_put(arrival->facts, &arrival->facts_bytes, fact, bytes, n))
        log_event(LOG_DROPPED_FACT, "address=%s fact=%d bytes=%zu",
                  address_print(address, arrival->address), (int)fact, n);
}

static void add_certificate(SSL *ssl, struct arrival *arrival)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    if (!certificate)
        return;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n_digest = 0;
    uint8_t verify[4];
    bytes_put32(verify, (uint32_t)SSL_get_verify_result(ssl));
    add_fact(arrival, FACT_CERT_VERIFY, verify, sizeof verify);
    if (X509_digest(certificate, EVP_sha256(), digest, &n_digest) == 1)
        add_fact(arrival, FACT_CERT_SHA256, digest, n_digest);
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) {
        unsigned char *name = NULL;
        int n =
            ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (n > 0)
            add_fact(arrival, FACT_CERT_NAME, name, (size_t)n);
        OPENSSL_free(name);
    }
    X509_free(certificate);
}

static void add_facts(SSL *ssl, struct arrival *arrival)
{
    add_certificate(ssl, arrival);
    const unsigned char *alpn = NULL;
    unsigned n_alpn = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &n_alpn);
    if (n_alpn)
        add_fact(arrival, FACT_ALPN, alpn, n_alpn);
    char name[CERTS_NAME_BYTES];
    if (*certs_asked_name(name, ssl))
        add_fact(arrival, FACT_SNI, name, strlen(name));
}

// RFC 6066 section 4: code n is 2^(8+n) bytes.
static uint16_t write_limit(SSL *ssl)
{
    uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));
    return (uint16_t)(code >= 1 && code <= 4 ? 256u << code : RECORD_MAX_TEXT);
}

const char *takeover_fill(SSL *ssl, const struct takeover *takeover, struct arrival *arrival)
{
    // What OpenSSL has read and not given out would be lost. With read_ahead off it
    // never reads past the record it needs.
    if (SSL_has_pending(ssl))
        return "data was read past the handshake";
    const struct suite *suite = suite_find(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
    if (!suite)
        return "the cipher suite cannot be taken over";
    arrival->tls_version = (uint16_t)SSL_version(ssl);
    arrival->suite = suite->id;
    arrival->cipher = (uint8_t)suite->cipher;
    arrival->write_limit = write_limit(ssl);
    add_facts(ssl, arrival);
    return arrival->tls_version == RECORD_TLS13
               ? fill_tls13(takeover, arrival)
               : fill_tls12(ssl, takeover, suite->is_sha384, arrival);
}
