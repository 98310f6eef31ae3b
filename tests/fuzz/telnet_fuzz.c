// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player and its games under libFuzzer: both directions, and games that die. Held after every
// input: the bound on the output; that cuts, the quick way and writing in place change nothing;
// that the state is valid; that the game's state is what the player sees. After each death: nothing
// is left over.
//
// With MNES: the game is asked for IPADDRESS and answered at once; and however a reader that is as
// simple as can be takes apart what the player sends, IPADDRESS is not in it. With FORWARDED: no
// byte sequence of that option comes out.
//
// Input: one byte (bit 0: MCCP may pass; else bit 1: MNES, bit 2: FORWARDED); then items
//   kind (1) | length (1) | that many bytes, or what is left, if somebody speaks
// kind: bits 0 and 1: 0 the game speaks, 1 the player, 2 the game dies,
// 3 the next thing to keep of the player is bits 2 and 3 (enum telnet_keep; 3 is 0); bits 4 to 7:
// how long the pieces are into which it is cut, less one.
//
// Errors: a broken promise of telnet.h aborts.
#include "fuzz.h"
#include "telnet/telnet.h"

#include <ctype.h>

#define PIECE_MAX 255u

// How a game may read what the player sends. They differ in what an IAC inside a subnegotiation
// does that is followed by neither IAC nor SE.
enum reader_kind {
    READER_ENDS,  // it ends there, and the command counts
    READER_SKIPS, // it and the byte behind it are passed over
    READER_TAKES, // the byte behind it is taken
    N_READERS,
};

struct reader {
    enum { OUT, OUT_IAC, OUT_VERB, OUT_SB, IN, IN_IAC } place;
    bool is_guarded; // the subnegotiation is one in which IPADDRESS must not be
    unsigned row;    // letters of IPADDRESS in a row
};

struct talk {
    struct telnet_state game;
    struct telnet_state player;
    struct telnet_state seen; // what the player makes of all that it got
    bool may_compress;
    bool is_mnes;
    bool is_forwarded;
    enum telnet_keep keep;
    struct reader reader[N_READERS];
};

static struct telnet_rules rules_of(const struct talk *talk, bool is_player)
{
    return (struct telnet_rules){
        .is_player = is_player,
        .may_compress = talk->may_compress,
        .is_mnes = talk->is_mnes,
        .is_forwarded = talk->is_forwarded,
        .keep = is_player ? talk->keep : TELNET_KEEP,
        .other = is_player ? &talk->game : NULL,
    };
}

// As the relay does: what is held back may be written in front of the input. Room of the exact
// size, so that ASan sees what goes beyond.
static size_t filter(struct talk *talk, bool is_player, const uint8_t *in, size_t n, uint8_t *out)
{
    struct telnet_state *state = is_player ? &talk->player : &talk->game;
    const struct telnet_rules rules = rules_of(talk, is_player);
    const size_t n_held = telnet_n_held(state);
    uint8_t *room = malloc(n_held + n + 1);
    hold(room != NULL && n_held <= TELNET_HELD_BYTES);
    memcpy(room + n_held, in, n);
    struct telnet_state passed = *state;
    const bool is_passed = telnet_pass(&passed, &rules, in, n);
    const struct telnet_state before = *state;
    const size_t n_out = telnet_filter(state, &rules, room + n_held, n, room);
    hold(n_out + telnet_n_held(state) <= n + n_held);
    hold(telnet_is_valid(state));
    if (is_passed)
        hold(n_out == n && memcmp(room, in, n) == 0 && memcmp(&passed, state, sizeof passed) == 0);
    else
        hold(memcmp(&passed, &before, sizeof passed) == 0);
    memcpy(out, room, n_out);
    free(room);
    if (is_player && talk->keep == TELNET_DROP_LINE && !telnet_is_dropping(state))
        talk->keep = TELNET_KEEP;
    return n_out;
}

