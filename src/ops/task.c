// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Requests are done here (task.h): one function a verb, which returns whether it is done.
#include "ops/task.h"

#include "base/hash.h"
#include "base/log.h"
#include "ops/answer.h"
#include "ops/reload_task.h"
#include "ops/show.h"
#include "players/orders.h"
#include "process/lease.h"
#include "relay/relay.h"
#include "vault/slot.h"
#include "vault/upgrading.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#define ITEMS_A_STEP 64u
#define SLOTS_A_STEP 1024u // looked at, if most of them are not asked for
#define PAIRS_A_STEP 32u
#define NOTICES_A_STEP 16u // each is sent to its player when the callbacks have returned

static_assert(REQUEST_GAME_BYTES == CONF_NAME_BYTES, "a game's name");
static_assert(REQUEST_STATE_BYTES == VAULT_RESUME_BYTES, "resume state");
static_assert(REQUEST_TEXT_BYTES < VAULT_PATH_BYTES, "a path");
static_assert(ITEMS_A_STEP * ANSWER_LINE_BYTES <= TASK_STEP_BYTES, "a step");

static_assert(CONF_MAX_CERTIFICATES <= ITEMS_A_STEP, "a step of status");

void task_put(struct task *task, const struct answer *answer)
{
    if (evbuffer_add(task->out, answer->bytes, answer->n) < 0)
        task->is_torn = true;
}

bool task_end_well(struct task *task)
{
    struct answer answer;
    answer_ok(&answer, task->request.id);
    answer_finish(&answer);
    task_put(task, &answer);
    return true;
}

static bool end_gone(struct task *task, uint64_t n)
{
    struct answer answer;
    answer_ok(&answer, task->request.id);
    answer_number(&answer, "gone", n);
    answer_finish(&answer);
    task_put(task, &answer);
    return true;
}

bool task_end_error(struct task *task, enum request_error error, const char *why)
{
    struct answer answer;
    answer_error(&answer, task->request.id, error, why);
    task_put(task, &answer);
    return true;
}

static bool end_not_allowed(struct task *task)
{
    return task_end_error(task, REQUEST_NOT_ALLOWED,
                          "this user may not ask that; ask as root, as stayd's own user, or, for a "
                          "game, as the `user` of its section in stayd.conf");
}

static bool end_short(struct task *task)
{
    return task_end_error(task, REQUEST_SHORT, "memory could not be had; ask again");
}

// The end that an order's result means; `gone` is what ORDER_GONE is answered with.
static bool end_result(struct task *task, enum order_result result)
{
    switch (result) {
    case ORDER_DONE:
        return task_end_well(task);
    case ORDER_GONE:
        return end_gone(task, 1);
    case ORDER_NOT_ATTACHED:
        return task_end_error(
            task, REQUEST_NOT_ATTACHED,
            "the process that asks is not the one that has attached; attach first");
    case ORDER_BAD_OFFSET:
        return task_end_error(
            task, REQUEST_BAD_OFFSET,
            "OFFSET goes back, or beyond what was sent; count the bytes that were "
            "read, on from the input's offset in the link's header");
    case ORDER_SHORT:
        break;
    }
    return end_short(task);
}

static bool may_speak_for(const struct task *task, const struct players *players, unsigned game)
{
    const struct conf_game *conf = &players->heritage->conf.game[game];
    return task->asker.is_admin || (conf->has_user && conf->user_uid == task->asker.uid);
}

// The live slot of the request's n-th connection, or NULL; then *is_allowed says why.
static struct slot *find_player(const struct task *task, struct players *players, unsigned n,
                                bool *is_allowed)
{
    struct slot *slot = order_find(players, task->request.pair[n].conn);
    *is_allowed = !slot || may_speak_for(task, players, slot->game);
    return *is_allowed ? slot : NULL;
}

