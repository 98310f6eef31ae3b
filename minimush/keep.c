// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link through a reboot: what stay_keep is given for each player, and how a link is made of it
// again. Half-typed lines, lines not yet run, output not yet sent: nothing of it may be lost.
//
// Errors: a player that cannot be noted or restored is logged.
#include "link.h"

#include "state.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The numbers stand in what an older or newer minimush reads: never give one another meaning.
enum tag {
    TAG_PHASE = 1, // the letter of phase_letters
    TAG_CHARACTER = 2,
    TAG_CONNECTED_AT = 3,
    TAG_SPOKE_AT = 4,
    TAG_TELNET = 5,    // enum line_telnet
    TAG_AFTER_CR = 6,  //
    TAG_CUT = 7,       //
    TAG_HALF_LINE = 8, //
    TAG_INPUT = 9,     // bytes not yet made into lines
    TAG_OUTPUT = 10,   //
    TAG_FAILURES = 11, //
    TAG_LOST = 12,     //
    TAG_ENDED = 13,    //
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
    if (n > 0 && bytes != NULL) {
        state_put(state, tag, bytes, n);
    }
}

static void put_line(struct state *state, const struct line *line)
{
    state_put_number(state, TAG_TELNET, line->telnet);
    state_put_number(state, TAG_AFTER_CR, line->is_after_cr);
    if (!line->is_whole) {
        state_put_number(state, TAG_CUT, line->is_cut);
        state_put(state, TAG_HALF_LINE, line->text, line->n_text);
    }
}

// A login in work is typed again by us: the line goes before what came after it.
static void put_input(struct state *state, struct link *link)
{
    if (link->login_line != NULL) {
        evbuffer_prepend(link->input, "\n", 1);
        evbuffer_prepend(link->input, link->login_line, strlen(link->login_line));
    }
    put_buffer(state, TAG_INPUT, link->input);
    if (link->login_line != NULL) {
        evbuffer_drain(link->input, strlen(link->login_line) + 1); // the reboot may yet fail
    }
}

bool link_keep(struct link *link)
{
    struct state state = {0};
    char letter = phase_letter(link);
    bufferevent_read_buffer(link->stream, link->input);
    state_put(&state, TAG_PHASE, &letter, 1);
    state_put_number(&state, TAG_CHARACTER, link->character.id);
    state_put_number(&state, TAG_CONNECTED_AT, link->connected_at);
    state_put_number(&state, TAG_SPOKE_AT, link->spoke_at);
    put_line(&state, &link->line);
    put_input(&state, link);
    put_buffer(&state, TAG_OUTPUT, bufferevent_get_output(link->stream));
    state_put_number(&state, TAG_FAILURES, link->n_failures);
    state_put_number(&state, TAG_LOST, link->n_lost);
    state_put_number(&state, TAG_ENDED, link->has_ended);
    bool is_kept = stay_keep(link->mush->stay, &link->player, state.bytes, state.n) == 0;
    if (!is_kept) {
        fprintf(stderr, "minimush: cannot keep the player from %s: %s\n", link->player.address,
                strerror(errno));
    }
    explicit_bzero(state.bytes, state.n);
    state_free(&state);
    return is_kept;
}

static void take_half_line(struct line *line, const struct state_field *field)
{
    line->n_text = (uint32_t)(field->n < LINE_MAX_BYTES ? field->n : LINE_MAX_BYTES);
    memcpy(line->text, field->value, line->n_text);
}

static void take_field(struct link *link, const struct state_field *field, int64_t *character,
                       char *letter)
{
    int64_t number = state_number(field);
    switch (field->tag) {
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
    case TAG_TELNET:
        link->line.telnet = (uint8_t)(number >= 0 && number < LINE_N_TELNET ? number : LINE_TEXT);
        break;
    case TAG_AFTER_CR:
        link->line.is_after_cr = number != 0;
        break;
    case TAG_CUT:
        link->line.is_cut = number != 0;
        break;
    case TAG_HALF_LINE:
        take_half_line(&link->line, field);
        break;
    case TAG_INPUT:
        evbuffer_add(link->input, field->value, field->n);
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
    default:
        break;
    }
}

struct link *link_restore(struct mush *mush, const struct stay_player *player)
{
    struct link *link = link_new(mush, player);
    struct state_field field;
    int64_t character = 0;
    char letter = LOGIN;
    if (link == NULL) {
        return NULL;
    }
    for (size_t at = 0; state_next(player->state, player->n_state, &at, &field);) {
        take_field(link, &field, &character, &letter);
    }
    if (letter == PLAYING && world_load(mush->world, character, &link->character) == WORLD_DONE) {
        link->phase = LINK_PLAYING;
    }
    if (letter == LEAVING) {
        link_leave(link);
    } else {
        event_active(link->turn, 0, 0);
    }
    return link;
}
