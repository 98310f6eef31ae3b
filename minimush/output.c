// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From link_tell to the socket (output.h). A turn's output waits in `fresh` for the commit, which
// stores it together with what has caused it; only then may anybody see it.
//
// Errors: what does not fit is counted and told.
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t link_n_queued(const struct link *link)
{
    return evbuffer_get_length(link->fresh) +
           (link->stream ? evbuffer_get_length(bufferevent_get_output(link->stream))
                         : link->n_owed);
}

static bool has_room(struct link *link)
{
    if (link->phase == LINK_LEAVING || link->phase == LINK_GONE)
        return false;
    if (link_n_queued(link) > LINK_HARD_BYTES) {
        link->n_lost++;
        return false;
    }
    link_touch(link);
    return true;
}

// Only Latin-1 has bytes of text that look like IAC.
static void add_latin1(struct link *link, const char *text)
{
    size_t n = strlen(text);
    char *latin1 = malloc(n + 1);
    n = latin1 ? line_to_latin1(text, n, latin1) : 0;
    for (size_t i = 0; i < n; i++) {
        evbuffer_add(link->fresh, &latin1[i], 1);
        if ((uint8_t)latin1[i] == TELNET_IAC)
            evbuffer_add(link->fresh, &latin1[i], 1);
    }
    free(latin1);
}

void link_print(struct link *link, const char *text)
{
    if (!has_room(link))
        return;
    if (link->line.charset == LINE_LATIN1)
        add_latin1(link, text);
    else
        evbuffer_add(link->fresh, text, strlen(text));
}

void link_vtell(struct link *link, const char *fmt, va_list args)
{
    if (!has_room(link))
        return;
    if (link->line.charset == LINE_LATIN1) {
        char *text;
        if (vasprintf(&text, fmt, args) >= 0) {
            add_latin1(link, text);
            free(text);
        }
    } else {
        evbuffer_add_vprintf(link->fresh, fmt, args);
    }
    evbuffer_add(link->fresh, "\r\n", 2);
}

void link_tell(struct link *link, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    link_vtell(link, fmt, args);
    va_end(args);
}

void link_send(struct link *link, const void *bytes, size_t n)
{
    if (has_room(link))
        evbuffer_add(link->fresh, bytes, n);
}

__attribute__((format(printf, 4, 0))) static void tell(struct mush *mush, const struct object *room,
                                                       const struct link *but, const char *fmt,
                                                       va_list args)
{
    for (struct link *link = mush->first; link; link = link->next) {
        if (link != but && link_is_playing(link) && (!room || link->self->place == room)) {
            va_list copy;
            va_copy(copy, args);
            link_vtell(link, fmt, copy);
            va_end(copy);
        }
    }
}

void mush_tell_all(struct mush *mush, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(mush, NULL, NULL, fmt, args);
    va_end(args);
}

void mush_tell_room(struct mush *mush, const struct object *room, const struct link *but,
                    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(mush, room, but, fmt, args);
    va_end(args);
}

bool mush_tell_player(struct mush *mush, const struct object *player, const char *fmt, ...)
{
    bool is_there = false;
    for (struct link *link = mush->first; link; link = link->next) {
        if (link_is_playing(link) && link->self == player) {
            va_list args;
            va_start(args, fmt);
            link_vtell(link, fmt, args);
            va_end(args);
            is_there = true;
        }
    }
    return is_there;
}
