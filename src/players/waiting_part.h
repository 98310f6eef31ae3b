// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What waiting.c (joining the game) does for waiting_list.c (who waits, and until when).
#ifndef STAYD_PLAYERS_WAITING_PART_H
#define STAYD_PLAYERS_WAITING_PART_H

#include "players/waiting.h"

// This conn, which has waited for waited_ms, is not linked: link it if that can be. If not, the
// player is told in time, and in the end closed.
void waiting_try_join(struct conn *conn, uint64_t waited_ms, uint64_t now_ms);

#endif
