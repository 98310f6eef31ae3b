// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Start is recovery, then the loop (worker.h). The order of the start:
//
//   take the table (process/lease.h), make the vault whole (take_up.h), work out free slots and
//   chunks, serve every slot once (players/players.h), accept.
//
// Errors: what makes serving impossible ends the process; the guard tries again.
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/precedence.h"
#include "base/random.h"
#include "base/sanitizer.h"
#include "base/title.h"
#include "entry/verdict.h"
#include "game/names.h"
#include "ops/control.h"
#include "players/crowd.h"
#include "players/games.h"
#include "players/loops.h"
#include "players/waiting.h"
#include "process/death_note.h"
#include "process/lease.h"
#include "vault/workers.h"
#include "worker/alone.h"
#include "worker/inbox.h"
#include "worker/take_up.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define HOUSEKEEPING_S 5
#define START_AGAIN_MS 20
#define SIGNALS_AGAIN_MS 250

_Noreturn void worker_give_up(const char *what)
{
    log_event(LOG_SYSTEM, "what=\"%s\" error=\"%s\"", what, strerror(errno));
    _exit(1);
}

// A clone of a clone could meet a generator's state that a dead process of its pid
// has used; entropy of its own makes every worker's different.
static void seed_openssl(void)
{
    uint8_t seed[48];
    uint8_t thrown_away[16];
    if (!random_fill(seed, sizeof seed))
        worker_give_up("get random bytes");
    RAND_seed(seed, sizeof seed);
    OPENSSL_cleanse(seed, sizeof seed);
    if (RAND_bytes(thrown_away, sizeof thrown_away) != 1 ||
        RAND_priv_bytes(thrown_away, sizeof thrown_away) != 1)
        worker_give_up("seed OpenSSL");
}

static void on_name(void *arg)
{
    waiting_hurry(arg);
}

static void keep_house(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    log_tick();
    games_tick(&worker->players);
    chunk_pool_trim(&worker->players.chunks);
    // A timer that could not be set for want of memory is set now.
    waiting_hurry(&worker->players);
    verdict_tick(&worker->players.refusals, clock_boot_ms());
    control_check(worker->control);
    alone_tick(&worker->players);
    inbox_look(worker->inbox); // of something new the guard has perhaps not come to tell
}

static void make_parts(struct worker *worker)
{
    const struct conf *conf = &worker->players.heritage->conf;
    worker->players.names = names_make(worker->players.base, conf, on_name, &worker->players);
    worker->inbox = inbox_make(&worker->players);
    worker->control = control_make(&worker->players, worker->players.heritage->control_fd);
    if (!worker->inbox || !worker->control)
        worker_give_up("make inbox and control channel");
    if (worker->players.heritage->is_alone && !(worker->alone = alone_make(&worker->players)))
        worker_give_up("make the entry");
    inbox_look(worker->inbox);
}

static void on_end_time(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    event_base_loopbreak(worker->players.base);
}

static void begin_end(struct worker *worker)
{
    alone_end(worker->alone);
    inbox_look(worker->inbox);
    crowd_begin_end(&worker->players);
}

void worker_look_for_end(struct worker *worker)
{
    uint64_t until_ms = worker->vault.head->ending_until_ms;
    uint64_t now_ms = clock_boot_ms();
    if (until_ms == 0)
        return;
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct timeval left = {
        .tv_sec = (time_t)(left_ms / 1000),
        .tv_usec = (suseconds_t)(left_ms % 1000 * 1000),
    };
    event_base_once(worker->players.base, -1, EV_TIMEOUT, on_end_time, worker, &left);
    if (!worker->players.is_ending)
        begin_end(worker);
    players_check_end(&worker->players);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct signalfd_siginfo info;
    (void)what;
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    // Without a guard the worker takes the order itself.
    if (info.ssi_signo != SIGUSR1)
        worker->vault.head->ending_until_ms =
            clock_boot_ms() + worker->players.heritage->conf.stop_timeout_ms + 1;
    worker_look_for_end(worker);
    inbox_look(worker->inbox);
    waiting_hurry(&worker->players);
}

static void await_signals(struct worker *worker);

static void look_for_signals(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    on_signal(event_get_fd(worker->signals), what, worker);
    await_signals(worker);
}

// As with players' sockets: what cannot be watched now is looked at until it can.
static void await_signals(struct worker *worker)
{
    const struct timeval soon = {.tv_usec = SIGNALS_AGAIN_MS * 1000};
    if (event_add(worker->signals, NULL) < 0 &&
        event_base_once(worker->players.base, -1, EV_TIMEOUT, look_for_signals, worker, &soon) < 0)
        worker_give_up("watch for signals");
}

