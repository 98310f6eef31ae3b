// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the socket to play_line (input.h). Two marks go through a player's input: n_taken, what has
// been made into lines, and n_done, what has been acted on. They are apart while half a line is
// there or a password is being hashed; after a crash the input is seen again from n_done on.
//
// Errors: none of its own.
#include "input.h"

#include "life.h"
#include "output.h"
#include "play.h"
#include "terminal.h"

#include <string.h>
#include <time.h>

#define RATE_PAUSE_MS 50

// Telnet and text that make no line: more than this and the line is given up, so that `input` never
// fills up without an end.
#define MAX_LINE_INPUT (LINE_MAX_BYTES + 4096u)

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool may_take(const struct link *link)
{
    return (link->phase == LINK_LOGIN || link->phase == LINK_PROMPT ||
            link->phase == LINK_PLAYING) &&
           !link->is_asking && link_n_queued(link) < LINK_SOFT_BYTES && !link->mush->is_stopping;
}

// Someone whose lines wait is not read from: they then wait in stayd and at last in the player's
// client.
static void set_reading(struct link *link)
{
    bool is_full = evbuffer_get_length(link->input) >= LINK_INPUT_BYTES;
    if (link->has_ended || (is_full && link->phase != LINK_LEAVING))
        bufferevent_disable(link->stream, EV_READ);
    else
        bufferevent_enable(link->stream, EV_READ);
}

// A player may type so many lines at once, and then so many a second.
static bool has_credit(struct link *link)
{
    const struct settings *settings = link->mush->settings;
    int64_t most = 1000 * (int64_t)settings->lines_at_once;
    int64_t now = now_ms();
    int64_t ms = link->credited_ms != 0 ? now - link->credited_ms : 0;
    int64_t more = ms < most ? ms * settings->lines_a_second : most;
    link->credited_ms = now;
    link->credit = link->credit + more < most ? link->credit + more : most;
    return link->credit >= 1000;
}

// Nothing of what was taken would have to be seen again; the marks say the rest.
static bool is_idle(const struct link *link)
{
    return !link_is_pending(link) && line_is_idle(&link->line) &&
           (telnet_is_idle(&link->telnet) || telnet_is_void(&link->telnet));
}

static bool take_byte(struct link *link, uint8_t byte)
{
    enum telnet_event event = telnet_take(&link->telnet, byte);
    if (link->telnet.n_out > 0) {
        link_send(link, link->telnet.out, link->telnet.n_out);
        link->telnet.n_out = 0;
    }
    if (event == TELNET_TEXT)
        return line_take(&link->line, byte);
    terminal_take(link, event);
    return false;
}

// True: link->line is whole, and everything behind it is not taken yet.
static bool take_line(struct link *link)
{
    const uint8_t *bytes = evbuffer_pullup(link->input, -1);
    size_t n = evbuffer_get_length(link->input);
    size_t n_idle = 0;
    bool is_whole = false;
    while (link->n_taken < n) {
        is_whole = take_byte(link, bytes[link->n_taken++]);
        if (is_whole)
            break;
        if (link->n_taken - n_idle > MAX_LINE_INPUT || link->line.is_dropping) {
            line_drop(&link->line);
            link_end_prompt(link);
        }
        if (is_idle(link))
            n_idle = link->n_taken;
    }
    link_settle_bytes(link, n_idle);
    return is_whole;
}

static void act(struct link *link)
{
    link->spoke_at = time(NULL);
    link->credit -= 1000;
    link_touch(link);
    if (link->line.was_dropped) {
        link_tell(link, "GAME: That line was longer than %u bytes; nothing of it was done.",
                  LINE_MAX_BYTES);
    } else {
        play_line(link, link->line.text);
    }
    if (!link_is_pending(link))
        link_settle(link);
}

void link_work(struct link *link)
{
    bool is_early = false;
    for (int n = 0; n < LINK_TURN_LINES && may_take(link); n++) {
        is_early = !has_credit(link);
        if (is_early || !take_line(link))
            break;
        act(link);
    }
    if (link->phase == LINK_GONE)
        return;
    if (may_take(link)) {
        if (evbuffer_get_length(link->input) > link->n_taken)
            link_go_on(link, is_early ? RATE_PAUSE_MS : 0);
        else if (link->has_ended)
            link_leave(link);
    }
    set_reading(link);
}

static void pass_over(struct link *link)
{
    size_t n = evbuffer_get_length(link->input);
    if (link->n_passed_over > 0) {
        n = n < link->n_passed_over ? n : (size_t)link->n_passed_over;
        evbuffer_drain(link->input, n);
        link->n_passed_over -= n;
        link_touch(link); // stayd may forget it
    }
}

void link_read(struct link *link)
{
    bufferevent_read_buffer(link->stream, link->input);
    if (link->phase == LINK_LEAVING) {
        evbuffer_drain(link->input, evbuffer_get_length(link->input));
    } else if (link->phase != LINK_GONE) {
        pass_over(link);
        link_work(link);
    }
}
