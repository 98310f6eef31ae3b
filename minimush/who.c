// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is there, for how long, and how the game is (commands.h). Errors: they are told.
#include "commands.h"

#include "life.h"
#include "output.h"
#include "terminal.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// "01:07" or "2d 01:07".
static void put_span(char *out, size_t out_size, int64_t seconds)
{
    long long minutes = seconds > 0 ? seconds / 60 : 0;
    long long days = minutes / 1440;
    if (days > 0)
        snprintf(out, out_size, "%lldd %02lld:%02lld", days, minutes / 60 % 24, minutes % 60);
    else
        snprintf(out, out_size, "%02lld:%02lld", minutes / 60, minutes % 60);
}

static void put_idle(char *out, size_t out_size, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (seconds >= units[i].seconds) {
            snprintf(out, out_size, "%lld%c", (long long)(seconds / units[i].seconds),
                     units[i].letter);
            return;
        }
    }
    snprintf(out, out_size, "%llds", (long long)(seconds > 0 ? seconds : 0));
}

static void put_host(char *out, size_t out_size, const struct stay_player *player)
{
    if (player->host[0] != '\0')
        snprintf(out, out_size, "%s [%s]", player->host, player->address);
    else
        snprintf(out, out_size, "%s", player->address);
}

// What kind of line an awaited one has is not known before it comes.
static const char *line_of(const struct link *link)
{
    return link->phase == LINK_AWAITED ? "held"
           : link->player.is_tls       ? link->player.tls_version
                                       : "plain";
}

static void tell_player(struct link *link, const struct link *other, bool has_doing)
{
    int64_t now = time(NULL);
    char on_for[32];
    char idle[32];
    char host[sizeof other->player.host + sizeof other->player.address + sizeof " []"] = "";
    put_span(on_for, sizeof on_for, now - other->connected_at);
    put_idle(idle, sizeof idle, now - other->spoke_at);
    if (has_doing) {
        link_tell(link, "%-20s %10s %5s  %s", other->self->name, on_for, idle, other->self->doing);
        return;
    }
    if (link_is_playing(link))
        put_host(host, sizeof host, &other->player);
    link_tell(link, "%-20s %10s %5s  %-8s %s", other->self->name, on_for, idle, line_of(other),
              host);
}

// Wizards may be dark.
static bool is_shown(const struct link *link, const struct link *other)
{
    bool is_dark = (other->self->flags & WORLD_DARK) != 0 && world_is_wizard(other->self);
    return !is_dark || (link_is_playing(link) && world_is_wizard(link->self));
}

static void tell_players(struct link *link, bool has_doing)
{
    unsigned n = 0;
    for (struct link *other = link->mush->first; other; other = other->next) {
        if (link_is_playing(other) && is_shown(link, other)) {
            tell_player(link, other, has_doing);
            n++;
        }
    }
    link_tell(link, "%u player%s connected.", n, n == 1 ? " is" : "s are");
}

void do_who(struct link *link, char *args)
{
    (void)args;
    link_tell(link, "Name                     On for  Idle  Line     %s",
              link_is_playing(link) ? "Host" : "");
    tell_players(link, false);
}

void do_doing(struct link *link, char *args)
{
    (void)args;
    link_tell(link, "Name                     On for  Idle  Doing");
    tell_players(link, true);
}

void do_set_doing(struct link *link, char *args)
{
    char *text = text_trim(args);
    if (strlen(text) >= WORLD_DOING_BYTES) {
        link_tell(link, "That is too long; at most %u bytes.", WORLD_DOING_BYTES - 1);
        return;
    }
    world_set_doing(link->mush->world, link->self, text);
    link_tell(link, text[0] != '\0' ? "DOING shows it." : "DOING shows nothing for you now.");
}

void do_uptime(struct link *link, char *args)
{
    const struct mush *mush = link->mush;
    char since_start[32];
    char since_begin[32];
    (void)args;
    put_span(since_start, sizeof since_start, time(NULL) - mush->started_at);
    put_span(since_begin, sizeof since_begin, time(NULL) - mush->begun_at);
    link_tell(link, "Up for %s, with %lld reboot%s; this program runs for %s.", since_start,
              (long long)mush->n_reboots, mush->n_reboots == 1 ? "" : "s", since_begin);
}

void do_stats(struct link *link, char *args)
{
    const struct world *world = link->mush->world;
    unsigned n[4] = {0};
    unsigned n_links = 0;
    (void)args;
    for (size_t i = 0; world_at(world, i); i++)
        n[world_at(world, i)->kind]++;
    for (const struct link *other = link->mush->first; other; other = other->next)
        n_links++;
    link_tell(link, "%u rooms, %u exits, %u things, %u players; %u connections.", n[WORLD_ROOM],
              n[WORLD_EXIT], n[WORLD_THING], n[WORLD_PLAYER], n_links);
    if (!world_is_wizard(link->self))
        link_tell(link, "You own %zu objects of at most %u.", world_count(world, link->self->id),
                  WORLD_QUOTA);
}

void do_terminal(struct link *link, char *args)
{
    const struct link_terminal *terminal = &link->terminal;
    char *charset = text_trim(args);
    if (charset[0] != '\0' && !terminal_set_charset(link, charset)) {
        link_tell(link, "utf-8 or latin-1? @terminal utf-8");
        return;
    }
    link_tell(link, "Program: %s. Characters: %s. Window: %u columns, %u lines. GMCP: %s.",
              terminal->type[0] != '\0' ? terminal->type : "not known",
              link->line.charset == LINE_LATIN1 ? "latin-1" : "utf-8", terminal->width,
              terminal->height, telnet_is_on(&link->telnet, TELNET_GMCP, true) ? "yes" : "no");
}

void do_quit(struct link *link, char *args)
{
    (void)args;
    link_tell(link, "Good-bye.");
    link_leave(link);
}
