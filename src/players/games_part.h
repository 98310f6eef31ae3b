// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files of games.h share: games.c (who is there), games_peer.c (who listens, and may he),
// games_watch.c (deaths are seen), games_judge.c (what the end of a link means).
#ifndef STAYD_PLAYERS_GAMES_PART_H
#define STAYD_PLAYERS_GAMES_PART_H

#include "players/games.h"

const struct conf_game *games_conf(const struct players *players, unsigned game);

// Is this a live slot whose link is this process'?
bool games_is_link_of(const struct slot *slot, unsigned game, int32_t pid, uint64_t start);

// How much a game has said on this slot's links, ever.
uint64_t games_said(const struct slot *slot);

// Watch a process of the game for its death, unless it is watched already. Of more than
// GAMES_WATCHED the oldest is given up; its death is seen by the end of its links.
void games_watch(struct players *players, unsigned game, int32_t pid, uint64_t start);
bool games_is_watched(const struct players *players, unsigned game, int32_t pid, uint64_t start);

// Has this link ended, though it may not be read to its end yet?
bool games_is_over(const struct players *players, const struct slot *slot);

// The game's present process is dead. If it has just gone on in a child, that is the game now.
void games_note_death(struct players *players, unsigned game);

// Judge again those whose link is this process', and has ended.
void games_judge_again(struct players *players, unsigned game, int32_t pid, uint64_t start);

// Who listens at the game's address? What was seen at at_ms or later will do.
struct listener games_listener(struct players *players, unsigned game, uint64_t at_ms);

// Who is at the other end of a link.
struct games_peer {
    pid_t pid;                // 0: not known
    uint64_t start;           // as proc_see gives it; 0: of the pid no process is seen
    struct listener listener; // where pid is 0, and over TCP
    bool is_doubted;          // GAME_DOUBTED
};

// living: the game's process, if it was seen to live after the connect; or NULL. False, with errno:
// as games_meet.
bool games_find_peer(struct players *players, unsigned game, int fd,
                     const struct game_state *living, struct games_peer *peer);

// The game's user, + 1; 0: nobody was there yet.
uint64_t games_owner(const struct players *players, unsigned game);

// The game's user may be this one's; it has attached.
void games_note_owner(struct players *players, unsigned game, uid_t uid);

#endif