// What was done to players goes into the log, with who asked.
static void log_order(const struct task *task, const char *key, const char *of)
{
    log_event(LOG_CONTROL_ORDER, "verb=%s uid=%u pid=%d %s=%s",
              request_verb_word(task->request.verb), (unsigned)task->asker.uid,
              (int)task->asker.pid, key, of);
}

// Repeating a request must give the same (PROTOCOL.control).
static uint32_t make_token(const struct task *task)
{
    uint32_t hash = hash32_add(HASH32_START, &task->asker.uid, sizeof task->asker.uid);
    hash = hash32_add_text(hash, task->request.id);
    return hash ? hash : 1;
}

static bool do_attach(struct task *task, struct players *players)
{
    const struct request *request = &task->request;
    struct order_game look = {0};
    if (task->asker.pid <= 0)
        return task_end_error(
            task, REQUEST_BAD_REQUEST,
            "this process cannot be watched from here; run game and stayd in one pid "
            "namespace");
    enum order_result result =
        order_attach(players, task->game, task->asker.pid, request->resumes, request->acknowledges);
    if (result == ORDER_GONE)
        return task_end_error(
            task, REQUEST_NOT_ATTACHED,
            "the process that made this connection is dead; attach from the game's "
            "own process");
    if (result != ORDER_DONE)
        return end_result(task, result);
    order_look(players, task->game, &look);
    struct answer answer;
    answer_ok(&answer, request->id);
    answer_number(&answer, "players", look.n_players);
    answer_number(&answer, "held", look.n_held);
    answer_finish(&answer);
    task_put(task, &answer);
    return true;
}

static bool do_connector(struct task *task, struct players *players)
{
    if (players->heritage->conf.game[task->game].links != CONF_LINKS_CONNECTOR)
        return task_end_error(task, REQUEST_BAD_REQUEST,
                              "stayd connects to this game itself; write links = connector in its "
                              "section of stayd.conf");
    task->is_connector = true;
    return task_end_well(task);
}

static bool do_state(struct task *task, struct players *players)
{
    bool is_allowed;
    struct slot *slot = find_player(task, players, 0, &is_allowed);
    if (!is_allowed)
        return end_not_allowed(task);
    if (!slot)
        return end_result(task, ORDER_GONE);
    enum order_result result =
        order_leave(players, slot, task->request.state, task->request.n_state);
    explicit_bzero(task->request.state, task->request.n_state);
    return end_result(task, result);
}

// Each pair counts for itself: a wrong one does not undo the others.
static void acknowledge(struct task *task, struct players *players, unsigned n)
{
    bool is_allowed;
    struct slot *slot = find_player(task, players, n, &is_allowed);
    enum order_result result =
        slot ? order_acknowledge(players, slot, task->request.pair[n].offset) : ORDER_GONE;
    enum request_error error = REQUEST_GOOD;
    if (!is_allowed)
        error = REQUEST_NOT_ALLOWED;
    else if (result == ORDER_GONE)
        task->n_gone++;
    else if (result == ORDER_BAD_OFFSET)
        error = REQUEST_BAD_OFFSET;
    else if (result != ORDER_DONE)
        error = REQUEST_SHORT;
    if (error == REQUEST_GOOD || task->error != REQUEST_GOOD)
        return;
    task->error = error;
    task->n_done = n; // the first wrong one
}

static bool do_ack(struct task *task, struct players *players)
{
    char id[LOG_ID_BYTES];
    for (unsigned i = 0; i < PAIRS_A_STEP && task->next < task->request.n_pairs; i++)
        acknowledge(task, players, task->next++);
    if (task->next < task->request.n_pairs)
        return false;
    switch (task->error) {
    case REQUEST_GOOD:
        return task->n_gone ? end_gone(task, task->n_gone) : task_end_well(task);
    case REQUEST_NOT_ALLOWED:
        return end_not_allowed(task);
    case REQUEST_SHORT:
        return end_short(task);
    default:
        request_refuse(&task->request, task->error,
                       "%s: OFFSET goes back, or beyond what was sent; count the bytes that were "
                       "read, on from the input's offset in the link's header",
                       log_id(id, task->request.pair[task->n_done].conn));
        return task_end_error(task, task->error, task->request.why);
    }
}

