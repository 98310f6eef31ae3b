// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What players type, and what it does: one table of commands (command.c), and a file for each kind
// of them. A command's function gets what stands behind its name; it may change it, and says to
// the player all there is to say. The link may be leaving afterwards, never freed.
//
// Errors: they are told to the player, with what to do.
#ifndef MINIMUSH_PLAY_H
#define MINIMUSH_PLAY_H

#include "link.h"
#include "password.h"

enum command_rights { COMMAND_ALL, COMMAND_WIZARDS };

struct command {
    const char *name;  // with its switch, "@channel/list"
    const char *alias; // "" without any
    enum command_rights rights;
    bool is_exact; // must be typed in full
    void (*run)(struct link *link, char *args);
    const char *topic; // of the help
};

// The i-th command, or NULL behind the last.
const struct command *command_at(size_t i);

// By name, alias or the beginning of a name; among those that this player may use. NULL: none.
const struct command *command_find(const struct object *player, const char *word);

// ---- play.c

// The first thing a new player sees.
void play_greet(struct link *link);

// What can be typed before one is in the game.
void play_tell_door(struct link *link);

// One line, which may be changed.
void play_line(struct link *link, char *line);

// The player has logged in; has left the game.
void play_enter(struct link *link);
void play_come_back(struct link *link); // after the others had seen it go
void play_leave(struct link *link);

// Cut the first word off, and the spaces around what is left. Returns what is left.
char *play_split(char *text);
char *play_trim(char *text);

// Cut at the first '='. Returns what is behind it, or NULL if there is none. Both sides are
// trimmed.
char *play_cut(char *text);

// ---- match.c

// What the player means by a name: "me", "here", "#12", "*NAME" (a player anywhere), or something
// in the room or in hand. NULL: nothing, or more than one thing; the player has been told.
struct object *match_any(struct link *link, const char *name);

// The same; it must be the player's to change.
struct object *match_own(struct link *link, const char *name);

// In hand; here and no exit.
struct object *match_held(struct link *link, const char *name);
struct object *match_here(struct link *link, const char *name);

// ---- login.c: the connect screen's lines, and what comes of passwords. arg: the mush.
void login_line(struct link *link, char *line);
void login_decided(const struct password_job *job, void *arg);
void do_password(struct link *link, char *args);

// ---- look.c
void look_around(struct link *link);
void do_look(struct link *link, char *args);
void do_examine(struct link *link, char *args);
void do_inventory(struct link *link, char *args);

// ---- move.c
void move_by(struct link *link, struct object *exit);
void do_go(struct link *link, char *args);
void do_home(struct link *link, char *args);
void do_get(struct link *link, char *args);
void do_drop(struct link *link, char *args);
void do_give(struct link *link, char *args);

// ---- talk.c
void do_say(struct link *link, char *args);
void do_pose(struct link *link, char *args);
void do_semipose(struct link *link, char *args);
void do_emit(struct link *link, char *args);
void do_think(struct link *link, char *args);
void do_whisper(struct link *link, char *args);

// ---- page.c
void do_page(struct link *link, char *args);

// ---- channel.c
void channel_say(struct link *link, char *line); // "+NAME TEXT" without its sign
void do_channel_list(struct link *link, char *args);
void do_channel_join(struct link *link, char *args);
void do_channel_leave(struct link *link, char *args);
void do_channel_who(struct link *link, char *args);
void do_channel_add(struct link *link, char *args);
void do_channel_remove(struct link *link, char *args);

// ---- who.c
void do_who(struct link *link, char *args);
void do_doing(struct link *link, char *args);
void do_set_doing(struct link *link, char *args);
void do_uptime(struct link *link, char *args);
void do_stats(struct link *link, char *args);
void do_terminal(struct link *link, char *args);
void do_quit(struct link *link, char *args);

// ---- build.c
void do_dig(struct link *link, char *args);
void do_open(struct link *link, char *args);
void do_link(struct link *link, char *args);
void do_unlink(struct link *link, char *args);
void do_create(struct link *link, char *args);
void do_destroy(struct link *link, char *args);

// ---- change.c
void do_describe(struct link *link, char *args);
void do_name(struct link *link, char *args);
void do_set(struct link *link, char *args);

// "DARK WIZARD", or "none"; the flag of a name, 0 if there is none.
const char *flag_names(unsigned flags, char *out, size_t out_size);
unsigned flag_of(const char *name);

// ---- cert.c
void do_cert_add(struct link *link, char *args);
void do_cert_list(struct link *link, char *args);
void do_cert_remove(struct link *link, char *args);

// ---- help.c
void do_help(struct link *link, char *args);

// A topic's text, or NULL.
const char *help_find(const char *topic);

// ---- admin.c
void do_boot(struct link *link, char *args);
void do_wall(struct link *link, char *args);
void do_shutdown(struct link *link, char *args);
void do_reboot(struct link *link, char *args);
void do_sitelock(struct link *link, char *args);
void do_sitelock_list(struct link *link, char *args);
void do_sitelock_remove(struct link *link, char *args);

#endif
