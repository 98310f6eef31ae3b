// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Start is recovery, then the loop (worker.h). The order of the start:
//
//   take the table (lease.h), lock the receipt's page, settle the receipt,
//   verify every slot, work out free slots and chunks, serve every slot once, accept.
//
// Errors: what makes serving impossible ends the process; the guard tries again.
#include "worker/worker.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/title.h"
#include "entry/accept.h"
#include "entry/tickets.h"
#include "ops/control.h"
#include "process/lease.h"
#include "record/suites.h"
#include "vault/receipt.h"
#include "vault/verify.h"
#include "worker/death_note.h"
#include "worker/guard_watch.h"
#include "worker/retire.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define HOUSEKEEPING_S 5
#define START_AGAIN_MS 20
#define SIGNALS_AGAIN_MS 250
#define END_TURNS 4 // enough to read all that a Unix socket holds by default

static _Noreturn void give_up(const char *what)
{
    log_event(LOG_SYSTEM, "what=\"%s\" error=\"%s\"", what, strerror(errno));
    _exit(1);
}

static void quarantine(void *arg, uint32_t index, int invariant)
{
    struct worker *worker = arg;
    struct slot *slot = &worker->vault->slots[index];
    char id[LOG_ID_BYTES];
    log_event(LOG_QUARANTINE, "slot=%u id=%s invariant=I%d", index, log_id(id, slot->id),
              invariant);
    slot->state = SLOT_QUARANTINED;
}

static bool is_claimed(const struct vault *vault, int fd)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        if (vault_guard_fds(vault)[i] == fd)
            return true;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++)
        if (vault->slots[i].state == SLOT_LIVE &&
            (vault->slots[i].player_fd == fd || vault->slots[i].game_fd == fd))
            return true;
    return false;
}

// A quarantined slot's descriptors may be anybody's. If they are nobody's, they end now.
static void end_quarantined(const struct vault *vault)
{
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_QUARANTINED)
            continue;
        if (!is_claimed(vault, slot->player_fd))
            shutdown(slot->player_fd, SHUT_RDWR);
        if (!is_claimed(vault, slot->game_fd))
            shutdown(slot->game_fd, SHUT_RDWR);
    }
}

// A clone of a clone could meet a generator's state that a dead process of its pid
// has used; entropy of its own makes every worker's different.
static void seed_openssl(void)
{
    uint8_t seed[48];
    uint8_t thrown_away[16];
    if (!random_fill(seed, sizeof seed))
        give_up("get random bytes");
    RAND_seed(seed, sizeof seed);
    OPENSSL_cleanse(seed, sizeof seed);
    if (RAND_bytes(thrown_away, sizeof thrown_away) != 1 ||
        RAND_priv_bytes(thrown_away, sizeof thrown_away) != 1)
        give_up("seed OpenSSL");
}

static void say_open(const struct worker *worker, const struct slot *slot)
{
    char id[LOG_ID_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    const struct suite *suite = suite_find(slot->suite);
    log_event(LOG_PLAYER_OPEN, "address=%s port=%u id=%s listener=%s tls=%s cipher=%s",
              address_print(address, slot->address), slot->port, log_id(id, slot->id),
              worker->heritage->conf.listener[slot->listener].name,
              slot_is_tls(slot) ? suite_version_name(slot->tls_version) : "no",
              suite ? suite->name : "-");
}

void worker_note_claims(const struct worker *worker, const struct slot *slot)
{
    struct vault_head *head = worker->vault->head;
    uint32_t crate = vault_slot_index(worker->vault, slot) / VAULT_CRATE_SLOTS;
    int fd = vault_guard_fds(worker->vault)[HERITAGE_CLAIMS];
    head->store.claims_noted++;
    atomic_fetch_or(&head->store.marks[crate / 64], UINT64_C(1) << crate % 64);
    if (fd >= 0)
        eventfd_write(fd, 1);
}

// Whatever an earlier worker has not come to tell.
static void note_all_claims(const struct worker *worker)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i += VAULT_CRATE_SLOTS)
        worker_note_claims(worker, &vault->slots[i]);
}

// A new player, plain or after the takeover.
static void on_player(void *arg, struct slot *slot)
{
    struct worker *worker = arg;
    worker->has_new = true;
    worker_note_claims(worker, slot);
    say_open(worker, slot);
    conn_open(worker, slot);
    conn_serve(&worker->conns[vault_slot_index(worker->vault, slot)], 0);
}

