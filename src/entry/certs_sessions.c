// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which session a ticket may bring back: one whose full handshake would lead to the same place now,
// with the same checks. OpenSSL asks that of nobody by itself: it has the ticket, not the listener's
// configuration, takes a player's certificate that has expired meanwhile, and in TLS 1.3 gives for
// each ticket a new one with a time of its own.
//
// * What the place and the checks hang on goes into the session id context, which OpenSSL compares
//   in all versions: listener, mode of client-certificates, authorities, and the host's name that
//   the player's program asks for (SNI), by which a certificate and a game are chosen.
//   The name is in the ClientHello, so each handshake has a context of its own.
// * What hangs on time is noted in the ticket at the full handshake, and copied from there into
//   those that follow (SSL_SESSION_set1_ticket_appdata(3)).
//
// Errors: no resumption; a full handshake does everything a ticket would.
#include "entry/certs_part.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define NOTE_BYTES 17u // version, full handshake, last moment
#define NOTE_VERSION 1u
#define HELLO_NAME_BYTES 260u // the longest server_name that OpenSSL takes: a name of 255 bytes

static const char label[] = "stayd: place and checks of a session, 1";

// What a ticket has in it of the full handshake that it goes back to.
struct note {
    uint64_t
        made_s; // boottime of the full handshake; as ticket keys, tickets do not outlive a boot
    int64_t until_s; // wall clock: the verdict about the player's certificate holds so long
};

static bool add_checks(EVP_MD_CTX *digest, const struct conf_listener *listener,
                       const STACK_OF(X509) *authorities)
{
    uint8_t one[EVP_MAX_MD_SIZE];
    unsigned n_one;
    uint8_t mode = (uint8_t)listener->client_certificates;
    if (!EVP_DigestUpdate(digest, label, sizeof label) ||
        !EVP_DigestUpdate(digest, listener->name, strlen(listener->name) + 1) ||
        !EVP_DigestUpdate(digest, &mode, sizeof mode))
        return false;
    if (listener->client_certificates == CONF_CLIENT_CERTIFICATES_NO)
        return true; // nobody is asked, so no authority is either
    for (int i = 0; i < sk_X509_num(authorities); i++)
        if (!X509_digest(sk_X509_value(authorities, i), EVP_sha256(), one, &n_one) ||
            !EVP_DigestUpdate(digest, one, n_one))
            return false;
    return true;
}

static bool make_place(uint8_t place[CERTS_PLACE_BYTES], const struct conf_listener *listener,
                       const STACK_OF(X509) *authorities)
{
    unsigned n;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool is_made = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
                   add_checks(digest, listener, authorities) &&
                   EVP_DigestFinal_ex(digest, place, &n);
    EVP_MD_CTX_free(digest);
    return is_made;
}

// The whole extension, as a host's name is no other in capitals. OpenSSL looks at its form later.
static size_t read_name(SSL *ssl, uint8_t name[HELLO_NAME_BYTES])
{
    const unsigned char *bytes;
    size_t n;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &n))
        return 0;
    n = n < HELLO_NAME_BYTES ? n : HELLO_NAME_BYTES;
    for (size_t i = 0; i < n; i++)
        name[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] | 0x20 : bytes[i];
    return n;
}

// The session id context of this handshake. A session of another one is not taken, and OpenSSL goes
// on with a full handshake.
static int on_hello(SSL *ssl, int *alert, void *arg)
{
    uint8_t hashed[CERTS_PLACE_BYTES + HELLO_NAME_BYTES];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n_digest;
    memcpy(hashed, arg, CERTS_PLACE_BYTES);
    size_t n = read_name(ssl, hashed + CERTS_PLACE_BYTES);
    if (EVP_Digest(hashed, CERTS_PLACE_BYTES + n, digest, &n_digest, EVP_sha256(), NULL) &&
        SSL_set_session_id_context(ssl, digest, SSL_MAX_SID_CTX_LENGTH))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR; // no memory
    return SSL_CLIENT_HELLO_ERROR;
}

