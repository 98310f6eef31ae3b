// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet byte-exact: a line between a game and a player, for tests. Whatever is fed is fed whole,
// cut in two at every place, and byte by byte, each time in place too: the output and the state
// must be the same.
#ifndef STAYD_TELNET_LINE_H
#define STAYD_TELNET_LINE_H

#include "telnet/telnet.h"

// Two sides and what comes out of the side that speaks.
struct line {
    struct telnet_state game;
    struct telnet_state player;
    bool is_player; // who speaks
    bool may_compress;
    enum telnet_keep keep;
    uint8_t out[2048];
    size_t n_out;
};

static inline struct line game_says(void)
{
    return (struct line){.is_player = false};
}

static inline struct line player_says(void)
{
    return (struct line){.is_player = true};
}

static inline bool has(const struct telnet_state *state, unsigned flags)
{
    return (state->flags & flags) != 0;
}

// The side that speaks changes.
void line_turn(struct line *line);

// The side that speaks says `in`; what comes out is in line->out.
void line_feed(struct line *line, const uint8_t *in, size_t n);

// Once, as the relay does; in place or not.
void line_feed_at_once(struct line *line, const uint8_t *in, size_t n, bool is_in_place);

// The game has died: what the player is sent is in line->out.
void line_mend(struct line *line);

void line_assert_out(const struct line *line, const char *wanted, size_t n);

#define FEED(line, in) line_feed(line, (const uint8_t *)(in), sizeof(in) - 1)
// What comes out.
#define GIVES(line, in, wanted)                                                                    \
    do {                                                                                           \
        FEED(line, in);                                                                            \
        line_assert_out(line, wanted, sizeof(wanted) - 1);                                         \
    } while (0)
#define PASSES(line, in) GIVES(line, in, in)

#define MENDS(line, wanted)                                                                        \
    do {                                                                                           \
        line_mend(line);                                                                           \
        line_assert_out(line, wanted, sizeof(wanted) - 1);                                         \
    } while (0)

#endif