static void read_data(struct reader *reader, uint8_t byte)
{
    static const char name[] = "IPADDRESS";
    if (!reader->is_guarded || byte >= 0x80 || !isalnum(byte))
        return;
    if (toupper(byte) == name[reader->row])
        reader->row++;
    else
        reader->row = toupper(byte) == name[0];
    hold(reader->row < sizeof name - 1);
}

static void read_command(struct reader *reader, uint8_t byte)
{
    reader->place = byte == 250 ? OUT_SB : byte > 250 && byte < 255 ? OUT_VERB : OUT;
}

static void read_in_iac(struct reader *reader, enum reader_kind kind, uint8_t byte)
{
    reader->place = IN;
    if (byte == 240)
        reader->place = OUT;
    else if (byte == 255)
        read_data(reader, byte);
    else if (kind == READER_ENDS && byte >= 236)
        read_command(reader, byte);
    else if (kind != READER_SKIPS)
        read_data(reader, byte);
}

static void read_byte(struct talk *talk, enum reader_kind kind, uint8_t byte)
{
    struct reader *reader = &talk->reader[kind];
    switch (reader->place) {
    case OUT:
        reader->place = byte == 255 ? OUT_IAC : OUT;
        break;
    case OUT_IAC:
        read_command(reader, byte);
        break;
    case OUT_VERB:
    case OUT_SB:
        hold(byte != 113 || !talk->is_forwarded);
        reader->is_guarded = talk->is_mnes && byte == 39;
        reader->row = 0;
        reader->place = reader->place == OUT_SB ? IN : OUT;
        break;
    case IN:
        if (byte == 255)
            reader->place = IN_IAC;
        else
            read_data(reader, byte);
        break;
    case IN_IAC:
        read_in_iac(reader, kind, byte);
        break;
    }
}

static void forget_readers(struct talk *talk)
{
    memset(talk->reader, 0, sizeof talk->reader);
}

// What the player sends has come out.
static void read_all(struct talk *talk, const uint8_t *out, size_t n)
{
    for (int kind = 0; kind < N_READERS; kind++)
        for (size_t i = 0; i < n; i++)
            read_byte(talk, (enum reader_kind)kind, out[i]);
}

// stayd's own words come only between the player's.
static void say_environ(struct talk *talk)
{
    uint8_t out[TELNET_ENVIRON_BYTES];
    if (!talk->is_mnes || !telnet_environ_is_due(&talk->game, &talk->player))
        return;
    hold(talk->reader[READER_ENDS].place == OUT || talk->keep != TELNET_KEEP);
    hold(telnet_environ_say(&talk->game, &talk->player, "::", out) < sizeof out);
    hold(!telnet_environ_is_due(&talk->game, &talk->player) && telnet_is_valid(&talk->player));
}

// What MCCP the player asks for it is told once that it cannot have.
static void refuse(struct talk *talk)
{
    uint8_t out[TELNET_REFUSAL_BYTES];
    if (!telnet_refusal_is_due(&talk->game, &talk->player))
        return;
    hold(!talk->may_compress);
    hold(telnet_refuse(&talk->game, &talk->player, out) <= sizeof out);
    hold(!telnet_refusal_is_due(&talk->game, &talk->player) && telnet_is_valid(&talk->game));
}

static bool is_in_sub(const struct telnet_state *state)
{
    return state->command == TELNET_SUB || state->command == TELNET_SUB_IAC;
}

static void see(struct talk *talk, const uint8_t *out, size_t n)
{
    uint8_t nowhere[2 * TELNET_MEND_BYTES];
    const struct telnet_rules rules = {.may_compress = true};
    telnet_filter(&talk->seen, &rules, out, n, nowhere);
    const struct telnet_state *game = &talk->game;
    const struct telnet_state *seen = &talk->seen;
    // Of what option a subnegotiation is may be held back with the IAC; and so may the command that
    // ends it.
    if (is_in_sub(game) || (game->flags & TELNET_SUB_OPEN))
        hold(seen->command == TELNET_SUB || seen->command == TELNET_SUB_IAC_SB);
    else
        hold(seen->command == TELNET_TEXT);
    hold(seen->will == game->will && seen->does == game->does);
    hold(seen->ansi == game->ansi && seen->parameter == game->parameter);
    hold(seen->terminal == game->terminal && seen->listed == game->listed);
    hold(seen->detail == game->detail);
    hold(seen->utf8_left == game->utf8_left && seen->utf8_next == game->utf8_next);
    hold(((seen->flags ^ game->flags) & ~TELNET_SUB_OPEN) == 0);
}

