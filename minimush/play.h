// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the lines that players type do. Errors: they are told.
#ifndef MINIMUSH_PLAY_H
#define MINIMUSH_PLAY_H

#include "link.h"
#include "password.h"

// The first thing a new player sees.
void play_greet(struct link *link);

// One line, which may be changed. The link may be leaving afterwards, never freed.
void play_line(struct link *link, char *line);

// The player has logged in; has left the game.
void play_enter(struct link *link);
void play_leave(struct link *link);

void play_look(struct link *link);
void play_who(struct link *link);

// The connect screen's lines, and what comes of the passwords there. arg: the mush.
void login_line(struct link *link, char *line);
void login_decided(const struct password_job *job, void *arg);

// Wizards' commands.
void admin_shutdown(struct link *link, char *args);
void admin_reboot(struct link *link, char *args);
void admin_sitelock(struct link *link, char *args);
void admin_sitelock_list(struct link *link, char *args);
void admin_sitelock_remove(struct link *link, char *args);

// Cut the first word off, and the spaces around what is left. Returns what is left.
char *play_split(char *text);
char *play_trim(char *text);

#endif
