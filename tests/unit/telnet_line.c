// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See telnet_line.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet_line.h"

#include <stdlib.h>
#include <string.h>

static struct telnet_state *speaker(struct line *line)
{
    return line->is_player ? &line->player : &line->game;
}

static struct telnet_rules rules_of(const struct line *line)
{
    return (struct telnet_rules){
        .is_player = line->is_player,
        .may_compress = line->may_compress,
        .keep = line->keep,
        .other = line->is_player ? &line->game : &line->player,
    };
}

// One input, as the relay takes it: what is held back may be written in front of it.
static void take(struct line *line, const uint8_t *in, size_t n, bool is_in_place)
{
    struct telnet_state *state = speaker(line);
    const struct telnet_rules rules = rules_of(line);
    const size_t n_held = telnet_n_held(state);
    uint8_t *room = malloc(n_held + n + 1);
    uint8_t *out = malloc(n_held + n + 1);
    uint8_t *place = is_in_place ? room : out;
    assert_true(n_held <= TELNET_HELD_BYTES);
    memcpy(room + n_held, in, n);
    struct telnet_state passed = *state;
    const bool is_passed = telnet_pass(&passed, &rules, in, n);
    const size_t n_out = telnet_filter(state, &rules, room + n_held, n, place);
    assert_true(n_out + telnet_n_held(state) <= n + n_held);
    if (is_passed) {
        assert_int_equal(n_out, n);
        assert_memory_equal(place, in, n);
        assert_memory_equal(&passed, state, sizeof passed);
    }
    assert_true(telnet_is_valid(state));
    memcpy(line->out + line->n_out, place, n_out);
    line->n_out += n_out;
    if (line->keep == TELNET_DROP_LINE && !telnet_is_dropping(state))
        line->keep = TELNET_KEEP;
    free(room);
    free(out);
}

void line_feed_at_once(struct line *line, const uint8_t *in, size_t n, bool is_in_place)
{
    line->n_out = 0;
    take(line, in, n, is_in_place);
}

static void assert_same(const struct line *line, const struct line *other)
{
    assert_int_equal(line->n_out, other->n_out);
    assert_memory_equal(line->out, other->out, line->n_out);
    assert_memory_equal(&line->game, &other->game, sizeof line->game);
    assert_memory_equal(&line->player, &other->player, sizeof line->player);
}

void line_feed(struct line *line, const uint8_t *in, size_t n)
{
    const struct line start = *line;
    line_feed_at_once(line, in, n, false);
    for (size_t cut = 0; cut <= n; cut++) {
        struct line cut_line = start;
        cut_line.n_out = 0;
        take(&cut_line, in, cut, cut & 1);
        take(&cut_line, in + cut, n - cut, true);
        assert_same(line, &cut_line);
    }
    struct line slow = start;
    slow.n_out = 0;
    for (size_t i = 0; i < n; i++)
        take(&slow, in + i, 1, true);
    assert_same(line, &slow);
}

void line_assert_out(const struct line *line, const char *wanted, size_t n)
{
    assert_int_equal(line->n_out, n);
    assert_memory_equal(line->out, wanted, n);
}

void line_turn(struct line *line)
{
    line->is_player = !line->is_player;
}

void line_mend(struct line *line)
{
    line->n_out = telnet_mend(&line->game, &line->player, line->out);
    assert_true(line->n_out <= TELNET_MEND_BYTES);
    assert_true(telnet_is_valid(&line->game));
    line->keep = TELNET_KEEP;
}
