// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who may come in: the lists of networks, and the limits per address. It counts and decides; others
// accept, shake hands and close.
//
// A newcomer is judged when it has been accepted (gate_knock), if it speaks TLS when a handshake is
// to begin (gate_look_for_room), and when it is to become a player (gate_seat). Who is not let in is
// told why, in a line or by an alert (farewell.h), noted (gate_refuse), and closed.
//
// No socket; time is what the caller says. Nothing here needs the vault: how many players there are
// says the caller's function.
//
// Errors: NULL without memory or random bytes.
#ifndef STAYD_ENTRY_GATE_H
#define STAYD_ENTRY_GATE_H

#include "conf/conf.h"
#include "entry/refusals.h"
#include "entry/tally.h"

// Honest handshakes take far less.
#define GATE_PATIENCE_MS 2000u

enum gate_verdict {
    GATE_OPEN,
    GATE_DENIED,     // by `allow` or `deny`
    GATE_RATE,       // connections-per-second
    GATE_HANDSHAKES, // max-handshakes-per-address
    GATE_PLAYERS,    // max-players-per-address
    GATE_FULL,       // max-players
    GATE_GAVE_WAY,   // its handshake hung, and others had to be let in
    GATE_N_VERDICTS
};

struct gate;

// May another player have a seat? is_exempt: the limit per address does not hold. GATE_OPEN,
// GATE_FULL, or GATE_PLAYERS with the network that has as many as it may.
typedef enum gate_verdict gate_seat_fn(void *arg, const uint8_t address[16], bool is_exempt,
                                       struct network *network);

// Has something come from it that was not read yet?
typedef bool gate_spoken_fn(const struct tally_held *held);

struct gate_setup {
    const struct conf *conf; // limits and lists
    gate_seat_fn *seat;
    void *arg; // for seat
    gate_spoken_fn *has_spoken;
};

struct gate *gate_make(const struct gate_setup *setup);
void gate_free(struct gate *gate);

// Each notes what it refuses.
enum gate_verdict gate_knock(struct gate *gate, const uint8_t address[16], uint64_t now_ms);
enum gate_verdict gate_seat(struct gate *gate, const uint8_t address[16], uint64_t now_ms);

// As many handshakes as can be are under way: who is to give way for one more? NULL: each is of
// another network, all have spoken, and none takes longer than honest ones do, so newcomers have to
// wait for a moment. Were the oldest to go then, in a crowd that comes at once nobody would get in.
struct tally_held *gate_look_everywhere(const struct gate *gate, uint64_t now_ms);
bool gate_is_full(const struct gate *gate);

// Before a handshake begins: NULL with GATE_OPEN, there is room; NULL with another verdict, there is
// none for this newcomer. Else this one is to give way, and the question is to be asked again.
struct tally_held *gate_look_for_room(struct gate *gate, const uint8_t address[16], uint64_t now_ms,
                                      enum gate_verdict *verdict);

void gate_hold(struct gate *gate, struct tally_held *held, const uint8_t address[16],
               uint64_t now_ms);
void gate_speak(struct gate *gate, struct tally_held *held);
void gate_let_go(struct gate *gate, struct tally_held *held);

// This address was not let in, or had to go: log it, or count it.
void gate_refuse(struct gate *gate, const uint8_t address[16], enum gate_verdict why,
                 uint64_t now_ms);

// Now and then: counts into the log.
void gate_tick(struct gate *gate, uint64_t now_ms);

// The i-th network that was refused lately, or NULL; and which limit that was, as the option's name.
const struct refusal *gate_refusal(const struct gate *gate, unsigned i);
const char *gate_limit_name(enum gate_verdict verdict);

#endif