// `close`, and `kick`.
static bool do_close(struct task *task, struct players *players)
{
    bool is_allowed;
    char id[LOG_ID_BYTES];
    struct slot *slot = find_player(task, players, 0, &is_allowed);
    if (!is_allowed)
        return end_not_allowed(task);
    if (!slot)
        return end_result(task, ORDER_GONE);
    bool is_kick = task->request.verb == REQUEST_KICK;
    if (is_kick)
        log_order(task, "id", log_id(id, task->request.pair[0].conn));
    return end_result(task,
                      order_close(players, slot, task->request.has_text ? task->request.text : NULL,
                                  is_kick ? SLOT_END_ADMIN : SLOT_END_GAME));
}

static bool do_plan(struct task *task, struct players *players)
{
    enum order_plan plan = task->request.verb == REQUEST_REBOOT ? ORDER_PLAN_REBOOT
                           : task->request.ends                 ? ORDER_PLAN_END_LEAVE
                                                                : ORDER_PLAN_END_HOLD;
    return end_result(task, order_plan(players, task->game, task->asker.pid, plan));
}

// Those of the entry come first, then those of whom there was no seat for.
static bool show_refused(struct answer *answer, const struct task *task,
                         const struct players *players, const struct refusals *at_entry, unsigned i)
{
    const unsigned n = refusals_count(at_entry);
    return i < n ? show_limited(answer, task->request.id, at_entry, i)
                 : show_limited(answer, task->request.id, &players->refusals, i - n);
}

// stayd, then each game, then the certificates, then who was not let in.
static bool do_status(struct task *task, struct players *players)
{
    static struct entry_page page;
    const struct conf *conf = &players->heritage->conf;
    struct answer answer;
    unsigned i = task->next++;
    if (i == 0) {
        show_stayd(&answer, task->request.id, players);
        task_put(task, &answer);
        return false;
    }
    i--;
    if (i < conf->n_games) {
        if (*conf->game[i].name) {
            show_game(&answer, task->request.id, players, i);
            task_put(task, &answer);
        }
        return false;
    }
    i -= conf->n_games;
    if (!page_read_present(players->vault, &page))
        page.n_certificates = page.refusals.n = 0;
    if (i < page.n_certificates) {
        show_certificate(&answer, task->request.id, players, &page.certificate[i]);
        task_put(task, &answer);
        return false;
    }
    i -= page.n_certificates;
    if (!show_refused(&answer, task, players, &page.refusals, i))
        return task_end_well(task);
    task_put(task, &answer);
    return false;
}

// The next live slot of the games that are asked for, or NULL: none within this step's share of
// looking (*n_left is 0 then), or none at all.
static struct slot *next_player(struct task *task, struct players *players, uint32_t *n_left)
{
    while (*n_left > 0 && task->next < players->vault->head->slots_reserved) {
        struct slot *slot = &players->vault->slots[task->next++];
        --*n_left;
        if (slot->state == SLOT_LIVE && !slot_is_farewell(slot) &&
            (task->game == TASK_ALL_GAMES || slot->game == task->game))
            return slot;
    }
    return NULL;
}

static bool is_through(const struct task *task, const struct players *players)
{
    return task->next >= players->vault->head->slots_reserved;
}

// `list`, and `held`.
static bool do_list(struct task *task, struct players *players)
{
    bool is_list = task->request.verb == REQUEST_LIST;
    struct answer answer;
    uint32_t n_left = SLOTS_A_STEP;
    struct slot *slot;
    for (unsigned n = 0; n < ITEMS_A_STEP && (slot = next_player(task, players, &n_left));) {
        if (!is_list && !order_is_held(slot))
            continue;
        if (is_list)
            show_player(&answer, task->request.id, players, slot);
        else
            show_held(&answer, task->request.id, slot);
        task_put(task, &answer);
        n++;
    }
    return is_through(task, players) && task_end_well(task);
}

