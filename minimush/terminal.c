// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Agreeing with the player's program (terminal.h).
//
// Who begins? A terminal program (openssl s_client, nc) shows whatever is sent, so to its user
// each offer is a few odd characters, and a screen reader may speak them. Nearly all MUD programs
// on the other hand wait for the game to begin, and a game that waits as well never learns that a
// password could be hidden. So one request of three bytes comes before the welcome (DO TTYPE: a
// UTF-8 terminal shows at most two marks for it, once), and all else only to a program that has
// answered. A game whose players use no MUD programs sets telnet-first = no.
//
// Errors: none.
#include "terminal.h"

#include "gmcp.h"
#include "output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { IS = 0, SEND = 1, REQUEST = 1, ACCEPTED = 2, REJECTED = 3 };

static void send_out(struct link *link)
{
    if (link->telnet.n_out > 0) {
        link_send(link, link->telnet.out, link->telnet.n_out);
        link->telnet.n_out = 0;
    }
}

static void send_sub(struct link *link, enum telnet_option option, const void *bytes, size_t n)
{
    uint8_t frame[64];
    size_t n_frame = telnet_frame(option, bytes, n, frame, sizeof frame);
    link_send(link, frame, n_frame);
}

void terminal_invite(struct link *link)
{
    telnet_wish(&link->telnet, TELNET_TTYPE, false, true);
    send_out(link);
}

// More than a first answer would fit into out at once.
static void offer(struct link *link)
{
    static const struct {
        enum telnet_option option;
        bool is_ours;
    } offers[] = {
        {TELNET_TTYPE, false}, {TELNET_NAWS, false}, {TELNET_CHARSET, true}, {TELNET_GMCP, true}};
    link->terminal.is_asked = true;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        telnet_wish(&link->telnet, offers[i].option, offers[i].is_ours, true);
        send_out(link);
    }
}

static void take_option(struct link *link, bool is_ours)
{
    static const uint8_t send_type[] = {SEND};
    static const char charsets[] = "\x01;UTF-8;ISO-8859-1"; // REQUEST
    enum telnet_option option = (enum telnet_option)link->telnet.option;
    if (!telnet_is_on(&link->telnet, option, is_ours))
        return;
    if (option == TELNET_TTYPE && !is_ours)
        send_sub(link, option, send_type, sizeof send_type);
    else if (option == TELNET_CHARSET && is_ours)
        send_sub(link, option, charsets, sizeof charsets - 1);
}

static void take_size(struct link *link)
{
    const uint8_t *size = link->telnet.sub;
    if (link->telnet.n_sub == 4) {
        link->terminal.width = (unsigned)size[0] << 8 | size[1];
        link->terminal.height = (unsigned)size[2] << 8 | size[3];
    }
}

static void take_type(struct link *link)
{
    const uint8_t *type = link->telnet.sub;
    size_t n = 0;
    if (link->telnet.n_sub < 2 || type[0] != IS)
        return;
    for (size_t i = 1; i < link->telnet.n_sub && n + 1 < sizeof link->terminal.type; i++)
        if (type[i] > 0x20 && type[i] < 0x7f)
            link->terminal.type[n++] = (char)type[i];
    link->terminal.type[n] = '\0';
}

bool terminal_set_charset(struct link *link, const char *name)
{
    static const struct {
        const char *name;
        enum line_charset charset;
    } names[] = {{"utf-8", LINE_UTF8},      {"utf8", LINE_UTF8},     {"us-ascii", LINE_UTF8},
                 {"latin-1", LINE_LATIN1},  {"latin1", LINE_LATIN1}, {"iso-8859-1", LINE_LATIN1},
                 {"iso8859-1", LINE_LATIN1}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(names[i].name, name) == 0) {
            link->line.charset = (uint8_t)names[i].charset;
            link_touch(link);
            return true;
        }
    }
    return false;
}

// RFC 2066: ACCEPTED NAME answers ours; REQUEST ;NAME;NAME asks us to choose.
static void take_charset(struct link *link)
{
    char *text = (char *)link->telnet.sub;
    char *rest;
    if (text[0] == ACCEPTED) {
        terminal_set_charset(link, text + 1);
    } else if (text[0] == REQUEST && text[1] != '\0') {
        char separator[] = {text[1], '\0'};
        for (char *name = strtok_r(text + 2, separator, &rest); name;
             name = strtok_r(NULL, separator, &rest)) {
            char answer[48];
            if (strlen(name) < 32 && terminal_set_charset(link, name)) {
                int n = snprintf(answer, sizeof answer, "%c%s", ACCEPTED, name);
                send_sub(link, TELNET_CHARSET, answer, (size_t)n);
                return;
            }
        }
        static const uint8_t no[] = {REJECTED};
        send_sub(link, TELNET_CHARSET, no, sizeof no);
    }
}

static void take_sub(struct link *link)
{
    switch ((enum telnet_option)link->telnet.option) {
    case TELNET_NAWS:
        take_size(link);
        break;
    case TELNET_TTYPE:
        take_type(link);
        break;
    case TELNET_CHARSET:
        take_charset(link);
        break;
    case TELNET_GMCP:
        gmcp_take(link, (char *)link->telnet.sub);
        break;
    case TELNET_ECHO:
        break;
    }
}

void terminal_take(struct link *link, enum telnet_event event)
{
    if (event == TELNET_OURS || event == TELNET_THEIRS)
        take_option(link, event == TELNET_OURS);
    else if (event == TELNET_SUB)
        take_sub(link);
    if (link->telnet.is_heard && !link->terminal.is_asked && telnet_is_idle(&link->telnet))
        offer(link);
}

void terminal_hide(struct link *link, bool is_hidden)
{
    if (link->telnet.is_heard) {
        telnet_wish(&link->telnet, TELNET_ECHO, true, is_hidden);
        send_out(link);
    }
}

bool terminal_hides(const struct link *link)
{
    return telnet_is_on(&link->telnet, TELNET_ECHO, true);
}