// A worker that ends for want of a descriptor would only be followed by the next one.
static int open_signals(const sigset_t *order)
{
    bool is_said = false;
    for (;;) {
        int fd = signalfd(-1, order, SFD_NONBLOCK | SFD_CLOEXEC);
        if (fd >= 0 || (errno != EMFILE && errno != ENFILE && errno != ENOMEM))
            return fd;
        if (!is_said)
            log_event(LOG_SHORTAGE, "what=\"watch for signals\" error=\"%s\"", strerror(errno));
        is_said = true;
        poll(NULL, 0, START_AGAIN_MS);
    }
}

// Only the guard takes orders; it sends SIGUSR1 when there is something to look at. By
// signalfd(2), because libevent's signal handling keeps state that clones would share.
static void watch_signals(struct worker *worker)
{
    sigset_t order;
    sigemptyset(&order);
    sigaddset(&order, SIGUSR1);
    if (worker->players.heritage->is_alone) {
        sigaddset(&order, SIGTERM);
        sigaddset(&order, SIGINT);
        sigaddset(&order, SIGQUIT);
    } else {
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
    }
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigprocmask(SIG_SETMASK, &order, NULL);
    int fd = open_signals(&order);
    worker->signals = event_new(worker->players.base, fd, EV_READ | EV_PERSIST, on_signal, worker);
    if (fd < 0 || !worker->signals)
        worker_give_up("watch for signals");
    await_signals(worker);
}

static void say_ready(struct worker *worker)
{
    workers_set_phase(worker->vault.head, WORKER_READY);
    players_note_all_claims(&worker->players);
    log_event(LOG_READY, "players=%u", players_count(&worker->players));
}

// What libevent holds stays as it is: freeing it would reach into the epoll of the worker that goes
// on. Only the leak checker has to hear of it.
static void leave_rest(const struct worker *worker)
{
#ifdef UNDER_ADDRESS_SANITIZER
    struct worker *left = malloc(sizeof *left);
    if (!left)
        return;
    *left = *worker;
    __lsan_ignore_object(left);                           // ... and what it leads to
    __lsan_ignore_object(worker->players.waiting->timer); // to which only what is freed leads
#else
    (void)worker;
#endif
}

void worker_forget(struct worker *worker)
{
    leave_rest(worker);
    record_forget_all();
    crowd_forget(&worker->players);
    malloc_trim(0);
}

static void say_library(int severity, const char *text)
{
    if (severity >= EVENT_LOG_WARN)
        log_event(LOG_LIBRARY, "what=\"%s\"", text);
}

static struct event_base *make_base(struct vault *vault)
{
    event_set_log_callback(say_library);
    // libevent does not say which descriptor its epoll is: the lowest one that is free.
    int lowest = fcntl(vault->fd, F_DUPFD_CLOEXEC, 0);
    if (lowest >= 0)
        close(lowest);
    struct event_config *config = event_config_new();
    if (config)
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = config ? event_base_new_with_config(config) : NULL;
    if (!base)
        worker_give_up("make an event loop");
    event_config_free(config);
    heritage_claim_poll(vault, lowest);
    return base;
}

// Serve until the orderly end is complete.
static void serve(struct worker *worker)
{
    struct players *players = &worker->players;
    const struct timeval every = {.tv_sec = HOUSEKEEPING_S};
    struct event *housekeeping = event_new(players->base, -1, EV_PERSIST, keep_house, worker);
    if (!housekeeping || event_add(housekeeping, &every) < 0)
        worker_give_up("start housekeeping");
    say_ready(worker);
    worker_look_for_end(worker); // which may have begun in an earlier worker's time
    if (!players->is_ending || players->n_live)
        event_base_dispatch(players->base);
    if (!players->is_ending)
        worker_give_up("run the event loop");
    workers_set_phase(worker->vault.head, WORKER_ENDED);
    event_free(housekeeping);
}

static void free_all(struct worker *worker)
{
    event_free(worker->signals);
    guard_watch_stop(&worker->guard_watch);
    alone_free(worker->alone);
    inbox_free(worker->inbox);
    control_free(worker->control);
    crowd_stop(&worker->players);
    event_base_free(worker->players.base); // may still know events in conns
    crowd_forget(&worker->players);
}

void worker_run(struct heritage *heritage, uint64_t expected)
{
    struct worker worker = {.vault = heritage->vault};
    struct players *players = &worker.players;
    if (!lease_take(&worker.vault.head->table, expected))
        _exit(0);
    workers_set_phase(worker.vault.head, WORKER_STARTING);
    title_set("stayd: worker");
    precedence_take();
    death_note_prepare(&worker.vault.head->deaths.note);
    seed_openssl();
    *players = (struct players){
        .heritage = heritage, .vault = &worker.vault, .base = make_base(&worker.vault)};
    take_up(&worker.vault);
    if (crowd_make(players) < 0)
        worker_give_up("take up the connections");
    crowd_close_poison(players);
    loops_start(players);
    crowd_serve(players);
    games_start(players);
    watch_signals(&worker);
    guard_watch_start(&worker);
    make_parts(&worker);
    serve(&worker);
    free_all(&worker);
    if (heritage->is_alone) // otherwise the guard does it
        unlink(heritage->conf.control);
    exit(0);
}