static void on_room(void *arg)
{
    struct worker *worker = arg;
    accepting_room(worker->accepting);
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
    tickets_tick(worker->vault->head, clock_boot_ms() / 1000);
    log_tick();
    games_tick(worker);
    chunk_pool_trim(&worker->chunks);
    // A timer that could not be set for want of memory is set now.
    waiting_hurry(worker);
    if (worker->accepting)
        accepting_check(worker->accepting);
    control_check(worker->control);
    // OpenSSL takes some 50 kB for a handshake, and malloc keeps what a rush of them has taken.
    if (worker->has_new && worker->handshakes && handshakes_count(worker->handshakes) == 0) {
        malloc_trim(0);
        worker->has_new = false;
    }
}

// The state that a crash may have left: settle, verify, free lists.
static void take_up(struct worker *worker)
{
    struct vault *vault = worker->vault;
    int broken = verify_head(vault);
    if (broken) {
        log_event(LOG_PANIC, "invariant=I%d where=\"the vault's head\"", broken);
        abort();
    }
    if (vault_lock(vault) < 0)
        log_event(LOG_SYSTEM,
                  "what=\"lock the receipt's page: a kill under memory pressure could cost bytes\" "
                  "error=\"%s\" fix=\"raise RLIMIT_MEMLOCK, and see that mlock(2) is allowed\"",
                  strerror(errno));
    vault->head->serving_slot = SLOT_NONE;
    vault->head->serving_address_set = 0;
    bool was_settled = receipt_settle(vault);
    if (verify_all(vault, quarantine, worker))
        end_quarantined(vault);
    worker->conns = calloc(vault->head->n_slots, sizeof *worker->conns);
    worker->ids = ids_make(vault->head->n_slots);
    if (!worker->conns || !worker->ids || slot_pool_make(&worker->slots, vault) < 0 ||
        cell_pool_make(&worker->cells, vault) < 0 || chunk_pool_make(&worker->chunks, vault) < 0)
        give_up("take up the connections");
    slot_pool_wipe(&worker->slots);
    log_event(LOG_RECOVER, "settled=%s", was_settled ? "yes" : "no");
}

// Serve everybody once: what waits in a buffer must not need a new event to go on.
static void serve_all(struct worker *worker)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        if (vault->slots[i].state != SLOT_LIVE)
            continue;
        conn_open(worker, &vault->slots[i]);
        conn_serve(&worker->conns[i], 0);
    }
}

void worker_free_slot(struct worker *worker, struct slot *slot)
{
    ids_drop(worker->ids, slot->id);
    slot_free(&worker->slots, &worker->chunks, &worker->cells, slot);
    worker_note_claims(worker, slot);
}

// A slot that was being served in two crashes goes (invariant I14).
static void close_poison(struct worker *worker)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_LIVE || slot->crashes < 2)
            continue;
        char id[LOG_ID_BYTES];
        char address[ADDRESS_TEXT_BYTES];
        log_event(LOG_POISON, "address=%s id=%s crashes=%u", address_print(address, slot->address),
                  log_id(id, slot->id), slot->crashes);
        vault->head->deaths.poisoned++;
        worker_free_slot(worker, slot);
    }
}

// Accept players, unless it is the end, or this program is on probation: slots may then only lose
// descriptors (guard/upgrade/probation.h).
static void open_door(struct worker *worker)
{
    if (worker->accepting || worker->is_retiring || worker->vault->head->ending_until_ms ||
        !vault_is_proven(worker->vault))
        return;
    worker->accepting = accepting_make(&(struct accepting_setup){
        .base = worker->base,
        .heritage = worker->heritage,
        .slots = &worker->slots,
        .handshakes = worker->handshakes,
        .done = on_player,
        .arg = worker,
    });
    if (!worker->accepting)
        give_up("watch the listening sockets");
}

static void open_entry(struct worker *worker)
{
    const struct conf *conf = &worker->heritage->conf;
    worker->names = names_make(worker->base, conf, on_name, worker);
    worker->handshakes = handshakes_make(&(struct handshakes_setup){
        .base = worker->base,
        .vault = worker->vault,
        .slots = &worker->slots,
        .conf = conf,
        .done = on_player,
        .room = on_room,
        .arg = worker,
    });
    if (!worker->handshakes)
        give_up("make the entry");
    worker->control = control_make(worker, worker->heritage->control_fd);
    if (!worker->control)
        give_up("make the control channel");
    open_door(worker);
}

// What the game has said by now is read and flushed, then everybody hears the end.
static void begin_end(struct worker *worker)
{
    worker->is_ending = true;
    accepting_free(worker->accepting);
    worker->accepting = NULL;
    handshakes_free(worker->handshakes);
    worker->handshakes = NULL;
    uint32_t n = worker->vault->head->slots_reserved;
    for (uint32_t i = 0; i < n; i++) {
        const _Atomic uint32_t *state = &worker->vault->slots[i].state;
        for (int turn = 0; turn < END_TURNS && *state == SLOT_LIVE; turn++)
            conn_serve(&worker->conns[i], RELAY_READY_ALL);
        if (*state != SLOT_LIVE)
            continue;
        slot_note_end(&worker->vault->slots[i], SLOT_END_STOP);
        relay_end(worker->vault, &worker->chunks, &worker->vault->slots[i]);
        conn_serve(&worker->conns[i], RELAY_READY_ALL);
    }
}

