// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the game's words to `fresh`, which the turn's end commits and sends (turn.h).
//
// Errors: what does not fit is counted and told.
#ifndef MINIMUSH_OUTPUT_H
#define MINIMUSH_OUTPUT_H

#include "link.h"

#include <stdarg.h>
#include <stddef.h>

// One line of text; what does not fit is counted.
void link_tell(struct link *link, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void link_vtell(struct link *link, const char *fmt, va_list args);

// Text without the end of a line; bytes as they are.
void link_print(struct link *link, const char *text);
void link_send(struct link *link, const void *bytes, size_t n);

// Bytes of output that the player has not been sent.
size_t link_n_queued(const struct link *link);

// One line to everybody, or to everybody in the room but one. Only those who are playing.
void mush_tell_all(struct mush *mush, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mush_tell_room(struct mush *mush, const struct object *room, const struct link *but,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
// ... and to one player, on each of its connections. False: it has none.
bool mush_tell_player(struct mush *mush, const struct object *player, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
