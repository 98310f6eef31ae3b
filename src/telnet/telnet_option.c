// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which options are followed, and what a valid state is.
// Errors: none.
#include "telnet/telnet_part.h"

#include <assert.h>
#include <string.h>

#define FIRST_OF_MANY 48u // bits below stand for the option of the same number

// IANA, "Telnet Options"; from MSDP on, which IANA does not have: mudstandards.org,
// tintin.mudhalla.net/protocols, and each protocol's own page. Append only: the vault holds the
// bits.
static const uint8_t later_options[] = {
    48,  // SEND-URL
    49,  // FORWARD_X
    69,  // MSDP
    70,  // MSSP
    85,  // MCCP1
    86,  // MCCP2
    87,  // MCCP3
    90,  // MSP
    91,  // MXP
    93,  // ZMP
    102, // Aardwolf's channel
    200, // ATCP
    201, // GMCP
    202, // MPCP
    88,  // MCCPX
};

#define N_LATER (sizeof later_options / sizeof later_options[0])
#define ALL_OPTIONS ((UINT64_C(1) << (FIRST_OF_MANY + N_LATER)) - 1)

static_assert(FIRST_OF_MANY + N_LATER < 64, "telnet_state");
static_assert(sizeof(struct telnet_state) == 56, "the vault holds it");

uint64_t telnet_option_bit(uint8_t option)
{
    if (option < FIRST_OF_MANY)
        return UINT64_C(1) << option;
    for (size_t i = 0; i < N_LATER; i++)
        if (later_options[i] == option)
            return UINT64_C(1) << (FIRST_OF_MANY + i);
    return 0;
}

uint8_t telnet_option_of(unsigned bit)
{
    if (bit < FIRST_OF_MANY)
        return (uint8_t)bit;
    return bit - FIRST_OF_MANY < N_LATER ? later_options[bit - FIRST_OF_MANY] : 0;
}

// Where the player could say where it is, a 255 is no option: a game might take it for an IAC.
bool telnet_is_hidden(const struct telnet_rules *rules, uint8_t option)
{
    if (telnet_is_mccp(option))
        return !rules->may_compress;
    if (option == IAC)
        return rules->is_player && (rules->is_mnes || rules->is_forwarded);
    return option == OPTION_FORWARDED && rules->is_forwarded;
}

static bool has_flags(const struct telnet_state *state, unsigned flags)
{
    return (state->flags & flags) != 0;
}

static bool is_command_valid(const struct telnet_state *state)
{
    switch (state->command) {
    case TELNET_TEXT:
    case TELNET_IAC:
    case TELNET_SUB_IAC_SB:
        return state->verb == 0;
    case TELNET_VERB:
        return state->verb >= VERB_WILL && state->verb <= VERB_DONT;
    default:
        return state->command < TELNET_N_COMMANDS;
    }
}

static bool is_environ_valid(const struct telnet_state *state)
{
    static const uint8_t zero[sizeof state->reserved];
    bool is_in = state->command == TELNET_SUB || state->command == TELNET_SUB_IAC;
    if (state->environ_turn > 1 || memcmp(state->reserved, zero, sizeof zero) != 0)
        return false;
    if (state->environ == ENVIRON_CUT)
        return has_flags(state, TELNET_SUB_OPEN);
    if (state->environ == 0)
        return true;
    if (is_in && state->verb == OPTION_MCCPX)
        return state->environ == ENVIRON_FIRST || state->environ == ENVIRON_OTHER ||
               state->environ == ENVIRON_BEGIN;
    return is_in && state->verb == OPTION_NEW_ENVIRON &&
           (state->environ < sizeof "IPADDRESS" - 1 ||
            (state->environ >= ENVIRON_FIRST && state->environ <= ENVIRON_OTHER));
}

static bool is_utf8_valid(const struct telnet_state *state)
{
    switch (state->utf8_next) {
    case 0:
        return state->utf8_left == 0;
    case 0x80:
        return state->utf8_left >= 1 && state->utf8_left <= 3;
    case 0xa0:
    case 0x9f:
        return state->utf8_left == 2;
    case 0x90:
    case 0x8f:
        return state->utf8_left == 3;
    default:
        return false;
    }
}

static bool is_text_valid(const struct telnet_state *state)
{
    if (state->ansi >= TELNET_N_ANSI || !is_utf8_valid(state))
        return false;
    if (state->utf8_left > 0 && state->ansi != TELNET_ANSI_NONE &&
        state->ansi != TELNET_ANSI_STRING)
        return false;
    if (state->ansi == TELNET_ANSI_CSI)
        return true;
    if (state->listed || has_flags(state, TELNET_CSI_OTHER | TELNET_CSI_EXTENDED))
        return false;
    return state->ansi == TELNET_ANSI_STRING ||
           (state->parameter == 0 && (state->detail == 0 || state->ansi == TELNET_ANSI_CHARSET));
}

static bool are_flags_valid(const struct telnet_state *state)
{
    unsigned line = state->flags & (TELNET_IN_LINE | TELNET_AFTER_CR);
    if (has_flags(state, TELNET_SUB_OPEN) && state->command != TELNET_VERB &&
        state->command != TELNET_SUB_IAC_SB)
        return false;
    if (line == (TELNET_IN_LINE | TELNET_AFTER_CR))
        return false;
    if (has_flags(state, TELNET_COMPRESSED))
        return state->flags == TELNET_COMPRESSED && state->command == TELNET_TEXT &&
               state->ansi == TELNET_ANSI_NONE && state->utf8_left == 0;
    return line != 0 || !has_flags(state, TELNET_DROPPING);
}

bool telnet_refusal_is_due(const struct telnet_state *game, const struct telnet_state *player)
{
    return game->command == TELNET_TEXT && !has_flags(game, TELNET_COMPRESSED) &&
           game->refused != player->refused;
}

size_t telnet_refuse(struct telnet_state *game, const struct telnet_state *player,
                     uint8_t out[TELNET_REFUSAL_BYTES])
{
    unsigned due = player->refused & ~(unsigned)game->refused;
    size_t n = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        if (!(due >> bit & 1))
            continue;
        out[n++] = IAC;
        out[n++] = bit < 4 ? VERB_DONT : VERB_WONT;
        out[n++] = (uint8_t)(OPTION_MCCP1 + bit % 4);
    }
    game->refused = player->refused;
    return n;
}

bool telnet_is_valid(const struct telnet_state *state)
{
    uint64_t options = state->will | state->does | state->will_turn | state->does_turn;
    return (options & ~ALL_OPTIONS) == 0 && is_environ_valid(state) && is_command_valid(state) &&
           is_text_valid(state) && are_flags_valid(state);
}