void worker_check_end(struct worker *worker)
{
    if (worker->is_ending && worker->n_live == 0)
        event_base_loopbreak(worker->base);
}

static void on_end_time(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    event_base_loopbreak(worker->base);
}

// Has an orderly end begun?
static void look_for_end(struct worker *worker)
{
    uint64_t until_ms = worker->vault->head->ending_until_ms;
    uint64_t now_ms = clock_boot_ms();
    if (until_ms == 0)
        return;
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct timeval left = {
        .tv_sec = (time_t)(left_ms / 1000),
        .tv_usec = (suseconds_t)(left_ms % 1000 * 1000),
    };
    event_base_once(worker->base, -1, EV_TIMEOUT, on_end_time, worker, &left);
    if (!worker->is_ending)
        begin_end(worker);
    worker_check_end(worker);
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
        worker->vault->head->ending_until_ms =
            clock_boot_ms() + worker->heritage->conf.stop_timeout_ms + 1;
    look_for_end(worker);
    retire_look(worker);
    open_door(worker);
    waiting_hurry(worker);
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
        event_base_once(worker->base, -1, EV_TIMEOUT, look_for_signals, worker, &soon) < 0)
        give_up("watch for signals");
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
    if (worker->heritage->is_alone) {
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
    worker->signals = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_signal, worker);
    if (fd < 0 || !worker->signals)
        give_up("watch for signals");
    await_signals(worker);
}

static void say_ready(struct worker *worker)
{
    worker->vault->head->worker_ready = 1;
    note_all_claims(worker);
    log_event(LOG_READY, "players=%u", worker->n_live);
}

// What libevent holds stays as it is: freeing it would reach into the epoll of the worker
// that goes on. It is noted here, a few kilobytes a takeover, so that a leak checker does
// not call it lost.
static void keep_reachable(const struct worker *worker)
{
    static struct forgotten {
        struct worker worker;
        struct forgotten *next;
    } * forgotten;
    struct forgotten *note = malloc(sizeof *note);
    if (!note)
        return;
    *note = (struct forgotten){*worker, forgotten};
    forgotten = note;
}

void worker_forget(struct worker *worker)
{
    keep_reachable(worker);
    if (worker->handshakes)
        handshakes_forget(worker->handshakes);
    record_forget_all();
    waiting_forget(&worker->waiting);
    chunk_pool_free(&worker->chunks);
    cell_pool_free(&worker->cells);
    slot_pool_free(&worker->slots);
    ids_free(worker->ids);
    free(worker->conns);
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
        give_up("make an event loop");
    event_config_free(config);
    heritage_claim_poll(vault, lowest);
    return base;
}

void worker_run(const struct heritage *heritage, uint64_t expected)
{
    struct worker worker = {.heritage = heritage};
    struct vault vault = heritage->vault;
    worker.vault = &vault;
    if (!lease_take(&vault.head->table, expected))
        _exit(0);
    title_set("stayd: worker");
    death_note_prepare(vault.head);
    seed_openssl();
    worker.base = make_base(&vault);
    take_up(&worker);
    if (waiting_make(&worker) < 0)
        give_up("make the waiting list");
    close_poison(&worker);
    loops_start(&worker);
    serve_all(&worker);
    games_start(&worker);
    watch_signals(&worker);
    guard_watch_start(&worker);
    open_entry(&worker);
    struct event *housekeeping = event_new(worker.base, -1, EV_PERSIST, keep_house, &worker);
    struct timeval every = {.tv_sec = HOUSEKEEPING_S};
    if (!housekeeping || event_add(housekeeping, &every) < 0)
        give_up("start housekeeping");
    say_ready(&worker);
    look_for_end(&worker); // which may have begun in an earlier worker's time
    if (!worker.is_ending || worker.n_live)
        event_base_dispatch(worker.base);
    if (!worker.is_ending)
        give_up("run the event loop");
    vault.head->has_ended = 1;

    event_free(housekeeping);
    event_free(worker.signals);
    guard_watch_stop();
    handshakes_free(worker.handshakes);
    accepting_free(worker.accepting);
    control_free(worker.control);
    if (heritage->is_alone) // otherwise the guard does it
        unlink(heritage->conf.control);
    names_free(worker.names);
    games_stop(&worker);
    waiting_free(&worker.waiting);
    chunk_pool_free(&worker.chunks);
    cell_pool_free(&worker.cells);
    slot_pool_free(&worker.slots);
    ids_free(worker.ids);
    event_base_free(worker.base); // may still know events in conns
    free(worker.conns);
    exit(0);
}
