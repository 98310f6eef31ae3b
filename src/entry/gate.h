// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who may come in: the lists of networks, and the limits per address. It counts and decides; others
// accept, shake hands and close.
//
// A newcomer is judged when it has been accepted (gate_knock) and, if it speaks TLS, when a handshake
// is to begin (gate_look_for_room). Who is not let in is told why, in a line or by an alert
// (farewell.h), noted (gate_refuse), and closed. Whether there is a seat for a player is judged when
// it is handed on (players/seats.h).
//
// No socket; time is what the caller says. Nothing here needs the vault.
//
// Errors: NULL without memory or random bytes.
#ifndef STAYD_ENTRY_GATE_H
#define STAYD_ENTRY_GATE_H

#include "conf/conf.h"
#include "entry/tally.h"
#include "entry/verdict.h"

// Honest handshakes take far less.
#define GATE_PATIENCE_MS 2000u

struct gate;

// Has something come from it that was not read yet?
typedef bool gate_spoken_fn(const struct tally_held *held);

struct gate_setup {
    const struct conf *conf; // limits and lists
    gate_spoken_fn *has_spoken;
};

struct gate *gate_make(const struct gate_setup *setup);
void gate_free(struct gate *gate);

// Notes what it refuses.
enum gate_verdict gate_knock(struct gate *gate, const uint8_t address[16], uint64_t now_ms);

// As many handshakes as can be are under way: who is to give way for one more? NULL: each is of
// another network, all have spoken, and none takes longer than honest ones do, so newcomers have to
// wait for a moment. Were the oldest to go then, in a crowd that comes at once nobody would get in.
struct tally_held *gate_look_everywhere(const struct gate *gate, uint64_t now_ms);
bool gate_is_full(const struct gate *gate);

// Before a handshake begins: NULL with GATE_OPEN, there is room; NULL with another verdict, there is
// none for this newcomer. Else this one is to give way, and the question is to be asked again.
struct tally_held *gate_look_for_room(struct gate *gate, const uint8_t address[16], uint64_t now_ms,
                                      enum gate_verdict *verdict);

// address NULL: it is not known whose it is, so it counts for no network, as one who is exempt.
void gate_hold(struct gate *gate, struct tally_held *held, const uint8_t address[16],
               uint64_t now_ms);
void gate_speak(struct gate *gate, struct tally_held *held);
void gate_wait(struct gate *gate, struct tally_held *held); // there is something to do for it
struct tally_held *gate_next(struct gate *gate);            // whose turn that is; NULL: nobody's
void gate_let_go(struct gate *gate, struct tally_held *held);

// This address was not let in, or had to go: log it, or count it.
void gate_refuse(struct gate *gate, const uint8_t address[16], enum gate_verdict why,
                 uint64_t now_ms);

// Now and then: counts into the log.
void gate_tick(struct gate *gate, uint64_t now_ms);

// Who was refused here lately.
const struct refusals *gate_refusals(const struct gate *gate);

#endif
