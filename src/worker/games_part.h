// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files of games.h share: games.c (who is there), games_watch.c (deaths are seen),
// games_judge.c (what the end of a link means).
#ifndef STAYD_WORKER_GAMES_PART_H
#define STAYD_WORKER_GAMES_PART_H

#include "worker/games.h"

const struct conf_game *games_conf(const struct worker *worker, unsigned game);

// Is this a live slot whose link is this process'?
bool games_is_link_of(const struct slot *slot, unsigned game, int32_t pid, uint64_t start);

// Watch a process of the game for its death, unless it is watched already. Of more than
// GAMES_WATCHED the oldest is given up; its death is seen by the end of its links.
void games_watch(struct worker *worker, unsigned game, int32_t pid, uint64_t start);
bool games_is_watched(const struct worker *worker, unsigned game, int32_t pid, uint64_t start);

// The game's present process is dead.
void games_note_death(struct worker *worker, unsigned game);

// Judge again those whose link is this process', and has ended.
void games_judge_again(struct worker *worker, unsigned game, int32_t pid, uint64_t start);

// Which socket listens at the game's address (link_listener)? `is_fresh`: as of now, or at least
// since a link has ended last; else it may be some milliseconds old.
uint64_t games_listener(struct worker *worker, unsigned game, bool is_fresh);

#endif
