// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Following the configuration in force (align.h).
#include "conf/align.h"

#include "conf/option.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

static_assert(CONF_MAX_LISTENERS == CONF_MAX_GAMES, "one array of indices for both");

// Where each one of the file's sections goes; by index in the file.
struct moves {
    unsigned to[CONF_MAX_LISTENERS];
    unsigned n; // the arrays' new length
};

// What a listener and a game have in common for alignment.
struct entry {
    const char *name;
    bool is_gone;
};

typedef struct entry look_fn(const struct conf *conf, unsigned index);

static struct entry look_at_listener(const struct conf *conf, unsigned index)
{
    return (struct entry){conf->listener[index].name, conf->listener[index].is_gone};
}

static struct entry look_at_game(const struct conf *conf, unsigned index)
{
    return (struct entry){conf->game[index].name, conf->game[index].is_gone};
}

static bool is_fixed_same(const struct conf_option *option, const void *a, const void *b)
{
    if (option->kind == CONF_KIND_NUMBER)
        return *(const uint32_t *)a == *(const uint32_t *)b;
    const char *one = *(char *const *)a;
    const char *other = *(char *const *)b;
    return one == other || (one && other && strcmp(one, other) == 0);
}

static void copy_fixed(const struct conf_option *option, void *to, const void *from)
{
    if (option->kind == CONF_KIND_NUMBER) {
        *(uint32_t *)to = *(const uint32_t *)from;
        return;
    }
    const char *text = *(char *const *)from;
    free(*(char **)to);
    *(char **)to = text ? strdup(text) : NULL;
}

static void keep_fixed(struct conf *fresh, const struct conf *before, FILE *remarks)
{
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        void *to = (char *)fresh + option->offset;
        const void *from = (const char *)before + option->offset;
        if (!option->is_fixed || is_fixed_same(option, to, from))
            continue;
        fprintf(remarks, "%s: %s has changed, which a reload cannot do; restart stayd for it\n",
                fresh->path, option->key);
        copy_fixed(option, to, from);
    }
}

static unsigned find(const struct conf *conf, unsigned n, look_fn *look, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(look(conf, i).name, name) == 0)
            return i;
    return NONE;
}

// May another name have this index?
static bool is_hole(const struct conf *before, unsigned n_before, look_fn *look, const bool *used,
                    unsigned index)
{
    if (index >= n_before)
        return true;
    struct entry entry = look(before, index);
    return !used[index] && (*entry.name == '\0' || entry.is_gone);
}

// False: there is no room.
static bool plan(struct moves *moves, const struct conf *fresh, unsigned n_fresh,
                 const struct conf *before, unsigned n_before, look_fn *look, const bool *used)
{
    bool taken[CONF_MAX_LISTENERS] = {false};
    moves->n = 0;
    for (unsigned i = 0; i < n_before; i++)
        if (!is_hole(before, n_before, look, used, i))
            moves->n = i + 1;
    for (unsigned i = 0; i < n_fresh; i++) {
        moves->to[i] = find(before, n_before, look, look(fresh, i).name);
        if (moves->to[i] != NONE)
            taken[moves->to[i]] = true;
    }
    for (unsigned i = 0; i < n_fresh; i++) {
        unsigned to = 0;
        if (moves->to[i] == NONE) {
            while (to < CONF_MAX_LISTENERS &&
                   (taken[to] || !is_hole(before, n_before, look, used, to)))
                to++;
            if (to == CONF_MAX_LISTENERS)
                return false;
            moves->to[i] = to;
            taken[to] = true;
        }
        if (moves->n <= moves->to[i])
            moves->n = moves->to[i] + 1;
    }
    return true;
}

static void complain_room(const struct conf *fresh, const char *what, FILE *complaints)
{
    fprintf(complaints,
            "%s: no room for more %s, because players are in those that were removed; wait until "
            "they have left, or end them (stayctl kick)\n",
            fresh->path, what);
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

// Who was about to come by it, still has its game, whose index stays (an entry that retires finishes its
// handshakes).
static struct conf_listener keep_listener(const struct conf_listener *it)
{
    struct conf_listener gone = {.is_gone = true, .game = it->game};
    memcpy(gone.name, it->name, sizeof gone.name);
    return gone;
}

// A copy with all that the gone game's players still need, and without the names by which others
// would come to it.
static struct conf_game keep_game(const struct conf_game *it)
{
    struct conf_game gone = *it;
    gone.is_gone = true;
    memset(gone.sni, 0, sizeof gone.sni);
    gone.connect = copy_text(it->connect);
    gone.pid_file = copy_text(it->pid_file);
    gone.user = copy_text(it->user);
    for (unsigned i = 0; i < CONF_N_TEXTS; i++)
        gone.text[i] = copy_text(it->text[i]);
    return gone;
}

static void move_listeners(struct conf *fresh, const struct conf *before, const struct moves *moves,
                           const bool *used, const struct moves *games)
{
    struct conf_listener *file = fresh->listener;
    struct conf_listener moved[CONF_MAX_LISTENERS] = {0};
    for (unsigned i = 0; i < before->n_listeners; i++)
        if (!is_hole(before, before->n_listeners, look_at_listener, used, i))
            moved[i] = keep_listener(&before->listener[i]);
    for (unsigned i = 0; i < fresh->n_listeners; i++) {
        moved[moves->to[i]] = file[i];
        moved[moves->to[i]].game = games->to[file[i].game];
    }
    memcpy(file, moved, sizeof moved);
    fresh->n_listeners = moves->n;
}

static bool is_moved_to(const struct moves *moves, unsigned n, unsigned index)
{
    for (unsigned i = 0; i < n; i++)
        if (moves->to[i] == index)
            return true;
    return false;
}

static void move_games(struct conf *fresh, const struct conf *before, const struct moves *moves,
                       const bool *used, FILE *remarks)
{
    struct conf_game *file = fresh->game;
    struct conf_game moved[CONF_MAX_GAMES] = {0};
    for (unsigned i = 0; i < before->n_games; i++) {
        if (is_hole(before, before->n_games, look_at_game, used, i) ||
            is_moved_to(moves, fresh->n_games, i))
            continue;
        moved[i] = keep_game(&before->game[i]);
        if (used[i])
            fprintf(remarks,
                    "%s: [game %s] is gone; the players who are in it stay until they leave\n",
                    fresh->path, moved[i].name);
    }
    for (unsigned i = 0; i < fresh->n_games; i++)
        moved[moves->to[i]] = file[i];
    memcpy(file, moved, sizeof moved);
    fresh->n_games = moves->n;
}

bool conf_align(struct conf *fresh, const struct conf *before, const struct conf_use *use,
                FILE *complaints, FILE *remarks)
{
    struct moves listeners;
    struct moves games;
    if (!plan(&listeners, fresh, fresh->n_listeners, before, before->n_listeners, look_at_listener,
              use->listener)) {
        complain_room(fresh, "listeners", complaints);
        return false;
    }
    if (!plan(&games, fresh, fresh->n_games, before, before->n_games, look_at_game, use->game)) {
        complain_room(fresh, "games", complaints);
        return false;
    }
    keep_fixed(fresh, before, remarks);
    move_listeners(fresh, before, &listeners, use->listener, &games);
    move_games(fresh, before, &games, use->game, remarks);
    return true;
}
