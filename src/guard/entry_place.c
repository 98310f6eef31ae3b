// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making an entry at a place (entry_place.h). Errors: as there.
#include "guard/entry_place.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/memfd.h"
#include "conf/copy.h"
#include "entry/page.h"
#include "entry/run.h"
#include "process/clone.h"
#include "process/spawn.h"
#include "vault/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static_assert(ACCEPT_MAX_SOCKETS == HERITAGE_MAX_SOCKETS, "all sockets");
static_assert(ENTRY_FD_SOCKETS + ACCEPT_MAX_SOCKETS <= SPAWN_MAX_FDS, "all sockets");
static_assert(HERITAGE_ENTRY_WALLET + VAULT_ENTRIES <= HERITAGE_SOCKETS, "places");

// What the entry is to do, as a file in memory. -1 with errno.
static int write_orders(const struct heritage *heritage, bool is_silent)
{
    struct entry_orders *orders = calloc(1, sizeof *orders);
    int fd = memfd_make("stayd-orders");
    int copy = fd < 0 ? -1 : dup(fd);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    bool is_written = false;
    if (orders && out) {
        orders->layout = VAULT_LAYOUT;
        orders->is_silent = is_silent;
        for (unsigned i = 0; i < heritage->n_sockets; i++) {
            unsigned listener = heritage->socket[i].listener;
            if (heritage->socket[i].fd < 0)
                continue;
            orders->socket[orders->n_sockets].listener = listener;
            snprintf(orders->socket[orders->n_sockets++].name, CONF_NAME_BYTES, "%s",
                     heritage->conf.listener[listener].name);
        }
        is_written = fwrite(orders, sizeof *orders, 1, out) == 1 &&
                     conf_copy_write(&heritage->conf, out) && fflush(out) == 0;
    }
    free(orders);
    if (out)
        fclose(out);
    else if (copy >= 0)
        close(copy);
    if (is_written)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

// What the entry at this place gets. Listed before it is made: the vault is shared, and the guard goes on.
static unsigned list_fds(const struct heritage *heritage, unsigned place, int orders,
                         struct spawn_fd fds[SPAWN_MAX_FDS])
{
    const _Atomic int32_t *all = vault_guard_fds(&heritage->vault);
    const int from[ENTRY_FD_SOCKETS] = {
        [STDIN_FILENO] = STDIN_FILENO,
        [STDOUT_FILENO] = STDOUT_FILENO,
        [STDERR_FILENO] = STDERR_FILENO,
        [ENTRY_FD_ORDERS] = orders,
        [ENTRY_FD_SENDING] = all[HERITAGE_ENTRY_SENDING],
        [ENTRY_FD_PAGE] = all[HERITAGE_ENTRY_PAGE + place],
        [ENTRY_FD_VIEW] = all[HERITAGE_VIEW],
        [ENTRY_FD_BEFORE] = all[HERITAGE_WALLET],
        [ENTRY_FD_WALLET] = all[HERITAGE_ENTRY_WALLET + place],
        [ENTRY_FD_LOG] = all[HERITAGE_LOG],
    };
    unsigned n = 0;
    for (; n < ENTRY_FD_SOCKETS; n++)
        fds[n] = (struct spawn_fd){from[n], (int)n};
    for (unsigned i = 0; i < heritage->n_sockets; i++)
        if (heritage->socket[i].fd >= 0) {
            fds[n] = (struct spawn_fd){heritage->socket[i].fd, (int)n};
            n++;
        }
    return n;
}

static _Noreturn void run(const struct heritage *heritage, const struct spawn_fd *fds,
                          unsigned n_fds, struct entry_page *page)
{
    char *const argv[] = {heritage->program, (char *)ENTRY_ARGUMENT, NULL};
    spawn_exec(heritage->program_fd, argv, fds, n_fds);
    page->pulse.exec_error = (uint32_t)errno;
    _exit(127);
}

// All that the place needs is claimed before there is a process.
static bool claim(const struct vault *vault, unsigned i)
{
    int queue, sending;
    if (handover_make(&queue, &sending) < 0)
        return false;
    int page = page_make();
    int wallet = memfd_make("stayd-wallet");
    heritage_renew(vault, HERITAGE_ENTRY_SENDING, sending);
    heritage_renew(vault, HERITAGE_ENTRY_QUEUE + i, queue);
    heritage_renew(vault, HERITAGE_ENTRY_PAGE + i, page);
    heritage_renew(vault, HERITAGE_ENTRY_WALLET + i, wallet);
    return page >= 0 && wallet >= 0;
}

struct vault_entry *entry_place(const struct vault *vault, unsigned i)
{
    return &vault_entries(vault)->place[i];
}

void entry_place_free(const struct vault *vault, unsigned i)
{
    const _Atomic int32_t *fds = vault_guard_fds(vault);
    heritage_renew(vault, HERITAGE_ENTRY_PIDFD + i, -1);
    heritage_renew(vault, HERITAGE_ENTRY_PAGE + i, -1);
    // It may be claimed as the one that is served already.
    if (fds[HERITAGE_ENTRY_WALLET + i] == fds[HERITAGE_WALLET])
        heritage_claim(vault, HERITAGE_ENTRY_WALLET + i, -1);
    heritage_renew(vault, HERITAGE_ENTRY_WALLET + i, -1);
    heritage_renew(vault, HERITAGE_ENTRY_QUEUE + i, -1);
    entry_place(vault, i)->state = ENTRY_FREE;
}

static void fill(const struct vault *vault, struct vault_entry *entry)
{
    entry->pid = 0;
    entry->edition = vault_entries(vault)->wanted;
    entry->crashes = 0;
    entry->taken = 0;
    entry->serial = ++vault->head->entry_serials;
    entry->state = ENTRY_MADE;
}

// False: errno.
static bool make_process(const struct heritage *heritage, unsigned i, int orders)
{
    struct spawn_fd fds[SPAWN_MAX_FDS];
    const struct vault *vault = &heritage->vault;
    struct vault_entry *entry = entry_place(vault, i);
    int pidfd;
    unsigned n_fds = list_fds(heritage, i, orders, fds);
    struct entry_page *page = page_map(vault_guard_fds(vault)[HERITAGE_ENTRY_PAGE + i]);
    pid_t pid = page ? clone_with_copy(&pidfd) : -1;
    if (pid == 0)
        run(heritage, fds, n_fds, page);
    page_unmap(page);
    if (pid < 0)
        return false;
    heritage_renew(vault, HERITAGE_ENTRY_PIDFD + i, pidfd);
    entry->pid = (uint32_t)pid;
    log_event(LOG_ENTRY_MADE, "pid=%d edition=%u", (int)pid, entry->edition);
    return true;
}

bool entry_place_make(const struct heritage *heritage, unsigned i, bool is_silent)
{
    const struct vault *vault = &heritage->vault;
    int orders = write_orders(heritage, is_silent);
    bool is_made = false;
    if (orders >= 0 && claim(vault, i)) {
        fill(vault, entry_place(vault, i));
        is_made = make_process(heritage, i, orders);
    } else {
        int error = errno;
        entry_place_free(vault, i);
        errno = error;
    }
    if (!is_made)
        log_event(LOG_SYSTEM, "what=\"make an entry\" error=\"%s\"", strerror(errno));
    fd_close(orders);
    heritage_renew(vault, HERITAGE_ENTRY_SENDING, -1);
    return is_made;
}
