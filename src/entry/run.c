// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From exec to the event loop (run.h). Errors: as there.
#include "entry/run.h"

#include "base/harden.h"
#include "base/log.h"
#include "base/precedence.h"
#include "base/text.h"
#include "base/title.h"
#include "conf/copy.h"
#include "entry/certs_all.h"
#include "entry/entry.h"
#include "entry/tickets.h"
#include "entry/wallet.h"
#include "process/death_note.h"
#include "record/record.h"
#include "vault/handover.h"
#include "vault/view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORDERS_MOST (64u << 20)

struct run {
    struct event_base *base;
    struct conf conf;
    struct certs *certs[CONF_MAX_LISTENERS];
    struct accept_socket sockets[ACCEPT_MAX_SOCKETS];
    unsigned n_sockets;
    struct entry_page *page;
    const struct vault_view *view;
    struct entry *entry;
};

static _Noreturn void give_up(const char *what, const char *why)
{
    log_event(LOG_SYSTEM, "what=\"%s\" error=\"%s\"", what, why);
    exit(1);
}

// Only the guard, and the end of all others, end it.
static void set_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,
                                  SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}

static int find_listener(const struct conf *conf, const char *name)
{
    for (unsigned i = 0; i < conf->n_listeners; i++)
        if (strcmp(conf->listener[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool take_sockets(struct run *run, const struct entry_orders *orders)
{
    if (orders->n_sockets > ACCEPT_MAX_SOCKETS)
        return false;
    for (unsigned i = 0; i < orders->n_sockets; i++) {
        char name[CONF_NAME_BYTES];
        snprintf(name, sizeof name, "%.*s", (int)sizeof name - 1, orders->socket[i].name);
        int index = find_listener(&run->conf, name);
        if (index < 0)
            return false;
        run->sockets[run->n_sockets++] =
            (struct accept_socket){.fd = ENTRY_FD_SOCKETS + (int)i,
                                   .listener = (uint16_t)orders->socket[i].listener,
                                   .conf = &run->conf.listener[index],
                                   .certs = run->certs[index]};
    }
    return true;
}

static bool has_fd(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void load_certs(struct run *run, bool is_silent)
{
    struct text words;
    struct text remarks;
    struct wallet *before = has_fd(ENTRY_FD_BEFORE) ? wallet_read(ENTRY_FD_BEFORE) : NULL;
    if (!text_begin(&words) || !text_begin(&remarks))
        give_up("load certificates", strerror(ENOMEM));
    const struct certs_all_wish wish = {
        .conf = &run->conf, .wallet = before, .use = CERTS_ALL_ENTRY};
    struct certs_all_loaded loaded = certs_all_load(&wish, run->certs, words.out, remarks.out);
    wallet_free(before);
    text_drop(&remarks);
    char *lines = text_end(&words);
    if (!is_silent || !loaded.is_good)
        certs_all_log(lines);
    free(lines);
    if (!loaded.is_good)
        give_up("load certificates", "no listener has one that can be used");
    if (!wallet_write(ENTRY_FD_WALLET, &run->conf, run->certs))
        log_event(LOG_SYSTEM, "what=\"keep the certificates for the next entry\" error=\"%s\"",
                  strerror(errno));
}

// The guard's words. Its configuration may have become another one in the file.
static void take_orders(struct run *run)
{
    struct stat facts;
    const struct entry_orders *orders = NULL;
    if (fstat(ENTRY_FD_ORDERS, &facts) == 0 && facts.st_size > (off_t)sizeof *orders &&
        facts.st_size < (off_t)ORDERS_MOST)
        orders = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, ENTRY_FD_ORDERS, 0);
    if (!orders || orders == MAP_FAILED || orders->layout != VAULT_LAYOUT ||
        conf_copy_read(&run->conf, (const char *)(orders + 1),
                       (size_t)facts.st_size - sizeof *orders, stderr) > 0)
        exit(1); // there is no log yet
    log_take(run->conf.log, (enum log_level)run->conf.log_level, ENTRY_FD_LOG);
    load_certs(run, orders->is_silent);
    if (!take_sockets(run, orders))
        give_up("take the listening sockets", "their listeners are not in the configuration");
    munmap((void *)(uintptr_t)orders, (size_t)facts.st_size);
    close(ENTRY_FD_ORDERS);
    close(ENTRY_FD_BEFORE);
    close(ENTRY_FD_WALLET);
}

uint32_t entry_fit_handshakes(struct conf *conf)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < ENTRY_OTHER_FDS + (rlim_t)conf->max_handshakes)
        conf->max_handshakes =
            limit.rlim_cur > ENTRY_OTHER_FDS ? (uint32_t)(limit.rlim_cur - ENTRY_OTHER_FDS) : 1;
    return conf->max_handshakes;
}

static void say_library(int severity, const char *text)
{
    if (severity >= EVENT_LOG_WARN)
        log_event(LOG_LIBRARY, "what=\"%s\"", text);
}

static void on_over(void *arg)
{
    event_base_loopbreak(arg);
}

static void free_all(struct run *run)
{
    entry_free(run->entry);
    event_base_free(run->base);
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++)
        certs_free(run->certs[i]);
    conf_free(&run->conf);
    record_free();
}

_Noreturn void entry_run(void)
{
    static struct run run;
    harden();
    set_signals();
    title_set("stayd: entry");
    // Before certificates are read, so that a worker that starts meanwhile need not wait.
    const int error = precedence_leave() ? 0 : errno;
    if (!handover_is_heard(ENTRY_FD_SENDING))
        exit(0); // nobody is there any more
    run.page = page_map(ENTRY_FD_PAGE);
    run.view = view_map(ENTRY_FD_VIEW);
    if (!run.page || !run.view || !record_init())
        exit(1);
    death_note_prepare(&run.page->pulse.death);
    tickets_use(run.view);
    take_orders(&run);
    entry_fit_handshakes(&run.conf);
    if (error)
        log_event(LOG_SYSTEM, "what=\"leave players the precedence\" error=\"%s\"",
                  strerror(error));
    event_set_log_callback(say_library);
    run.base = event_base_new();
    if (run.base)
        run.entry = entry_make(&(struct entry_setup){.base = run.base,
                                                     .conf = &run.conf,
                                                     .certs = run.certs,
                                                     .sockets = run.sockets,
                                                     .n_sockets = run.n_sockets,
                                                     .sending = ENTRY_FD_SENDING,
                                                     .page = run.page,
                                                     .view = run.view,
                                                     .over = on_over,
                                                     .arg = run.base});
    if (!run.entry)
        exit(1);
    event_base_dispatch(run.base);
    free_all(&run);
    exit(0);
}
