// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link through a reboot (keep.h): what stay_keep is given for each player, and how a link is made of it
// again. Half-typed lines, lines not yet run, output not yet sent: nothing of it may be lost. Input
// is kept as it came, from n_done on; the new program makes lines of it anew.
//
// Errors: a player that cannot be noted or restored is logged.
#include "keep.h"

#include "life.h"
#include "state.h"
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The numbers stand in what an older or newer minimush reads: never give one another meaning. 5, 6
// and 7 were an older one's.
enum tag {
    TAG_PHASE = 1, // the letter of phase_letters
    TAG_CHARACTER = 2,
    TAG_CONNECTED_AT = 3,
    TAG_SPOKE_AT = 4,
    TAG_HALF_LINE = 8, // an older one's: comes before TAG_INPUT
    TAG_INPUT = 9,     // not acted on yet
    TAG_OUTPUT = 10,   // not written yet
    TAG_FAILURES = 11,
    TAG_LOST = 12,
    TAG_ENDED = 13,
    TAG_MARKS = 14, // line.h
    TAG_N_DONE = 15,
    TAG_N_OUTPUT = 16, // where the next output begins, behind TAG_OUTPUT
    TAG_PASSED_OVER = 17,
    TAG_CHARSET = 18,
    TAG_PAGED = 19,
    TAG_TELNET_OURS = 20, // RFC 1143's states: the player's program does not see the reboot
    TAG_TELNET_THEIRS = 21,
    TAG_TELNET_HEARD = 22,
    TAG_GMCP_ROOM = 23,
    TAG_TERMINAL = 24,
    TAG_WIDTH = 25,
    TAG_HEIGHT = 26,
};

enum { PLAYING = 'p', LEAVING = 'l', LOGIN = 'c' };

static char phase_letter(const struct link *link)
{
    return link->phase == LINK_PLAYING ? PLAYING : link->phase == LINK_LEAVING ? LEAVING : LOGIN;
}

static void put_buffer(struct state *state, uint8_t tag, struct evbuffer *buffer)
{
    size_t n = evbuffer_get_length(buffer);
    const unsigned char *bytes = evbuffer_pullup(buffer, -1);
    if (n > 0 && bytes)
        state_put(state, tag, bytes, n);
}

static void put_telnet(struct state *state, const struct link *link)
{
    const struct telnet *telnet = &link->telnet;
    state_put(state, TAG_TELNET_OURS, telnet->ours, sizeof telnet->ours);
    state_put(state, TAG_TELNET_THEIRS, telnet->theirs, sizeof telnet->theirs);
    state_put_number(state, TAG_TELNET_HEARD, telnet->is_heard);
    state_put_number(state, TAG_CHARSET, link->line.charset);
    state_put_number(state, TAG_GMCP_ROOM, link->terminal.has_gmcp_room);
    state_put(state, TAG_TERMINAL, link->terminal.type, strlen(link->terminal.type));
    state_put_number(state, TAG_WIDTH, link->terminal.width);
    state_put_number(state, TAG_HEIGHT, link->terminal.height);
}

bool link_keep(struct link *link)
{
    struct state state = {0};
    char letter = phase_letter(link);
    bufferevent_read_buffer(link->stream, link->input);
    state_put(&state, TAG_PHASE, &letter, 1);
    state_put_number(&state, TAG_CHARACTER, link->self ? link->self->id : 0);
    state_put_number(&state, TAG_CONNECTED_AT, link->connected_at);
    state_put_number(&state, TAG_SPOKE_AT, link->spoke_at);
    state_put_number(&state, TAG_N_DONE, (int64_t)link->n_done);
    state_put_number(&state, TAG_PASSED_OVER, (int64_t)link->n_passed_over);
    state_put_number(&state, TAG_MARKS, link_marks(link));
    put_buffer(&state, TAG_INPUT, link->input);
    state_put_number(&state, TAG_N_OUTPUT, (int64_t)link->n_output);
    put_buffer(&state, TAG_OUTPUT, bufferevent_get_output(link->stream));
    state_put_number(&state, TAG_FAILURES, link->n_failures);
    state_put_number(&state, TAG_LOST, link->n_lost);
    state_put_number(&state, TAG_ENDED, link->has_ended);
    state_put(&state, TAG_PAGED, link->paged, strlen(link->paged));
    put_telnet(&state, link);
    link->player.n_input = link->n_told;
    bool is_kept = stay_keep(link->mush->stay, &link->player, state.bytes, state.n) == 0;
    if (!is_kept)
        fprintf(stderr, "minimush: cannot keep the player from %s: %s\n", link->player.address,
                strerror(errno));
    explicit_bzero(state.bytes, state.n);
    state_free(&state);
    return is_kept;
}

