// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The TLS record layer after the handshake, server side: opens the player's
// records and seals ours, for TLS 1.3 (RFC 8446, section 5) and TLS 1.2 with
// AEAD suites (RFC 5246, 5288, 7905). Sans-I/O: bytes and plain state in, bytes
// and plain state out. No socket, no clock, no allocation, no randomness; a step
// that was cut short can be done again with the same result. Nothing is changed
// in place: input, key and state are const, results go to memory of the caller,
// who publishes them. What it works on is declared beside: record_params.h, record_key.h,
// record_state.h; and what comes of it: record_opened.h, record_alert.h.
//
// Errors: a peer's mistake is an answer (RECORD_ALERT with the alert to send);
// a failure of OpenSSL itself or a wrong argument is RECORD_FAILED.
#ifndef STAYD_RECORD_H
#define STAYD_RECORD_H

#include "record/record_alert.h"
#include "record/record_key.h"
#include "record/record_opened.h"
#include "record/record_state.h"

#define RECORD_HEADER_BYTES 5u
#define RECORD_MAX_TEXT 16384u
// The least that a peer can ask for as the most in a record (max_fragment_length, RFC 6066).
#define RECORD_LEAST_LIMIT 512u
// Room that a sealed record of n bytes of text needs beyond n: header, TLS 1.2
// explicit nonce, content type, tag.
#define RECORD_OVERHEAD 32u
// The largest record, header included, that record_open can be asked to wait
// for (RFC 5246, section 6.2.3: 2^14 + 2048).
#define RECORD_MAX_BYTES (RECORD_HEADER_BYTES + 16384u + 2048u)

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
