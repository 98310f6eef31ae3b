// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd must know of telnet (RFC 854, 855, 1143) so that a player whose game died in
// the middle of something can go on with the next one. Sans-I/O: one state a direction, plain
// data that lives in the vault, bytes in, bytes out.
//
// A direction is followed byte by byte: telnet commands, the options that each side has agreed
// to, lines; in the game's also ANSI sequences and colours (ECMA-48) and UTF-8 characters (RFC
// 3629). Three things are changed on the way:
//
//   - a command is let through only when it is whole (IAC, verb, option), so that a game's death
//     never leaves half a one with the player. A subnegotiation goes through as it comes.
//   - MCCP (options 85 to 88) is taken out of both directions, unless the rules let it pass:
//     a compressed stream cannot be put right after a crash. A player who asks for it is told no. A
//     game is not: by the answer it would take a raw terminal for one that speaks telnet.
//   - a player's answers to what stayd has withdrawn in the dead game's place are swallowed; the
//     next game never asked.
//
// and, if the rules say so, that nobody but stayd tells the game where a player comes from: by
// NEW-ENVIRON (telnet_environ.c), or by fuzzball's FORWARDED (option 113), which is then taken out
// of both directions.
//
// What breaks the protocol goes through as it is. An IAC inside a subnegotiation with a command
// behind it (not IAC, not SE) ends the one and begins the other, as libtelnet has it; should that
// command not go through, an IAC SE goes in its place. With anything else behind the IAC (below
// EOF, 236), it is a 255 that was not doubled (a window of 255 columns), and the subnegotiation
// goes on.
//
// Errors: none; whatever comes in, something goes out.
#ifndef STAYD_TELNET_TELNET_H
#define STAYD_TELNET_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One direction. All zero at the start. Options are bits, see telnet_option_bit.
struct telnet_state {
    uint64_t will;        // options this side has last said WILL to
    uint64_t does;        // options this side has last said DO to
    uint64_t will_turn;   // game: flips with each WONT said in a dead game's place;
                          // player: flips with each DONT that answered one. Unequal: that DONT
                          // is still to come
    uint64_t does_turn;   // the same for DONT, answered by WONT
    uint32_t terminal;    // game: what it has changed in the terminal (telnet_terminal.c)
    uint32_t listed;      // game: which of those the CSI sequence so far names
    uint16_t parameter;   // the sequence's parameter so far, or an OSC's number; UINT16_MAX at most
    uint8_t command;      // enum telnet_command
    uint8_t verb;         // the verb that waits for its option; the option of a subnegotiation;
                          // else 0
    uint8_t ansi;         // enum telnet_ansi
    uint8_t utf8_left;    // continuation bytes that the present character still lacks
    uint8_t utf8_next;    // one that is valid as the next of them (telnet_text.c), else 0
    uint8_t flags;        // TELNET_*
    uint8_t detail;       // of a sequence: a byte that says of which kind it is, or where in an OSC
    uint8_t environ;      // where this side is within NEW-ENVIRON, or MCCPX (telnet_part.h)
    uint8_t environ_turn; // player: flips with each WILL and WONT that stayd has said in its place;
                          // game: what the player's bit was when the game began. Unequal: the
                          // game has heard WILL
    uint8_t environ_sends; // game: its SENDs, modulo 256; player: how many of them are answered
    uint8_t refused;       // player: what of MCCP it has last asked for and is refused (WILL: bits
                           // 0 to 3, DO: 4 to 7); game: which refusals the player was told
    uint8_t reserved[3];
};

enum telnet_command {
    TELNET_TEXT,
    TELNET_IAC,          // after IAC, which is held back
    TELNET_VERB,         // after IAC and a verb, both held back
    TELNET_SUB_IAC_SB,   // after IAC SB, held back until the option is known
    TELNET_SUB,          // inside a subnegotiation that passes
    TELNET_SUB_IAC,      // after an IAC in there, which is held back
    TELNET_MUTE_SUB,     // inside one that does not pass
    TELNET_MUTE_SUB_IAC, // after an IAC in there, which is held back: it may begin a command
    TELNET_N_COMMANDS,
};

enum telnet_ansi {
    TELNET_ANSI_NONE,
    TELNET_ANSI_ESC,        // after ESC
    TELNET_ANSI_CHARSET,    // after ESC and an intermediate byte (ESC ( and the like)
    TELNET_ANSI_CSI,        // in ESC [ ...
    TELNET_ANSI_STRING,     // in OSC, DCS, SOS, PM, APC, up to BEL or ST
    TELNET_ANSI_STRING_ESC, // after an ESC in there
    TELNET_N_ANSI,
};

