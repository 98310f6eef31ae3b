// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The TLS record layer after the handshake, server side: opens the player's
// records and seals ours, for TLS 1.3 (RFC 8446, section 5) and TLS 1.2 with
// AEAD suites (RFC 5246, 5288, 7905). Sans-I/O: bytes and plain state in, bytes
// and plain state out. No socket, no clock, no allocation, no randomness; a step
// that was cut short can be done again with the same result. Nothing is changed
// in place: input, key and state are const, results go to memory of the caller,
// who publishes them.
//
// Errors: a peer's mistake is an answer (RECORD_ALERT with the alert to send);
// a failure of OpenSSL itself or a wrong argument is RECORD_FAILED.
#ifndef STAYD_RECORD_H
#define STAYD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_TLS12 0x0303u
#define RECORD_TLS13 0x0304u

#define RECORD_HEADER_BYTES 5u
#define RECORD_MAX_TEXT 16384u
// Room that a sealed record of n bytes of text needs beyond n: header, TLS 1.2
// explicit nonce, content type, tag.
#define RECORD_OVERHEAD 32u
// The largest record, header included, that record_open can be asked to wait
// for (RFC 5246, section 6.2.3: 2^14 + 2048).
#define RECORD_MAX_BYTES (RECORD_HEADER_BYTES + 16384u + 2048u)
#define RECORD_SECRET_BYTES 48u

enum record_cipher {
    RECORD_AES_128_GCM,
    RECORD_AES_256_GCM,
    RECORD_CHACHA20_POLY1305,
    RECORD_N_CIPHERS,
};

// Keys of one direction. TLS 1.3: the traffic secret (32 or 48 bytes, by the
// suite's hash) and what was expanded from it. TLS 1.2: key and fixed IV (4
// bytes for GCM, 12 for ChaCha20); the secret is zero.
struct record_key {
    uint8_t secret[RECORD_SECRET_BYTES];
    uint8_t key[32];
    uint8_t iv[12];
    uint32_t generation; // 0 after the handshake, +1 with each KeyUpdate
};

// Where one direction's stream of records stands.
struct record_state {
    uint64_t seq;     // sequence number of the next record
    uint8_t hs_bytes; // an unfinished handshake message: record_message.c says how
    uint8_t hs[3];    // it is kept here
    uint16_t asks;    // answers owed to the peer, ever: KeyUpdate requests (1.3), no_renegotiation
                      // (1.2). Goes round: compare for equality only. One answer does for all.
    uint16_t reserved;
    int32_t debt;     // of records without text, in bytes of text; below 0: paid in advance
    uint32_t paid_ms; // record_pay's last now_ms and n_heard, modulo 2^32
    uint32_t paid_heard;
    uint32_t reserved_2;
};

// What a connection is, as far as records go.
struct record_params {
    uint16_t version; // RECORD_TLS12 or RECORD_TLS13
    uint8_t cipher;   // enum record_cipher
};

enum record_alert { // RFC 8446, section 6; RFC 5246, section 7.2
    RECORD_CLOSE_NOTIFY = 0,
    RECORD_UNEXPECTED_MESSAGE = 10,
    RECORD_BAD_RECORD_MAC = 20,
    RECORD_OVERFLOW = 22,
    RECORD_HANDSHAKE_FAILURE = 40,
    RECORD_ILLEGAL_PARAMETER = 47,
    RECORD_DECODE_ERROR = 50,
    RECORD_PROTOCOL_VERSION = 70,
    RECORD_INTERNAL_ERROR = 80,
    RECORD_USER_CANCELED = 90,
    RECORD_NO_RENEGOTIATION = 100,
};

enum record_status {
    RECORD_MORE,    // not a whole record yet; nothing changed
    RECORD_TEXT,    // a record was opened; n_text bytes (0 is legal) were written
    RECORD_REKEYED, // a KeyUpdate was taken: use next_key and next_state from now on
    RECORD_CLOSED,  // close_notify: the player will say nothing more
    RECORD_DEAD,    // the peer sent a fatal alert (in `alert`): send nothing, close
    RECORD_ALERT,   // the peer broke the protocol: send fatal `alert`, close
    RECORD_FAILED,  // ours: OpenSSL failed or out of room; nothing changed
};