static int64_t sooner(int64_t until_s, int64_t then_s, int64_t now_s)
{
    return then_s > now_s && then_s < until_s ? then_s : until_s;
}

// When the next one of the player's certificates begins or ends to be valid: then the verdict that
// the session remembers may be another one.
static int64_t find_change(const SSL *ssl, int64_t now_s)
{
    int64_t until_s = INT64_MAX;
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl); // as far as it could be built
    int n = chain ? sk_X509_num(chain) : leaf != NULL;
    for (int i = 0; i < n; i++) {
        struct certs_life life = certs_life_of(chain ? sk_X509_value(chain, i) : leaf);
        until_s = sooner(until_s, life.begins_s, now_s);
        until_s = sooner(until_s, life.ends_s, now_s);
    }
    return until_s;
}

static void write_note(SSL_SESSION *session, const struct note *note)
{
    uint8_t bytes[NOTE_BYTES] = {NOTE_VERSION};
    bytes_put64(bytes + 1, note->made_s);
    bytes_put64(bytes + 9, (uint64_t)note->until_s);
    // Without memory the ticket has no note and is worth nothing.
    SSL_SESSION_set1_ticket_appdata(session, bytes, sizeof bytes);
}

// False: there is none, as in a ticket that a stayd before this one gave.
static bool read_note(SSL_SESSION *session, struct note *note)
{
    void *data = NULL;
    size_t n = 0;
    if (!SSL_SESSION_get0_ticket_appdata(session, &data, &n) || !data || n != NOTE_BYTES)
        return false;
    const uint8_t *bytes = data;
    note->made_s = (uint64_t)bytes_get32(bytes + 1) << 32 | bytes_get32(bytes + 5);
    note->until_s = (int64_t)((uint64_t)bytes_get32(bytes + 9) << 32 | bytes_get32(bytes + 13));
    return bytes[0] == NOTE_VERSION;
}

// How many seconds the session is still good for. 0: it is not.
static int64_t left_of(const struct note *note)
{
    uint64_t boot_s = clock_boot_ms() / 1000;
    int64_t wall_s = (int64_t)(clock_wall_ms() / 1000);
    if (boot_s < note->made_s || boot_s - note->made_s >= CERTS_SESSION_S ||
        wall_s >= note->until_s)
        return 0;
    int64_t left_s = CERTS_SESSION_S - (int64_t)(boot_s - note->made_s);
    return note->until_s - wall_s < left_s ? note->until_s - wall_s : left_s;
}

// A ticket is about to be sealed. 1: go on.
static int on_seal(SSL *ssl, void *arg)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    struct note note;
    (void)arg;
    if (!SSL_session_reused(ssl)) {
        note.made_s = clock_boot_ms() / 1000;
        note.until_s = find_change(ssl, (int64_t)(clock_wall_ms() / 1000));
        write_note(session, &note);
    } else if (!read_note(session, &note)) {
        return 1;
    }
    // What the player's program is told. It counts from the session's own time, which TLS 1.2 keeps.
    if (!SSL_session_reused(ssl) || SSL_version(ssl) == TLS1_3_VERSION)
        SSL_SESSION_set_timeout(session, (long)left_of(&note));
    return 1;
}

static SSL_TICKET_RETURN on_open(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                 size_t n_key_name, SSL_TICKET_STATUS status, void *arg)
{
    struct note note;
    (void)ssl;
    (void)key_name;
    (void)n_key_name;
    (void)arg;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
        !read_note(session, &note) || left_of(&note) == 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW; // a full handshake, and a ticket of it
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

bool certs_bind_sessions(SSL_CTX *context, struct certs *certs,
                         const struct conf_listener *listener)
{
    if (!make_place(certs->place, listener, certs->authorities) ||
        !SSL_CTX_set_session_id_context(context, certs->place, SSL_MAX_SID_CTX_LENGTH) ||
        !SSL_CTX_set_session_ticket_cb(context, on_seal, on_open, NULL))
        return false;
    SSL_CTX_set_client_hello_cb(context, on_hello, certs->place);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, CERTS_SESSION_S);
    return true;
}