#define TELNET_IN_LINE 1u       // text has come since the last end of line (LF, CR, CR LF, CR NUL)
#define TELNET_AFTER_CR 2u      // an LF or NUL now, commands aside, belongs to the CR before it
#define TELNET_COLOURED 4u      // colours or attributes were set since they were last reset
#define TELNET_COMPRESSED 8u    // MCCP has begun: what follows is not telnet any more
#define TELNET_CSI_OTHER 16u    // the CSI sequence so far cannot be a colour's
#define TELNET_CSI_EXTENDED 32u // it has a colour of many numbers (38;5;0): a 0 is no reset
#define TELNET_DROPPING 64u     // TELNET_DROP_LINE: the line's end is still to come
#define TELNET_SUB_OPEN 128u    // the command held back ends a subnegotiation that has passed

enum telnet_keep {
    TELNET_KEEP, // everything
    // For the first input of a new game, and until telnet_is_dropping says no: the text up to the
    // end of the line begun is dropped, and the rest of a subnegotiation begun. Everything else is
    // kept: commands among that text answer the new game. What was held back was given to nobody,
    // so it is not begun. Nothing begun, nothing dropped.
    TELNET_DROP_LINE,
    TELNET_DROP_ALL, // nothing
};

struct telnet_rules {
    bool is_player;    // whose bytes these are; else the game's
    bool may_compress; // let MCCP pass
    bool is_mnes;      // stayd says IPADDRESS, and the player does not. Not with may_compress
    bool is_forwarded; // stayd alone says FORWARDED. Not with may_compress
    enum telnet_keep keep;
    const struct telnet_state *other; // player: the game's state; game: not looked at
};

// The most that can be held back, so the most by which output can be longer than input.
#define TELNET_HELD_BYTES 2u

// How many bytes are held back now: 0 to TELNET_HELD_BYTES.
size_t telnet_n_held(const struct telnet_state *state);

// After a call with TELNET_DROP_LINE: is there more to drop? Once there is not, the next call must
// not have TELNET_DROP_LINE, which would take the line kept for one to drop. Any other call ends a
// drop; so does clearing TELNET_DROPPING, which a drop for yet another game begins with.
static inline bool telnet_is_dropping(const struct telnet_state *state)
{
    return (state->flags & TELNET_DROPPING) != 0;
}

// Can these n bytes be taken as they are? True: *state is what it is behind them, and telnet_filter
// would give out the very same bytes. False: *state is unchanged; use telnet_filter. This is the
// way of nearly all text, and quick.
bool telnet_pass(struct telnet_state *state, const struct telnet_rules *rules, const uint8_t *in,
                 size_t n);

// Follow n bytes. Returns how many bytes were written to out: at most n + telnet_n_held(state). out
// may overlap in if it begins at least telnet_n_held(state) bytes before it, or is in itself when
// nothing is held back.
size_t telnet_filter(struct telnet_state *state, const struct telnet_rules *rules,
                     const uint8_t *in, size_t n, uint8_t *out);

// The most that telnet_mend writes.
#define TELNET_MEND_BYTES 768u

// The game is dead: put its direction right. What it left unfinished is finished (subnegotiation,
// UTF-8 character, ANSI sequence), colours are reset, what it has changed in the terminal is put
// back (an open link, modes, character sets, a scrolling region), whatever it offered or asked for
// is withdrawn, in force or not, so that the next game begins afresh, ECHO above all (for a player
// who has never agreed to anything, nothing but ECHO), and a line begun is ended (CR LF). *game and
// *player are both directions' states; *game is what it is behind those bytes. Returns how many
// bytes to send to the player. Not to be called when telnet_is_lost.
size_t telnet_mend(struct telnet_state *game, const struct telnet_state *player,
                   uint8_t out[TELNET_MEND_BYTES]);

// Is the player to be told that it cannot have MCCP? True only between the game's commands, where
// that can be said.
bool telnet_refusal_is_due(const struct telnet_state *game, const struct telnet_state *player);

// The most that telnet_refuse writes.
#define TELNET_REFUSAL_BYTES 24u

// Write what is due. *game is what it is then. Returns how many bytes to send to the player: none,
// if it has only taken back what it asked for.
size_t telnet_refuse(struct telnet_state *game, const struct telnet_state *player,
                     uint8_t out[TELNET_REFUSAL_BYTES]);

// Has stayd something to say about NEW-ENVIRON to the game, in the player's place? True only
// between the player's commands, where it can be said.
bool telnet_environ_is_due(const struct telnet_state *game, const struct telnet_state *player);

// The most that telnet_environ_say writes: WILL and IS, with an address of 45 characters.
#define TELNET_ENVIRON_BYTES 80u

// Write what is due. *player is what it is behind those bytes. Returns how many bytes to send to
// the game.
size_t telnet_environ_say(const struct telnet_state *game, struct telnet_state *player,
                          const char *address, uint8_t out[TELNET_ENVIRON_BYTES]);

// Compression is under way or about to begin: the stream cannot be put right.
bool telnet_is_lost(const struct telnet_state *game, const struct telnet_state *player);

// The bit that stands for an option, 0 if it is one of those that are not followed (telnet_option.c
// has the list). They pass, and are not withdrawn.
uint64_t telnet_option_bit(uint8_t option);

// Is this a state that telnet_filter can have left? For vault/verify.c.
bool telnet_is_valid(const struct telnet_state *state);

#endif
