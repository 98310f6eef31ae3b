// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// page: to one or several players, wherever they are, and again to the same ones (commands.h).
// Errors: they are told.
#include "commands.h"

#include "output.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define MAX_PAGED 10u

struct paged {
    const struct object *players[MAX_PAGED];
    size_t n;
    char names[LEDGER_PAGED_BYTES]; // "One, Two"
};

static void add(struct paged *paged, const struct object *player)
{
    for (size_t i = 0; i < paged->n; i++)
        if (paged->players[i] == player)
            return;
    size_t n = strlen(paged->names);
    snprintf(paged->names + n, sizeof paged->names - n, "%s%s", n > 0 ? ", " : "", player->name);
    paged->players[paged->n++] = player;
}

// Names are separated by spaces or commas; who is not there is told.
static void find(struct link *link, const char *names, struct paged *paged)
{
    char copy[LEDGER_PAGED_BYTES];
    char *rest;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ,", &rest); name && paged->n < MAX_PAGED;
         name = strtok_r(NULL, " ,", &rest)) {
        const struct object *player = world_find_player(link->mush->world, name);
        if (player && link_of(link->mush, player))
            add(paged, player);
        else
            link_tell(link, "%s is not connected.", name);
    }
}

static void send_page(struct link *link, const struct paged *paged, const char *text)
{
    const char *self = link->self->name;
    char to[sizeof paged->names + 8] = "";
    if (paged->n > 1)
        snprintf(to, sizeof to, " (to %s)", paged->names);
    for (size_t i = 0; i < paged->n; i++) {
        if (text[0] == ':') {
            mush_tell_player(link->mush, paged->players[i], "From afar%s, %s %s", to, self,
                             text + 1);
        } else {
            mush_tell_player(link->mush, paged->players[i], "%s pages%s: %s", self, to, text);
        }
    }
    if (text[0] == ':')
        link_tell(link, "Long distance to %s: %s %s", paged->names, self, text + 1);
    else
        link_tell(link, "You paged %s with: %s", paged->names, text);
}

void do_page(struct link *link, char *args)
{
    struct paged paged = {0};
    char *text = strchr(args, '=') ? text_cut(args) : NULL;
    const char *names = text && args[0] != '\0' ? args : link->paged;
    if (!text) {
        text = text_trim(args);
        if (world_find_player(link->mush->world, text)) { // hardly what is to be said
            link_tell(link, "Page %s what? page %s=TEXT", text, text);
            return;
        }
    }
    if (names[0] == '\0') {
        link_tell(link, "Page whom? page NAME=TEXT, page NAME NAME=TEXT, then page TEXT");
        return;
    }
    if (text[0] == '\0') {
        link_tell(link, "page TEXT goes to %s, whom you have last paged.", names);
        return;
    }
    find(link, names, &paged);
    if (paged.n > 0) {
        memcpy(link->paged, paged.names, sizeof link->paged);
        send_page(link, &paged, text);
    }
}
