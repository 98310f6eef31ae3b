// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// An entry in the worker (alone.h). Errors: as there.
#include "worker/alone.h"

#include "base/clock.h"
#include "base/log.h"
#include "entry/certs_all.h"
#include "entry/entry.h"
#include "entry/tickets.h"
#include "entry/wallet.h"
#include "players/players.h"
#include "vault/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct alone {
    struct certs *certs[CONF_MAX_LISTENERS];
    struct accept_socket sockets[ACCEPT_MAX_SOCKETS];
    unsigned n_sockets;
    int sending;
    struct entry_page *page;
    struct entry *entry;
};

static bool load(struct alone *alone, const struct heritage *heritage)
{
    struct wallet *wallet = wallet_read(heritage->wallet_fd);
    const struct certs_all_wish wish = {
        .conf = &heritage->conf, .wallet = wallet, .use = CERTS_ALL_ENTRY};
    FILE *nowhere = fopen("/dev/null", "w"); // what is wrong was said before
    bool is_good = nowhere && certs_all_load(&wish, alone->certs, nowhere, nowhere).is_good;
    if (nowhere)
        fclose(nowhere);
    wallet_free(wallet);
    return is_good;
}

static void list_sockets(struct alone *alone, const struct heritage *heritage)
{
    for (unsigned i = 0; i < heritage->n_sockets; i++) {
        const struct heritage_socket *it = &heritage->socket[i];
        if (it->fd >= 0)
            alone->sockets[alone->n_sockets++] =
                (struct accept_socket){.fd = it->fd,
                                       .listener = it->listener,
                                       .conf = &heritage->conf.listener[it->listener],
                                       .certs = alone->certs[it->listener]};
    }
}

static void on_over(void *arg)
{
    (void)arg;
    log_event(LOG_SYSTEM, "what=\"nobody can be let in any more\"");
    exit(1);
}

struct alone *alone_make(struct players *players)
{
    const struct heritage *heritage = players->heritage;
    struct vault *vault = players->vault;
    struct vault_entry *place = &vault_entries(vault)->place[0];
    struct alone *alone = calloc(1, sizeof *alone);
    int queue;
    if (!alone || !load(alone, heritage) || handover_make(&queue, &alone->sending) < 0) {
        free(alone);
        return NULL;
    }
    list_sockets(alone, heritage);
    tickets_tick(&vault->head->view, clock_boot_ms() / 1000);
    tickets_use(&vault->head->view);
    int page = page_make();
    alone->page = page_map(page);
    heritage_claim(vault, HERITAGE_ENTRY_QUEUE, queue);
    heritage_claim(vault, HERITAGE_ENTRY_PAGE, page);
    place->serial = ++vault->head->entry_serials;
    place->state = ENTRY_MADE;
    if (alone->page)
        alone->entry = entry_make(&(struct entry_setup){.base = players->base,
                                                        .conf = &heritage->conf,
                                                        .certs = alone->certs,
                                                        .sockets = alone->sockets,
                                                        .n_sockets = alone->n_sockets,
                                                        .sending = alone->sending,
                                                        .page = alone->page,
                                                        .view = &vault->head->view,
                                                        .over = on_over});
    if (alone->entry)
        handover_order(queue, HANDOVER_OPEN);
    return alone->entry ? alone : NULL;
}

void alone_end(struct alone *alone)
{
    if (alone)
        entry_free(alone->entry);
    if (alone)
        alone->entry = NULL;
}

void alone_tick(const struct players *players)
{
    if (players->heritage->is_alone)
        tickets_tick(&players->vault->head->view, clock_boot_ms() / 1000);
}

void alone_free(struct alone *alone)
{
    if (!alone)
        return;
    entry_free(alone->entry);
    certs_all_free(alone->certs);
    close(alone->sending);
    free(alone);
}