static bool do_notice(struct task *task, struct players *players)
{
    uint32_t token = make_token(task);
    uint32_t n_left = SLOTS_A_STEP;
    struct slot *slot;
    if (task->next == 0)
        log_order(task, "game", task->request.game);
    for (unsigned n = 0; n < NOTICES_A_STEP && (slot = next_player(task, players, &n_left)); n++) {
        if (relay_is_http(slot))
            continue;
        enum order_result result = order_notice(players, slot, token, task->request.text);
        task->n_done += result == ORDER_DONE;
        task->n_short += result == ORDER_SHORT;
    }
    if (!is_through(task, players))
        return false;
    struct answer answer;
    answer_ok(&answer, task->request.id);
    answer_number(&answer, "players", task->n_done);
    if (task->n_short)
        answer_number(&answer, "short", task->n_short);
    answer_finish(&answer);
    task_put(task, &answer);
    return true;
}

// The guard does it. This worker is ended meanwhile; who asks again is answered by another.
static bool do_upgrade(struct task *task, struct players *players)
{
    struct vault_head *head = players->vault->head;
    struct answer answer;
    if (task->next++ == 0)
        log_order(task, "program", *task->request.text ? "given" : "same");
    if (players->heritage->is_alone)
        return task_end_error(task, REQUEST_NOT_UPGRADED, "stayd runs --alone; start it without");
    enum upgrading_answer how = upgrading_ask(head, make_token(task), task->request.text);
    if (how == UPGRADING_ANOTHER)
        return task_end_error(task, REQUEST_NOT_UPGRADED,
                              "another upgrade is under way; ask again");
    if (how == UPGRADING_DONE) {
        show_upgrade(&answer, task->request.id, &head->upgrade);
        task_put(task, &answer);
        return true;
    }
    uint64_t guard = head->guard;
    if (how == UPGRADING_ASKED && lease_is_alive(guard))
        kill(lease_pid(guard), SIGUSR1);
    task->waits = true;
    return false;
}

static bool do_reload(struct task *task, struct players *players)
{
    return reload_task_step(task, players);
}

static bool find_game(struct task *task, const struct players *players)
{
    const struct conf *conf = &players->heritage->conf;
    task->game = TASK_ALL_GAMES;
    if (task->request.game[0] == '\0' || strcmp(task->request.game, "*") == 0)
        return true;
    for (task->game = 0; task->game < conf->n_games; task->game++)
        if (strcmp(conf->game[task->game].name, task->request.game) == 0)
            return true;
    return false;
}

// What can be said before anything is done. True: the end is written.
static bool check(struct task *task, const struct players *players)
{
    const struct request *request = &task->request;
    if (request->error != REQUEST_GOOD)
        return task_end_error(task, request->error, request->why);
    if (request_verb_who(request->verb) == REQUEST_WHO_ADMIN && !task->asker.is_admin)
        return end_not_allowed(task);
    if (!find_game(task, players))
        return task_end_error(task, REQUEST_NO_SUCH_GAME,
                              "there is no such game; write NAME as in its section [game NAME] of "
                              "stayd.conf");
    if (task->game != TASK_ALL_GAMES && !may_speak_for(task, players, task->game))
        return end_not_allowed(task);
    return false;
}

void task_begin(struct task *task)
{
    task->has_begun = false;
    task->next = task->n_done = task->n_gone = task->n_short = 0;
    task->error = REQUEST_GOOD;
}

bool task_step(struct task *task, struct players *players)
{
    static bool (*const verbs[REQUEST_N_VERBS])(struct task *, struct players *) = {
#define VERB(name, word, who, has, does, ...) [REQUEST_##name] = do_##does,
#include "ops/verbs.def"
#undef VERB
    };
    task->waits = false;
    if (!task->has_begun) {
        task->has_begun = true;
        if (check(task, players))
            return true;
    }
    return verbs[task->request.verb](task, players);
}
