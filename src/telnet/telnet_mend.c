// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// In a dead game's place: finish what it began, withdraw what it offered. All of it goes through
// telnet_filter as if the game had said it, so the state is right whatever is said.
//
// Which withdrawals will be answered (RFC 854: a change is answered, what is no change is not)? A
// WONT, by DONT, if the player's last word is DO; a DONT, by WONT, if it is WILL. One that is
// refused is not; one not answered yet may be, but which of two answers is the last cannot be told,
// and the next game bears both. When the answer to an earlier withdrawal is still to come, the
// player's last word was for an earlier game yet, and one answer stays one.
//
// Errors: none.
#include "telnet/telnet_part.h"

#include <assert.h>

#define N_OPTION_BITS 64u

// IAC SE, three bytes of UTF-8, "ESC \", the terminal, a reset, two withdrawals an option, CR LF.
static_assert(2 + 3 + 3 + TELNET_RESTORE_BYTES + 4 + 2 * 3 * N_OPTION_BITS + 2 <= TELNET_MEND_BYTES,
              "TELNET_MEND_BYTES");

struct mend {
    struct telnet_state *game;
    const struct telnet_state *player;
    uint8_t *out;
    size_t n;
};

static void say(struct mend *mend, const void *bytes, size_t n)
{
    struct telnet_rules rules = {.may_compress = true};
    mend->n += telnet_filter(mend->game, &rules, bytes, n, mend->out + mend->n);
}

#define SAY(mend, text) say(mend, text, sizeof(text) - 1)

static void finish_command(struct mend *mend)
{
    struct telnet_state *game = mend->game;
    if (game->command == TELNET_SUB || game->command == TELNET_SUB_IAC ||
        (game->flags & TELNET_SUB_OPEN)) {
        game->flags = (uint8_t)(game->flags & ~TELNET_SUB_OPEN);
        game->command = TELNET_SUB;
        SAY(mend, "\xff\xf0");
    }
    game->command = TELNET_TEXT;
    game->verb = 0;
    game->environ = 0;
}

static void finish_text(struct mend *mend)
{
    struct telnet_state *game = mend->game;
    while (game->utf8_left > 0)
        say(mend, &(const uint8_t){game->utf8_next}, 1);
    switch ((enum telnet_ansi)game->ansi) {
    case TELNET_ANSI_ESC:
        SAY(mend, "[0m");
        break;
    case TELNET_ANSI_CHARSET:
        SAY(mend, "B"); // ASCII
        break;
    case TELNET_ANSI_CSI:
        SAY(mend, "m");
        break;
    case TELNET_ANSI_STRING:
        SAY(mend, "\x1b\\");
        break;
    case TELNET_ANSI_STRING_ESC:
        SAY(mend, "\\");
        break;
    case TELNET_ANSI_NONE:
    case TELNET_N_ANSI:
        break;
    }
}

static void restore_terminal(struct mend *mend)
{
    char out[TELNET_RESTORE_BYTES];
    say(mend, out, telnet_terminal_restore(mend->game->terminal, out));
    if (mend->game->flags & TELNET_COLOURED)
        SAY(mend, "\x1b[0m");
}

static void withdraw(struct mend *mend, uint8_t verb, uint64_t options)
{
    for (unsigned bit = 0; bit < N_OPTION_BITS; bit++)
        if (options >> bit & 1)
            say(mend, (const uint8_t[]){IAC, verb, telnet_option_of(bit)}, 3);
}

#define OPTION_ECHO 1 // RFC 857

static void withdraw_all(struct mend *mend)
{
    struct telnet_state *game = mend->game;
    const struct telnet_state *player = mend->player;
    uint64_t agreed_will = game->will & player->does;
    uint64_t agreed_does = game->does & player->will;
    // A player who has never agreed to anything may be at a raw terminal, which shows commands as
    // odd characters: no more of them are sent there than ECHO needs.
    bool is_raw = !(player->will | player->does | player->will_turn | player->does_turn);
    withdraw(mend, VERB_WONT, is_raw ? game->will & telnet_option_bit(OPTION_ECHO) : game->will);
    withdraw(mend, VERB_DONT, is_raw ? 0 : game->does);
    game->will = game->does = 0;
    game->will_turn ^= agreed_will & ~(game->will_turn ^ player->will_turn);
    game->does_turn ^= agreed_does & ~(game->does_turn ^ player->does_turn);
}

size_t telnet_mend(struct telnet_state *game, const struct telnet_state *player,
                   uint8_t out[TELNET_MEND_BYTES])
{
    struct mend mend = {.game = game, .player = player, .out = out};
    finish_command(&mend);
    finish_text(&mend);
    restore_terminal(&mend);
    withdraw_all(&mend);
    telnet_environ_forget(game, player);
    if (game->flags & TELNET_IN_LINE)
        SAY(&mend, "\r\n");
    return mend.n;
}

static bool is_lost(const struct telnet_state *state)
{
    // Within MCCP's own subnegotiation: finishing it would begin the compression.
    bool is_sub = state->command == TELNET_SUB || state->command == TELNET_SUB_IAC;
    return (state->flags & TELNET_COMPRESSED) ||
           (is_sub && telnet_is_mccp(state->verb) && state->environ != ENVIRON_OTHER);
}

bool telnet_is_lost(const struct telnet_state *game, const struct telnet_state *player)
{
    return is_lost(game) || is_lost(player);
}
