// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The timer's look at those who wait (waiting.h): each has its turn, in order of age. Who waits for
// something that may be there now is served or joined to the game; whose time is over is ended.
//
// Errors: none.
#ifndef STAYD_PLAYERS_LOOK_H
#define STAYD_PLAYERS_LOOK_H

#include <event2/event.h>

// A libevent callback; arg: the players.
void look_at_waiting(evutil_socket_t fd, short what, void *arg);

#endif
