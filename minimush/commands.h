// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the table of commands calls (command.c). A command's function gets what stands behind its
// name; it may change it, and says to the player all there is to say. The link may be leaving
// afterwards, never freed.
//
// Errors: they are told to the player, with what to do.
#ifndef MINIMUSH_COMMANDS_H
#define MINIMUSH_COMMANDS_H

struct link;

// login.c
void do_password(struct link *link, char *args);

// look.c
void do_look(struct link *link, char *args);
void do_examine(struct link *link, char *args);
void do_inventory(struct link *link, char *args);

// move.c
void do_go(struct link *link, char *args);
void do_home(struct link *link, char *args);
void do_get(struct link *link, char *args);
void do_drop(struct link *link, char *args);
void do_give(struct link *link, char *args);

// talk.c
void do_say(struct link *link, char *args);
void do_pose(struct link *link, char *args);
void do_semipose(struct link *link, char *args);
void do_emit(struct link *link, char *args);
void do_think(struct link *link, char *args);
void do_whisper(struct link *link, char *args);

// page.c
void do_page(struct link *link, char *args);

// channel.c
void do_channel_list(struct link *link, char *args);
void do_channel_join(struct link *link, char *args);
void do_channel_leave(struct link *link, char *args);
void do_channel_who(struct link *link, char *args);
void do_channel_add(struct link *link, char *args);
void do_channel_remove(struct link *link, char *args);

// who.c
void do_who(struct link *link, char *args);
void do_doing(struct link *link, char *args);
void do_set_doing(struct link *link, char *args);
void do_uptime(struct link *link, char *args);
void do_stats(struct link *link, char *args);
void do_terminal(struct link *link, char *args);
void do_quit(struct link *link, char *args);

// build.c
void do_dig(struct link *link, char *args);
void do_open(struct link *link, char *args);
void do_link(struct link *link, char *args);
void do_unlink(struct link *link, char *args);
void do_create(struct link *link, char *args);
void do_destroy(struct link *link, char *args);

// change.c
void do_describe(struct link *link, char *args);
void do_name(struct link *link, char *args);
void do_set(struct link *link, char *args);

// cert.c
void do_cert_add(struct link *link, char *args);
void do_cert_list(struct link *link, char *args);
void do_cert_remove(struct link *link, char *args);

// help.c
void do_help(struct link *link, char *args);

// admin.c
void do_boot(struct link *link, char *args);
void do_wall(struct link *link, char *args);
void do_shutdown(struct link *link, char *args);
void do_reboot(struct link *link, char *args);
void do_sitelock(struct link *link, char *args);
void do_sitelock_list(struct link *link, char *args);
void do_sitelock_remove(struct link *link, char *args);

#endif
