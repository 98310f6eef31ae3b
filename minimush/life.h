// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What makes a link go from one phase to the next (link.h has the picture), and what the player and
// those in the room are told of it.
//
// Errors: none.
#ifndef MINIMUSH_LIFE_H
#define MINIMUSH_LIFE_H

#include "link.h"

// Ask for the password of NAME, and back.
void link_prompt(struct link *link, const char *name);
void link_end_prompt(struct link *link);

// A password is being hashed: until link_settle nothing more is taken.
void link_await_password(struct link *link);

// Back to LOGIN after a pause that grows with the failures, or out.
void link_reject(struct link *link);

// Back to LOGIN at once.
void link_resume_login(struct link *link);

// Into the game; and again, after the others had seen the player go.
void link_enter(struct link *link, struct object *player);
void link_come_back(struct link *link);

// Out: LEAVING, as the game or the player wishes.
void link_leave(struct link *link);

// Everything has gone out that could: LEAVING goes on.
void link_shut_if_flushed(struct link *link);

// The connection has ended without a leave.
void link_cut_off(struct link *link);

// GONE at once.
void link_finish(struct link *link);

// The link's timer has fired: WAITING, AWAITED and LEAVING have their time.
void link_time_is_up(struct link *link);

#endif
