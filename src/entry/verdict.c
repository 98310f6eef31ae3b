// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Verdicts in words (verdict.h). Errors: none.
#include "entry/verdict.h"

#include "base/log.h"
#include "entry/tally.h"

static const struct {
    const char *name; // of the option
    const char *why;
} verdicts[GATE_N_VERDICTS] = {
    [GATE_OPEN] = {"", ""},
    [GATE_DENIED] = {"deny", "allow or deny keep it out"},
    [GATE_RATE] = {"connections-per-second", "more than connections-per-second"},
    [GATE_HANDSHAKES] = {"max-handshakes-per-address", "max-handshakes-per-address are under way"},
    [GATE_PLAYERS] = {"max-players-per-address", "max-players-per-address are connected"},
    [GATE_FULL] = {"max-players", "max-players are connected"},
    [GATE_GAVE_WAY] = {"max-handshakes",
                       "gave way: its handshake hung, and others had to be let in"},
    [GATE_UNNAMED] = {"proxy", "not among those for whom its listener is (proxy)"},
    [GATE_HEADER] = {"proxy",
                     "sent a PROXY header, which its listener does not take from it (proxy)"},
};

const char *verdict_limit_name(enum gate_verdict why)
{
    return verdicts[why].name;
}

static void say(const struct refusal *refusal, uint64_t n)
{
    char text[NETWORK_TEXT_BYTES];
    log_event(LOG_LIMITED, "network=%s why=\"%s\" n=%llu",
              refusal->network.bits ? network_print(text, &refusal->network) : "any",
              verdicts[refusal->why].why, (unsigned long long)n);
}

void verdict_note(struct refusals *refusals, const struct network *network, enum gate_verdict why,
                  uint64_t now_ms)
{
    const struct refusal refusal = {.network = *network, .why = why};
    if (refusals_note(refusals, network, why, now_ms))
        say(&refusal, 1);
}

void verdict_note_address(struct refusals *refusals, const uint8_t address[16],
                          enum gate_verdict why, uint64_t now_ms)
{
    struct network networks[TALLY_LEVELS];
    const struct network any = {.bits = 0};
    tally_networks(address, networks);
    verdict_note(refusals, why == GATE_FULL ? &any : &networks[0], why, now_ms);
}

void verdict_tick(struct refusals *refusals, uint64_t now_ms)
{
    struct refusal due;
    // The log has room for so many lines of one event, whatever others say; the rest stay due.
    for (unsigned n = 0; n < LOG_BURST_LEAST && refusals_next_due(refusals, &due, now_ms); n++)
        say(&due, due.n_unsaid);
    uint64_t n_others = refusals_take_others(refusals, now_ms);
    if (n_others)
        log_event(LOG_LIMITED, "network=others n=%llu", (unsigned long long)n_others);
}
