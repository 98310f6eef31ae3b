// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// GMCP (gmcp.h). No JSON is read but for the names of packages, which are looked for as text.
// Errors: none.
#include "gmcp.h"

#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MESSAGE_BYTES 2048u

static void send_message(struct link *link, const char *message)
{
    uint8_t frame[2 * MESSAGE_BYTES + 8];
    if (telnet_is_on(&link->telnet, TELNET_GMCP, true)) {
        size_t n = telnet_frame(TELNET_GMCP, message, strlen(message), frame, sizeof frame);
        link_send(link, frame, n);
    }
}

// Is "NAME 1" or "NAME" among the packages in ["Char 1", "Room 1"]?
static bool has_package(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strchr(list, '"'); at; at = strchr(at + 1, '"'))
        if (strncasecmp(at + 1, name, n) == 0 && (at[n + 1] == '"' || at[n + 1] == ' '))
            return true;
    return false;
}

void gmcp_take(struct link *link, char *message)
{
    size_t n = strcspn(message, " ");
    char *data = message + n + (message[n] == ' ' ? 1 : 0);
    message[n] = '\0';
    if (strcasecmp(message, "Core.Ping") == 0) {
        send_message(link, "Core.Ping");
    } else if (strcasecmp(message, "Core.Supports.Set") == 0 ||
               strcasecmp(message, "Core.Supports.Add") == 0) {
        bool is_set = strcasecmp(message, "Core.Supports.Set") == 0;
        bool has_room = has_package(data, "Room");
        link->terminal.has_gmcp_room = has_room || (!is_set && link->terminal.has_gmcp_room);
        gmcp_send_room(link);
    } else if (strcasecmp(message, "Core.Supports.Remove") == 0 && has_package(data, "Room")) {
        link->terminal.has_gmcp_room = false;
    }
}

static void put(char *out, size_t out_size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void put(char *out, size_t out_size, const char *fmt, ...)
{
    size_t n = strlen(out);
    va_list args;
    va_start(args, fmt);
    vsnprintf(out + n, out_size - n, fmt, args);
    va_end(args);
}

// Names hold no control characters.
static void put_string(char *out, size_t out_size, const char *text)
{
    size_t at = strlen(out);
    for (size_t i = 0; text[i] != '\0' && at + 4 < out_size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            out[at++] = '\\';
        out[at++] = text[i];
    }
    out[at] = '\0';
}

void gmcp_send_room(struct link *link)
{
    char message[MESSAGE_BYTES];
    if (!link->terminal.has_gmcp_room || !link_is_playing(link))
        return;
    const struct object *room = link->self->place;
    snprintf(message, sizeof message, "Room.Info {\"num\":%lld,\"name\":\"", (long long)room->id);
    put_string(message, sizeof message, world_name(room).text);
    put(message, sizeof message, "\",\"exits\":{");
    bool is_first = true;
    for (const struct object *exit = room->first; exit; exit = exit->next) {
        bool is_seen = exit->kind == WORLD_EXIT && exit->target && (exit->flags & WORLD_DARK) == 0;
        if (is_seen && strlen(message) + 2 * WORLD_NAME_BYTES + 32 < sizeof message) {
            put(message, sizeof message, "%s\"", is_first ? "" : ",");
            put_string(message, sizeof message, world_name(exit).text);
            put(message, sizeof message, "\":%lld", (long long)exit->target->id);
            is_first = false;
        }
    }
    put(message, sizeof message, "}}");
    send_message(link, message);
}