static void speak(struct talk *talk, bool is_player, const uint8_t *in, size_t n, size_t n_piece)
{
    uint8_t out[PIECE_MAX + TELNET_HELD_BYTES];
    uint8_t cut_out[PIECE_MAX + TELNET_HELD_BYTES];
    struct talk cut = *talk;
    const size_t n_out = filter(talk, is_player, in, n, out);
    size_t n_cut = 0;
    for (size_t at = 0; at < n; at += n_piece) {
        const size_t n_now = n - at < n_piece ? n - at : n_piece;
        n_cut += filter(&cut, is_player, in + at, n_now, cut_out + n_cut);
    }
    if (n > 0) {
        hold(n_cut == n_out && memcmp(out, cut_out, n_out) == 0);
        hold(memcmp(&cut.game, &talk->game, sizeof cut.game) == 0);
        hold(memcmp(&cut.player, &talk->player, sizeof cut.player) == 0);
        hold(cut.keep == talk->keep);
    }
    if (is_player)
        read_all(talk, out, n_out);
    else
        see(talk, out, n_out);
    say_environ(talk);
    refuse(talk);
}

static void die(struct talk *talk)
{
    uint8_t out[TELNET_MEND_BYTES];
    if (telnet_is_lost(&talk->game, &talk->player))
        return;
    const struct telnet_state *player = &talk->player;
    if (!(player->will | player->does | player->will_turn | player->does_turn)) {
        talk->seen.will &= telnet_option_bit(1); // a raw terminal has made nothing of the rest
        talk->seen.does = 0;
    }
    const size_t n = telnet_mend(&talk->game, &talk->player, out);
    forget_readers(talk);
    hold(!telnet_environ_is_due(&talk->game, &talk->player));
    const struct telnet_state *game = &talk->game;
    hold(n <= TELNET_MEND_BYTES && telnet_is_valid(game));
    hold(game->command == TELNET_TEXT && game->ansi == TELNET_ANSI_NONE && game->utf8_left == 0);
    hold((game->flags & ~TELNET_AFTER_CR) == 0);
    hold(game->will == 0 && game->does == 0 && game->terminal == 0);
    see(talk, out, n);
    const struct telnet_state mended = *game;
    hold(telnet_mend(&talk->game, &talk->player, out) == 0);
    hold(memcmp(&mended, game, sizeof mended) == 0);
}

// What comes now is for another game.
static void set_keep(struct talk *talk, uint8_t kind)
{
    const unsigned keep = kind >> 2 & 3;
    talk->keep = keep <= TELNET_DROP_ALL ? (enum telnet_keep)keep : TELNET_KEEP;
    forget_readers(talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned mode = size > 0 ? data[0] : 0;
    struct talk talk = {
        .may_compress = mode & 1, .is_mnes = (mode & 3) == 2, .is_forwarded = (mode & 5) == 4};
    size_t at = 1;
    while (at + 2 <= size) {
        const uint8_t kind = data[at];
        size_t n = data[at + 1];
        at += 2;
        n = n < size - at ? n : size - at;
        if ((kind & 3) < 2)
            speak(&talk, kind & 1, data + at, n, 1u + (kind >> 4));
        else if ((kind & 3) == 2)
            die(&talk);
        else
            set_keep(&talk, kind);
        at += (kind & 3) < 2 ? n : 0;
    }
    return 0;
}