static void take_text(char *out, size_t out_size, const struct state_field *field)
{
    size_t n = field->n < out_size - 1 ? field->n : out_size - 1;
    memcpy(out, field->value, n);
    out[n] = '\0';
}

static void take_bytes(uint8_t *out, size_t n, const struct state_field *field)
{
    if (field->n == n)
        memcpy(out, field->value, n);
}

static void take_terminal_field(struct link *link, const struct state_field *field)
{
    int64_t number = state_number(field);
    switch ((enum tag)field->tag) {
    case TAG_TELNET_OURS:
        take_bytes(link->telnet.ours, sizeof link->telnet.ours, field);
        break;
    case TAG_TELNET_THEIRS:
        take_bytes(link->telnet.theirs, sizeof link->telnet.theirs, field);
        break;
    case TAG_TELNET_HEARD:
        link->telnet.is_heard = link->terminal.is_asked = number != 0;
        break;
    case TAG_CHARSET:
        link->line.charset = number == LINE_LATIN1 ? LINE_LATIN1 : LINE_UTF8;
        break;
    case TAG_GMCP_ROOM:
        link->terminal.has_gmcp_room = number != 0;
        break;
    case TAG_TERMINAL:
        take_text(link->terminal.type, sizeof link->terminal.type, field);
        break;
    case TAG_WIDTH:
        link->terminal.width = (unsigned)number;
        break;
    case TAG_HEIGHT:
        link->terminal.height = (unsigned)number;
        break;
    default:
        break;
    }
}

static void take_field(struct link *link, const struct state_field *field, int64_t *character,
                       char *letter)
{
    int64_t number = state_number(field);
    switch ((enum tag)field->tag) {
    case TAG_PHASE:
        *letter = field->n == 1 ? (char)field->value[0] : LOGIN;
        break;
    case TAG_CHARACTER:
        *character = number;
        break;
    case TAG_CONNECTED_AT:
        link->connected_at = number;
        break;
    case TAG_SPOKE_AT:
        link->spoke_at = number;
        break;
    case TAG_N_DONE:
        link->n_done = (uint64_t)number;
        break;
    case TAG_PASSED_OVER:
        link->n_passed_over = (uint64_t)number;
        break;
    case TAG_MARKS:
        link_take_marks(link, (unsigned)number);
        break;
    case TAG_HALF_LINE:
    case TAG_INPUT:
        evbuffer_add(link->input, field->value, field->n);
        break;
    case TAG_N_OUTPUT:
        link->n_output = (uint64_t)number;
        break;
    case TAG_OUTPUT:
        bufferevent_write(link->stream, field->value, field->n);
        break;
    case TAG_FAILURES:
        link->n_failures = (unsigned)number;
        break;
    case TAG_LOST:
        link->n_lost = (unsigned)number;
        break;
    case TAG_ENDED:
        link->has_ended = number != 0;
        break;
    case TAG_PAGED:
        take_text(link->paged, sizeof link->paged, field);
        break;
    default:
        take_terminal_field(link, field);
        break;
    }
}

void link_restore(struct mush *mush, const struct stay_player *player)
{
    struct link *link = link_new(mush, player);
    struct state_field field;
    int64_t character = 0;
    char letter = LOGIN;
    if (!link)
        return;
    for (size_t at = 0; state_next(player->state, player->n_state, &at, &field);)
        take_field(link, &field, &character, &letter);
    link->has_outbox = true; // perhaps
    struct object *self = world_get(mush->world, character);
    if (letter == PLAYING && self && self->kind == WORLD_PLAYER) {
        link->self = self;
        link->phase = LINK_PLAYING;
    }
    if (letter == LEAVING)
        link_leave(link);
    else
        link_go_on(link, 0);
}
