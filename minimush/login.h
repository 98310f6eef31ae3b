// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The connect screen, and what comes of passwords. Errors: the player is told.
#ifndef MINIMUSH_LOGIN_H
#define MINIMUSH_LOGIN_H

#include "link.h"
#include "password.h"

// The first thing a new player sees.
void login_greet(struct link *link);

// A line that was typed there, or a password.
void login_line(struct link *link, char *line);

// A password is hashed. arg: the mush.
void login_decided(const struct password_job *job, void *arg);

#endif
