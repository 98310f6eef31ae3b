// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From link_tell to the socket (link.h). A turn's output waits in `fresh` for the commit, which
// stores it together with what has caused it; only then may anybody see it.
//
// Errors: what does not fit is counted and told.
#include "link.h"

#include <linux/sockios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

// Up to where stayd has surely read. The kernel counts whole buffers with all that belongs to them,
// so what it says is never less than the bytes that nobody has read yet, and 0 when there are none.
static uint64_t n_taken(const struct link *link)
{
    if (!link->stream)
        return 0; // it will be known when the player comes back
    uint64_t n_written = link->n_output - evbuffer_get_length(bufferevent_get_output(link->stream));
    int n_unread = -1;
    if (ioctl(link->player.fd, SIOCOUTQ, &n_unread) != 0 || n_unread < 0 ||
        (uint64_t)n_unread > n_written)
        return 0;
    return n_written - (uint64_t)n_unread;
}

static enum ledger_phase ledger_phase(const struct link *link)
{
    if (link->phase == LINK_AWAITED)
        return LEDGER_AWAITED;
    if (link->is_dismissed)
        return LEDGER_LEAVING;
    bool has_gone = link->phase == LINK_LEAVING || link->phase == LINK_GONE;
    return has_gone ? LEDGER_CUT_OFF : LEDGER_HERE;
}

static void put_entry(struct link *link, size_t n_fresh)
{
    struct ledger_entry entry = {
        .player = link->self ? link->self->id : 0,
        .phase = ledger_phase(link),
        .n_input = link->n_done,
        .marks = link_marks(link),
        .n_output = link->n_output + n_fresh,
        .connected_at = link->connected_at,
        .spoke_at = link->spoke_at,
        .is_telnet = link->telnet.is_heard,
        .charset = link->line.charset,
    };
    memcpy(entry.paged, link->paged, sizeof entry.paged);
    ledger_put(world_db(link->mush->world), link->player.id, &entry);
}

void link_store(struct link *link)
{
    struct db *db = world_db(link->mush->world);
    size_t n_fresh = evbuffer_get_length(link->fresh);
    if (!link_is_stored(link))
        return;
    if (link->has_outbox) {
        uint64_t taken = n_taken(link);
        ledger_drop_output(db, link->player.id, taken);
        link->has_outbox = taken < link->n_output;
    }
    if (n_fresh > 0) {
        ledger_add_output(db, link->player.id, link->n_output, evbuffer_pullup(link->fresh, -1),
                          n_fresh);
        link->has_outbox = true;
    }
    put_entry(link, n_fresh);
}

// Not beyond what has been read: what is still to be passed over, stayd has yet to send.
static void acknowledge(struct link *link)
{
    uint64_t n_done = link->n_done - link->n_passed_over;
    if (link_is_stored(link) && n_done > link->n_told && link->phase != LINK_GONE) {
        stay_acknowledge(link->mush->stay, &link->player, n_done);
        link->n_told = n_done;
    }
}

void link_release(struct link *link)
{
    size_t n_fresh = evbuffer_get_length(link->fresh);
    link->n_output += n_fresh;
    if (!link->stream) { // it is in the outbox
        link->n_owed += n_fresh;
        evbuffer_drain(link->fresh, n_fresh);
        return;
    }
    if (link->phase != LINK_GONE)
        bufferevent_write_buffer(link->stream, link->fresh);
    acknowledge(link);
    if (link_is_playing(link) && !link->has_left_state) {
        link_leave_state(link);
        link->has_left_state = true;
    }
    link_shut_if_flushed(link);
}
