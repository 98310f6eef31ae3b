// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Session ticket keys; see tickets.h. Tickets are made as RFC 5077,
// section 4 recommends, and as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) wants it:
// AES-256-CBC, then HMAC-SHA256.
//
// Errors: no ticket; a full handshake does everything a ticket would.
#include "entry/tickets.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#define TICKET_IV_BYTES 16u

static const struct vault_view *used;

static bool fill_random(void *bytes, size_t n_bytes)
{
    if (random_fill(bytes, n_bytes))
        return true;
    log_event(LOG_SYSTEM, "call=getrandom error=\"%s\"", strerror(errno));
    return false;
}

// Write the key that is not in use, then flip. made_s is what tells a whole key (not 0) from one
// whose writer was killed: it is cleared first and set last.
static bool make_key(struct vault_view *view, uint64_t now_boot_s)
{
    struct vault_ticket_key fresh;
    uint32_t current = atomic_load_explicit(&view->ticket_current, memory_order_relaxed) & 1;
    struct vault_ticket_key *key = &view->ticket_keys[1 - current];
    if (!fill_random(&fresh, sizeof fresh))
        return false;
    __atomic_store_n(&key->made_s, 0, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    memcpy(key->name, fresh.name, sizeof key->name);
    memcpy(key->aes, fresh.aes, sizeof key->aes);
    memcpy(key->hmac, fresh.hmac, sizeof key->hmac);
    __atomic_store_n(&key->made_s, now_boot_s ? now_boot_s : 1, __ATOMIC_RELEASE);
    atomic_store_explicit(&view->ticket_current, 1 - current, memory_order_release);
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

// Copy a key, whole or not at all. *is_current: it is the one that makes tickets.
static bool copy_key(unsigned index, struct vault_ticket_key *copy, bool *is_current)
{
    const struct vault_ticket_key *key = &used->ticket_keys[index];
    uint64_t made_s = __atomic_load_n(&key->made_s, __ATOMIC_ACQUIRE);
    *copy = *key;
    atomic_thread_fence(memory_order_acquire);
    *is_current = index == (atomic_load_explicit(&used->ticket_current, memory_order_acquire) & 1);
    return made_s != 0 && __atomic_load_n(&key->made_s, __ATOMIC_RELAXED) == made_s;
}

static bool key_mac(EVP_MAC_CTX *mac, const struct vault_ticket_key *key)
{
    uint8_t secret[sizeof key->hmac];
    char digest[] = "SHA256";
    memcpy(secret, key->hmac, sizeof secret);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, sizeof secret),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool is_set = EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(secret, sizeof secret);
    return is_set;
}

static int seal_ticket(uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct vault_ticket_key key;
    bool is_current;
    uint32_t current = atomic_load_explicit(&used->ticket_current, memory_order_acquire) & 1;
    if (!copy_key(current, &key, &is_current) || !fill_random(iv, TICKET_IV_BYTES))
        return 0;
    memcpy(name, key.name, sizeof key.name);
    bool is_ready =
        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1 && key_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    return is_ready ? 1 : -1;
}

static int open_ticket(const SSL *ssl, const uint8_t *name, const uint8_t *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct vault_ticket_key key;
    bool is_current;
    int outcome = 0; // no key of ours: a full handshake
    for (unsigned i = 0; i < 2 && outcome == 0; i++) {
        if (!copy_key(i, &key, &is_current) || memcmp(key.name, name, sizeof key.name) != 0)
            continue;
        if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1 &&
            key_mac(mac, &key))
            // 2: opened, but give a new one; in TLS 1.3 always, where players use a ticket only
            // once (RFC 8446, appendix C.4).
            outcome = is_current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
        else
            outcome = -1;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return outcome;
}

static int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int is_sealing)
{
    if (!used)
        return 0;
    if (is_sealing)
        return seal_ticket(name, iv, cipher, mac);
    return open_ticket(ssl, name, iv, cipher, mac);
}

void tickets_use(const struct vault_view *view)
{
    used = view;
}

void tickets_attach(SSL_CTX *context)
{
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

uint64_t tickets_due(const struct vault_view *view)
{
    uint32_t current = atomic_load_explicit(&view->ticket_current, memory_order_relaxed) & 1;
    uint64_t made_s = view->ticket_keys[current].made_s;
    return made_s == 0 ? 0 : made_s + TICKETS_ROTATE_S;
}

bool tickets_tick(struct vault_view *view, uint64_t now_boot_s)
{
    return now_boot_s >= tickets_due(view) && make_key(view, now_boot_s);
}