struct record_opened {
    enum record_status status;
    size_t n_read;             // input consumed (a whole record, or 0)
    size_t n_text;             // bytes written to text
    uint8_t alert;             // RECORD_DEAD, RECORD_ALERT
    struct record_state state; // the new state; valid for TEXT, REKEYED, CLOSED
    struct record_key key;     // the new key; valid for REKEYED only
};

// Bytes of the record that starts at in, header included; 0 when fewer than
// RECORD_HEADER_BYTES are there. Says how much must be waited for; an oversized
// length is reported as RECORD_HEADER_BYTES, so that record_open sees and refuses it.
size_t record_wanted(const struct record_params *params, const uint8_t *in, size_t n_in);

// Open the first record of in. text must not overlap in and needs room for the
// record's length: it is used for whatever is opened, so bytes past n_text change
// too, and of what is not authentic nothing stays there. One record a call. An
// ignored or unfinished message is RECORD_TEXT of 0 bytes. RECORD_ALERT may come
// as soon as the header is there. A max_fragment_length (RFC 6066) that was agreed
// upon binds what we seal; of the player up to 2^14 bytes are taken all the same.
void record_open(const struct record_params *params, const struct record_key *key,
                 const struct record_state *state, const uint8_t *in, size_t n_in, uint8_t *text,
                 size_t text_room, struct record_opened *opened);

// What pays for the player's records without text, so that there is an end to a flood of them and
// none to a connection of weeks: time, text that it was sent, and its own text (record_open sees
// that). To be called before record_open. now_ms: a clock that does not go back. n_heard: bytes of
// text for the player, ever. Either may go round at 2^32.
void record_pay(struct record_state *state, uint64_t now_ms, uint64_t n_heard);

// Seal n_text (0 to RECORD_MAX_TEXT) bytes of application data as one record.
// out must not overlap text and needs room for n_text + RECORD_OVERHEAD.
// Returns the bytes written, or 0 when OpenSSL failed or the room is too small;
// *next is the state after it.
size_t record_seal(const struct record_params *params, const struct record_key *key,
                   const struct record_state *state, const uint8_t *text, size_t n_text,
                   uint8_t *out, size_t out_room, struct record_state *next);

// Seal an alert. close_notify, user_canceled and no_renegotiation go out as
// warnings, all others as fatal. Room and result as record_seal.
size_t record_seal_alert(const struct record_params *params, const struct record_key *key,
                         const struct record_state *state, uint8_t alert, uint8_t *out,
                         size_t out_room, struct record_state *next);

// TLS 1.3: seal a KeyUpdate under the present key and compute the next key.
// *next has sequence number 0 for *next_key. Result as record_seal.
size_t record_seal_key_update(const struct record_params *params, const struct record_key *key,
                              const struct record_state *state, bool request_update, uint8_t *out,
                              size_t out_room, struct record_state *next,
                              struct record_key *next_key);

// Must this direction be rekeyed (1.3) or closed (1.2) before another record is
// sealed? RFC 8446, section 5.5: 2^24.5 records; here 2^22, and 2^24 with TLS 1.2,
// where ChaCha20 has no limit (see record.c). -DRECORD_WORN_RECORDS=n sets the first
// figure to n and the second to 4n.
bool record_is_worn(const struct record_params *params, const struct record_state *state);

// TLS 1.3: expand a traffic secret into key and iv. n_secret: 32 or 48. False: OpenSSL failed.
bool record_key_tls13(const struct record_params *params, const uint8_t *secret, size_t n_secret,
                      struct record_key *key);

// TLS 1.2: both directions' keys from the master secret (48 bytes) and the two
// randoms (32 each), RFC 5246, section 6.3; is_sha384 picks the PRF's hash.
bool record_keys_tls12(const struct record_params *params, bool is_sha384, const uint8_t master[48],
                       const uint8_t client_random[32], const uint8_t server_random[32],
                       struct record_key *from_client, struct record_key *from_server);

// Is this a state that record_open can have left? For vault/verify.c.
bool record_is_valid(const struct record_state *state);

// Make what the module needs of OpenSSL (one context a cipher and direction,
// rekeyed for each record). Call once a process, before anything else; a cloned
// process may go on using its parent's copy. False: OpenSSL has no such cipher.
bool record_init(void);
void record_free(void);

// This key is used no more: wipe what the process has of it beyond the caller's own. Keys that were
// never set, and parameters that are not known, are none.
void record_forget(const struct record_params *params, const struct record_key *key);
void record_forget_all(void); // keys, whosever they are

#endif
