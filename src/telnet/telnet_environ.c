// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// NEW-ENVIRON (RFC 1572), by which a game that speaks MNES (tintin.mudhalla.net/protocols/mnes)
// asks for IPADDRESS. stayd answers in the player's place, whether the player's program knows the
// option or not:
//
//   game: DO   -->  WILL, at once; the player's own WILL or WONT is left out    telnet_environ_say
//   game: DONT -->  WONT, likewise
//   game: SEND -->  IS VAR IPADDRESS VALUE ..., and what the player answers follows by itself
//
// All that the game says goes on to the player. What the player sends as IPADDRESS must not reach
// the game, however the game reads it: as VAR or USERVAR, with ESC or without, in IS or INFO, in
// small letters, with signs in between. So nothing is parsed. In no NEW-ENVIRON of a player's do
// the letters IPADDRESS come in a row, whatever stands between them: the last one becomes an X, and
// the game has a variable that it does not know. And where two readers could see different ends of
// a subnegotiation (an IAC in it with neither IAC nor SE behind), there is an end for both, or
// none. What is taken for granted: wherever an IAC is, a game takes the byte behind it together
// with it.
//
// What is to be said is found by comparing both directions' states, as withdrawals are: a game's
// SENDs are counted, and so are those answered; what the game has heard is a bit that flips, equal
// to the game's own when it has heard nothing. So each step changes one state only, and telnet_mend
// has but to make them equal for the next game.
//
// Errors: none.
#include "telnet/telnet_part.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { IS = 0, SEND = 1 };
enum { BEGIN_ENCODING = 2 }; // MCCPX

static const char name[] = "IPADDRESS";

void telnet_environ_begin(struct telnet_state *state, bool is_player)
{
    state->environ = is_player ? 0 : ENVIRON_FIRST;
}

static void follow(struct telnet_state *state, uint8_t byte)
{
    if (state->environ != ENVIRON_FIRST)
        return;
    state->environ = ENVIRON_OTHER;
    if (state->verb == OPTION_NEW_ENVIRON && byte == SEND)
        state->environ = ENVIRON_SEND;
    else if (state->verb == OPTION_MCCPX && byte == BEGIN_ENCODING)
        state->environ = ENVIRON_BEGIN;
}

void telnet_environ_end(struct telnet_state *state)
{
    if (state->environ == ENVIRON_SEND)
        state->environ_sends++;
    state->environ = 0;
}

// What is no letter is passed over: a game may pass over it, too. I begins the name and is nowhere
// else in it.
static uint8_t disguise(struct telnet_state *state, uint8_t byte)
{
    if (byte >= 0x80 || !isalnum(byte))
        return byte;
    int letter = toupper(byte);
    if (letter != name[state->environ]) {
        state->environ = letter == name[0];
        return byte;
    }
    if (++state->environ < sizeof name - 1)
        return byte;
    state->environ = 0;
    return 'X';
}

bool telnet_environ_is_guarded(const struct telnet_state *state, const struct telnet_rules *rules)
{
    return rules->is_player && rules->is_mnes && state->verb == OPTION_NEW_ENVIRON;
}

uint8_t telnet_environ_pass(struct telnet_state *state, const struct telnet_rules *rules,
                            uint8_t byte)
{
    if (telnet_environ_is_guarded(state, rules))
        return disguise(state, byte);
    follow(state, byte);
    return byte;
}

static bool does_want(const struct telnet_state *game)
{
    return (game->does & telnet_option_bit(OPTION_NEW_ENVIRON)) != 0;
}

// Has the present game been told WILL?
static bool has_heard(const struct telnet_state *game, const struct telnet_state *player)
{
    return game->environ_turn != player->environ_turn;
}

// A WONT to a game that asks for nothing says nothing; a WILL is an offer, which it may take up.
bool telnet_environ_is_ours(const struct telnet_state *game, uint8_t verb, uint8_t option)
{
    return option == OPTION_NEW_ENVIRON &&
           (verb == VERB_WONT || (verb == VERB_WILL && does_want(game)));
}

void telnet_environ_forget(struct telnet_state *game, const struct telnet_state *player)
{
    game->environ = 0;
    game->environ_sends = player->environ_sends;
    game->environ_turn = player->environ_turn;
}

bool telnet_environ_is_due(const struct telnet_state *game, const struct telnet_state *player)
{
    return player->command == TELNET_TEXT && !(player->flags & TELNET_COMPRESSED) &&
           (does_want(game) != has_heard(game, player) ||
            game->environ_sends != player->environ_sends);
}

size_t telnet_environ_say(const struct telnet_state *game, struct telnet_state *player,
                          const char *address, uint8_t out[TELNET_ENVIRON_BYTES])
{
    size_t n = 0;
    if (does_want(game) != has_heard(game, player)) {
        const uint8_t command[] = {IAC, does_want(game) ? VERB_WILL : VERB_WONT,
                                   OPTION_NEW_ENVIRON};
        memcpy(out, command, sizeof command);
        n = sizeof command;
        player->environ_turn ^= 1;
    }
    if (game->environ_sends != player->environ_sends && does_want(game))
        n += (size_t)snprintf((char *)out + n, TELNET_ENVIRON_BYTES - n,
                              "\xff\xfa%c%c%c%s\x01%s\xff\xf0", OPTION_NEW_ENVIRON, IS, 0, name,
                              address);
    player->environ_sends = game->environ_sends;
    return n;
}
