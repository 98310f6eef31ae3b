// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who may come in (gate.h). Errors: NULL without memory or random bytes.
#include "entry/gate.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

// Networks whose last connections are remembered beside those that have handshakes.
#define IDLE_NETWORKS 4096u

struct gate {
    struct gate_setup setup;
    struct tally *tally; // handshakes, connections
    uint32_t n_held;
    struct refusals refusals;
};

struct gate *gate_make(const struct gate_setup *setup)
{
    struct tally_key key;
    struct gate *gate = calloc(1, sizeof *gate);
    if (gate && random_fill(&key, sizeof key))
        gate->tally =
            tally_make(IDLE_NETWORKS + TALLY_LEVELS * (setup->conf->max_handshakes + 1), &key);
    if (!gate || !gate->tally) {
        free(gate);
        return NULL;
    }
    gate->setup = *setup;
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    tally_free(gate->tally);
    free(gate);
}

const struct refusals *gate_refusals(const struct gate *gate)
{
    return &gate->refusals;
}

static void note(struct gate *gate, const struct network *network, enum gate_verdict why,
                 uint64_t now_ms)
{
    verdict_note(&gate->refusals, network, why, now_ms);
}

void gate_refuse(struct gate *gate, const uint8_t address[16], enum gate_verdict why,
                 uint64_t now_ms)
{
    verdict_note_address(&gate->refusals, address, why, now_ms);
}

void gate_tick(struct gate *gate, uint64_t now_ms)
{
    verdict_tick(&gate->refusals, now_ms);
}

static bool is_exempt(const struct gate *gate, const uint8_t address[16])
{
    return networks_have(&gate->setup.conf->exempt.networks, address);
}

enum gate_verdict gate_knock(struct gate *gate, const uint8_t address[16], uint64_t now_ms)
{
    const struct conf *conf = gate->setup.conf;
    struct network network;
    if (networks_have(&conf->deny.networks, address) ||
        (conf->allow.file && !networks_have(&conf->allow.networks, address))) {
        gate_refuse(gate, address, GATE_DENIED, now_ms);
        return GATE_DENIED;
    }
    if (conf->connections_per_second == 0 || is_exempt(gate, address) ||
        tally_take(gate->tally, address, conf->connections_per_second, now_ms, &network))
        return GATE_OPEN;
    note(gate, &network, GATE_RATE, now_ms);
    return GATE_RATE;
}

// What it has said may not have been read yet.
static bool is_silent(const struct gate *gate, struct tally_held *held)
{
    if (!gate->setup.has_spoken(held))
        return true;
    tally_speak(gate->tally, held);
    return false;
}

// Of a network that has as many handshakes as it may.
static struct tally_held *look_in(const struct gate *gate, const struct network *network,
                                  uint64_t now_ms)
{
    struct tally_held *held;
    while ((held = tally_oldest_of(gate->tally, network, true)))
        if (is_silent(gate, held))
            return held;
    held = tally_oldest_of(gate->tally, network, false);
    return held && now_ms - held->since_ms > GATE_PATIENCE_MS ? held : NULL;
}

struct tally_held *gate_look_everywhere(const struct gate *gate, uint64_t now_ms)
{
    uint32_t n = 0;
    struct tally_held *held;
    while ((held = tally_oldest_silent(gate->tally)))
        if (is_silent(gate, held))
            return held;
    held = tally_oldest_of_busiest(gate->tally, &n);
    return held && (n > 1 || now_ms - held->since_ms > GATE_PATIENCE_MS) ? held : NULL;
}

bool gate_is_full(const struct gate *gate)
{
    return gate->n_held >= gate->setup.conf->max_handshakes;
}

struct tally_held *gate_look_for_room(struct gate *gate, const uint8_t address[16], uint64_t now_ms,
                                      enum gate_verdict *verdict)
{
    const struct conf *conf = gate->setup.conf;
    struct network network;
    *verdict = GATE_OPEN;
    if (address && conf->max_handshakes_per_address > 0 && !is_exempt(gate, address) &&
        tally_is_full(gate->tally, address, conf->max_handshakes_per_address, &network)) {
        struct tally_held *held = look_in(gate, &network, now_ms);
        if (!held) {
            note(gate, &network, GATE_HANDSHAKES, now_ms);
            *verdict = GATE_HANDSHAKES;
        }
        return held;
    }
    if (!gate_is_full(gate))
        return NULL;
    struct tally_held *held = gate_look_everywhere(gate, now_ms);
    if (!held) { // it could have given way when this newcomer was accepted, and has spoken since
        if (address)
            gate_refuse(gate, address, GATE_HANDSHAKES, now_ms);
        *verdict = GATE_HANDSHAKES;
    }
    return held;
}

void gate_hold(struct gate *gate, struct tally_held *held, const uint8_t address[16],
               uint64_t now_ms)
{
    tally_hold(gate->tally, held, address && is_exempt(gate, address) ? NULL : address, now_ms);
    gate->n_held++;
}

void gate_speak(struct gate *gate, struct tally_held *held)
{
    tally_speak(gate->tally, held);
}

void gate_wait(struct gate *gate, struct tally_held *held)
{
    tally_wait(gate->tally, held);
}

struct tally_held *gate_next(struct gate *gate)
{
    return tally_next(gate->tally);
}

void gate_let_go(struct gate *gate, struct tally_held *held)
{
    tally_let_go(gate->tally, held);
    gate->n_held--;
}
