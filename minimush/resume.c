// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link after the game's death (resume.h): stayd has kept the player and hands it out anew, with the
// input that was not acknowledged. What the ledger knows puts it back where it stood.
//
// stayd hands out one after the other, and what the first does at once is for all to see: until it
// is their turn, the ledger's entries stand for the others (link_await_all).
//
// Errors: a player that nobody knows any more finds itself at the connect screen.
#include "resume.h"

#include "life.h"
#include "login.h"
#include "output.h"
#include "state.h"
#include "stream.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// What is left with stayd. The ledger knows all of it; a game without a database would leave here
// what it must know, and minimush falls back on it when the world was put back from an older copy.
enum tag { TAG_CHARACTER = 1, TAG_CONNECTED_AT = 2 };

void link_leave_state(struct link *link)
{
    struct state state = {0};
    if (!link_is_stored(link))
        return;
    state_put_number(&state, TAG_CHARACTER, link->self->id);
    state_put_number(&state, TAG_CONNECTED_AT, link->connected_at);
    stay_leave(link->mush->stay, &link->player, state.bytes, state.n);
    state_free(&state);
}

static void send_owed(void *arg, const void *bytes, size_t n)
{
    struct link *link = arg;
    if (link->stream)
        bufferevent_write(link->stream, bytes, n);
    else
        link->n_owed += n;
}

static struct object *character_of(struct mush *mush, int64_t number)
{
    struct object *character = world_get(mush->world, number);
    return character && character->kind == WORLD_PLAYER ? character : NULL;
}

static void place(struct link *link, int64_t character)
{
    struct object *self = character_of(link->mush, character);
    if (self) {
        link->self = self;
        link->phase = LINK_PLAYING;
    }
}

static void take_entry(struct link *link, const struct stay_player *player,
                       const struct ledger_entry *entry)
{
    if (entry->n_input > player->n_input) {
        link->n_passed_over = entry->n_input - player->n_input;
        link->n_done = entry->n_input;
    }
    if (entry->n_input >= player->n_input)
        link_take_marks(link, entry->marks);
    link->n_output = entry->n_output > player->n_output ? entry->n_output : player->n_output;
    link->has_outbox = ledger_each_output(world_db(link->mush->world), player->id, player->n_output,
                                          send_owed, link) > 0;
    link->connected_at = entry->connected_at;
    link->spoke_at = entry->spoke_at;
    link->telnet.is_heard = entry->is_telnet;
    link->line.charset = entry->charset == LINE_LATIN1 ? LINE_LATIN1 : LINE_UTF8;
    memcpy(link->paged, entry->paged, sizeof link->paged);
    place(link, entry->player);
}

static void take_state(struct link *link, const struct stay_player *player)
{
    struct state_field field;
    for (size_t at = 0; state_next(player->state, player->n_state, &at, &field);)
        if (field.tag == TAG_CHARACTER)
            place(link, state_number(&field));
        else if (field.tag == TAG_CONNECTED_AT)
            link->connected_at = state_number(&field);
}

// It takes its leave alone; the others have seen it go.
static void leave_unseen(struct link *link)
{
    link->phase = LINK_LOGIN;
    link_leave(link);
}

static void tell_back(struct link *link)
{
    link_tell(link, "GAME: The game is back.");
}

// It knows nothing of what stayd has of it, so none of its input or output counts as taken.
static void await(void *arg, const uint8_t *id, const struct ledger_entry *entry)
{
    struct mush *mush = arg;
    struct stay_player player = {.fd = -1, .has_id = true};
    bool is_meant = entry->phase == LEDGER_LEAVING ||
                    (entry->phase != LEDGER_CUT_OFF && character_of(mush, entry->player));
    if (!is_meant || link_find_id(mush, id))
        return;
    memcpy(player.id, id, sizeof player.id);
    struct link *link = link_new(mush, &player);
    if (!link)
        return;
    take_entry(link, &player, entry);
    link->phase = LINK_AWAITED;
    link_set_timer(link, mush->settings->come_back_s);
    if (entry->phase == LEDGER_HERE)
        tell_back(link);
    else if (entry->phase == LEDGER_LEAVING)
        leave_unseen(link);
}

void link_await_all(struct mush *mush)
{
    mush->resumed_at = time(NULL);
    ledger_each(world_db(mush->world), await, mush);
}

void link_resume(struct mush *mush, const struct stay_player *player, unsigned n_lost)
{
    struct ledger_entry entry = {.phase = LEDGER_HERE};
    struct link *link = link_new(mush, player);
    mush->resumed_at = time(NULL);
    if (!link)
        return;
    link->n_lost = n_lost;
    bool is_known = link_is_stored(link) && ledger_find(world_db(mush->world), player->id, &entry);
    if (is_known)
        take_entry(link, player, &entry);
    else
        take_state(link, player);
    if (entry.phase == LEDGER_LEAVING) {
        leave_unseen(link);
        return;
    }
    if (entry.phase != LEDGER_AWAITED)
        tell_back(link);
    // A line too long for stayd to keep began before the last game died; its rest is for nobody. One
    // byte is the LF of a line that ended with its CR.
    if (is_known && entry.n_input + 1 < player->n_input)
        link_tell(link, "GAME: The line that you had begun is lost; nothing of it was done.");
    if (link->telnet.is_heard)
        terminal_invite(link); // stayd has withdrawn what the dead game had agreed on
    if (entry.phase == LEDGER_CUT_OFF && link_is_playing(link))
        link_come_back(link);
    if (!is_known && !link_is_playing(link))
        login_greet(link);
    link_go_on(link, 0);
}
