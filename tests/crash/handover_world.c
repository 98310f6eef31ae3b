// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players on their way from an entry to a slot (handover_world.h).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handover_world.h"

#include "../unit/connection.h"
#include "base/log.h"
#include "entry/farewell.h"
#include "guard/sweep.h"
#include "players/conn.h"
#include "players/crowd.h"
#include "players/players.h"
#include "process/clone.h"
#include "vault/flow.h"
#include "vault/handover.h"
#include "vault/point.h"
#include "vault/slot.h"
#include "vault/verify.h"
#include "worker/inbox.h"
#include "worker/take_up.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define SEATS 4u
#define PLAYERS HANDOVER_PLAYERS
#define LEAVER 1u // leaves before anybody has seen it
#define SERIAL 7u
#define TURNS 8
#define PATIENCE_S 20
#define TYPED "look\r\n"
// The test's own places among what is claimed.
#define OWN_FDS 100u
#define OWN_SENDING 110u
#define OWN_PLAYERS 111u

struct handover_trap *handover_trap;

struct world {
    struct vault vault;
    bool is_tls;
    bool is_full; // no seat is left
    struct record_params params;
    int sending; // -1: the entry is dead
    bool is_entry_doomed;
    struct {
        int fd;
        struct record_key send_key;
        struct record_key receive_key;
        struct record_state send_state;
    } player[PLAYERS];
};

static struct heritage heritage;
static int listener;
static bool is_worker;

// ---- The worker ----

static void note_slots(const struct vault *vault)
{
    slot_each_live(vault, slot) {
        unsigned i = 0;
        while (i < handover_trap->n_in && handover_trap->in[i].key != slot->arrival)
            i++;
        if (i == PLAYERS ||
            (i < handover_trap->n_in && memcmp(handover_trap->in[i].id, slot->id, 16) != 0)) {
            handover_trap->is_twice = true;
        } else if (i == handover_trap->n_in) {
            handover_trap->in[i].key = slot->arrival;
            memcpy(handover_trap->in[i].id, slot->id, 16);
            handover_trap->n_in++;
        }
    }
}

void point_reached(enum point point)
{
    if (!is_worker)
        return;
    note_slots(&heritage.vault);
    if (handover_trap->n_deaths == HANDOVER_DEATHS ||
        ++handover_trap->n_seen != handover_trap->death[handover_trap->n_deaths])
        return;
    handover_trap->at[handover_trap->n_deaths++] = point;
    handover_trap->n_seen = 0;
    kill(getpid(), SIGKILL);
}

// As worker.c. What it has made goes before it, so that what it has left open can be seen.
static _Noreturn void serve(void)
{
    struct vault vault = heritage.vault;
    struct players players = {.heritage = &heritage, .vault = &vault};
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    is_worker = true;
    players.base = event_base_new();
    take_up(&vault);
    if (crowd_make(&players) < 0)
        _exit(1);
    crowd_close_poison(&players);
    crowd_serve(&players);
    struct inbox *inbox = inbox_make(&players);
    inbox_look(inbox);
    for (int i = 0; i < TURNS; i++) {
        event_base_loop(players.base, EVLOOP_NONBLOCK);
        slot_each_live(&vault, slot)
            conn_wake(conn_of(&players, slot), 0); // as the clock would
    }
    inbox_free(inbox);
    crowd_stop(&players);
    event_base_free(players.base);
    _exit(0);
}

// ---- The guard ----

static void see_broken(void *arg, uint32_t slot, enum invariant invariant)
{
    (void)arg;
    fprintf(stderr, "slot %u breaks I%d\n", slot, invariant);
}

static bool is_claimed(const struct vault *vault, int fd)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        if (vault_guard_fds(vault)[i] == fd)
            return true;
    slot_each_live(vault, slot)
        if (slot->player_fd == fd || slot->game_fd == fd)
            return true;
    return false;
}

static void assert_all_are_claimed(const struct vault *vault)
{
    for (int fd = 0; fd < 256; fd++)
        assert_true(fcntl(fd, F_GETFD) < 0 || is_claimed(vault, fd));
}

// With an order that it has not heard.
static void entry_dies(struct world *world)
{
    handover_order(vault_guard_fds(&world->vault)[VAULT_ENTRY_QUEUES], HANDOVER_RETIRE);
    heritage_claim(&world->vault, OWN_SENDING, -1);
    close(world->sending);
    world->sending = -1;
    world->is_entry_doomed = false;
}

// One worker. Returns how it ended.
static int work_once(const struct vault *vault)
{
    int pidfd;
    int status;
    pid_t pid = clone_sharing_table(&pidfd);
    assert_true(pid >= 0);
    if (pid == 0)
        serve();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pidfd);
    note_slots(vault);
    assert_int_equal(verify_all(vault, see_broken, NULL), 0);
    if (WIFEXITED(status))
        assert_all_are_claimed(vault);
    sweep_descriptors(vault);
    return status;
}

// Workers, until one does not die. A doomed entry dies when the first has ended.
static void work(struct world *world)
{
    for (;;) {
        int status = work_once(&world->vault);
        if (WIFEXITED(status))
            assert_int_equal(WEXITSTATUS(status), 0);
        else
            assert_int_equal(WTERMSIG(status), SIGKILL);
        if (WIFEXITED(status) && !world->is_entry_doomed)
            return;
        if (world->is_entry_doomed)
            entry_dies(world);
    }
}

// ---- The players and their entry ----

static void make_keys(struct world *world, unsigned i)
{
    uint8_t secret[48];
    memset(secret, 0x11 + (int)i, sizeof secret);
    assert_true(record_key_tls13(&world->params, secret, 32, &world->player[i].send_key));
    memset(secret, 0x81 + (int)i, sizeof secret);
    assert_true(record_key_tls13(&world->params, secret, 32, &world->player[i].receive_key));
}

// What the player does is there where stayd is going to look.
static void await(int ours, short what)
{
    struct pollfd poll_fd = {.fd = ours, .events = what};
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_S * 1000), 1);
}

static void player_says(struct world *world, unsigned i, const char *text, size_t n)
{
    uint8_t record[128];
    if (world->is_tls)
        n = record_seal(&world->params, &world->player[i].send_key, &world->player[i].send_state,
                        (const uint8_t *)text, n, record, sizeof record,
                        &world->player[i].send_state);
    const void *bytes = world->is_tls ? (const void *)record : text;
    assert_int_equal(send(world->player[i].fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void player_leaves(struct world *world, unsigned i)
{
    uint8_t record[64];
    size_t n = 0;
    if (world->is_tls)
        n = record_seal_alert(&world->params, &world->player[i].send_key,
                              &world->player[i].send_state, RECORD_CLOSE_NOTIFY, record,
                              sizeof record, &world->player[i].send_state);
    assert_int_equal(send(world->player[i].fd, record, n, MSG_NOSIGNAL), (ssize_t)n);
    assert_int_equal(shutdown(world->player[i].fd, SHUT_WR), 0);
}

// Comes, says something or leaves, and is handed over.
static void player_comes(struct world *world, unsigned i)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct handover message = {
        .number = i + 1,
        .arrival = {.address = {[10] = 0xff, [11] = 0xff, [15] = (uint8_t)i}, .port = 1}};
    int ours;
    connection_join(listener, &world->player[i].fd, &ours);
    setsockopt(world->player[i].fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    heritage_claim(&world->vault, OWN_PLAYERS + i, world->player[i].fd);
    if (world->is_tls) {
        make_keys(world, i);
        message.arrival.tls_version = RECORD_TLS13;
        message.arrival.suite = 0x1301;
        message.arrival.cipher = RECORD_AES_128_GCM;
        message.arrival.write_limit = RECORD_MAX_TEXT;
        message.arrival.keys[TO_GAME] = world->player[i].send_key;
        message.arrival.keys[TO_PLAYER] = world->player[i].receive_key;
    }
    if (i == LEAVER)
        player_leaves(world, i);
    else
        player_says(world, i, TYPED, sizeof TYPED - 1);
    await(ours, i == LEAVER ? POLLRDHUP : POLLIN);
    assert_int_equal(handover_send(world->sending, &message, ours), 0);
    close(ours);
}

// Everything that the player is told, to the end.
static void assert_hears(struct world *world, unsigned i, const char *words)
{
    uint8_t wire[1024];
    char heard[1024];
    struct record_state state = {0};
    size_t n = 0, n_heard = 0;
    bool is_closed = false;
    ssize_t got;
    while ((got = recv(world->player[i].fd, wire + n, sizeof wire - n, 0)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0);
    for (size_t at = 0; world->is_tls && at < n;) {
        struct record_opened opened;
        assert_false(is_closed);
        record_open(&world->params, &world->player[i].receive_key, &state, wire + at, n - at,
                    (uint8_t *)heard + n_heard, sizeof heard - n_heard, &opened);
        assert_true(opened.status == RECORD_TEXT || opened.status == RECORD_CLOSED);
        is_closed = opened.status == RECORD_CLOSED;
        state = opened.state;
        n_heard += opened.n_text;
        at += opened.n_read;
    }
    assert_int_equal(is_closed, world->is_tls);
    if (!world->is_tls)
        memcpy(heard, wire, n_heard = n);
    assert_int_equal(n_heard, strlen(words));
    assert_memory_equal(heard, words, n_heard);
}

static void assert_hears_nothing(const struct world *world, unsigned i)
{
    char byte;
    assert_int_equal(recv(world->player[i].fd, &byte, 1, MSG_DONTWAIT), -1);
}

// ---- A life ----

static struct vault_entry *entry_of(const struct world *world)
{
    return &vault_entries(&world->vault)->place[0];
}

static void world_make(struct world *world)
{
    int queue;
    assert_int_equal(vault_make(&world->vault, SEATS), 0);
    heritage.vault = world->vault;
    assert_int_equal(handover_make(&queue, &world->sending), 0);
    const int claimed[] = {0, 1, 2, world->vault.fd, listener};
    for (unsigned i = 0; i < sizeof claimed / sizeof *claimed; i++)
        heritage_claim(&world->vault, OWN_FDS + i, claimed[i]);
    heritage_claim(&world->vault, OWN_SENDING, world->sending);
    heritage_claim(&world->vault, VAULT_ENTRY_QUEUES, queue);
    *entry_of(world) = (struct vault_entry){.state = ENTRY_MADE, .serial = SERIAL};
    world->params = (struct record_params){.version = RECORD_TLS13, .cipher = RECORD_AES_128_GCM};
    if (world->is_full)
        assert_int_equal(vault_reserve_slots(&world->vault, SEATS), 0);
    for (unsigned i = 0; world->is_full && i < SEATS; i++) {
        world->vault.slots[i].player_fd = -1;
        world->vault.slots[i].game_fd = -1;
        world->vault.slots[i].state = SLOT_QUARANTINED;
    }
}

// Closed by a reset, so that no port is kept busy.
static void world_free(struct world *world)
{
    const struct linger reset = {.l_onoff = 1};
    int vault_fd = world->vault.fd;
    int queue = vault_guard_fds(&world->vault)[VAULT_ENTRY_QUEUES];
    slot_each_live(&world->vault, slot)
        close(slot->player_fd);
    for (unsigned i = 0; i < PLAYERS; i++) {
        setsockopt(world->player[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(world->player[i].fd);
    }
    if (world->sending >= 0)
        close(world->sending);
    close(queue);
    vault_unmap(&world->vault);
    close(vault_fd);
}

static bool is_live(const struct world *world, unsigned i)
{
    slot_each_live(&world->vault, slot)
        if (slot->arrival == handover_key(SERIAL, i + 1))
            return true;
    return false;
}

static void assert_seated(struct world *world)
{
    assert_hears(world, LEAVER, "");
    for (unsigned i = 0; i < PLAYERS; i++)
        assert_int_equal(is_live(world, i), i != LEAVER);
    slot_each_live(&world->vault, slot) {
        const struct flow_state *state = flow_now(&slot->flow[TO_GAME]);
        assert_int_equal(flow_unsent(state, TO_GAME), sizeof TYPED - 1);
        assert_int_equal(state->record.seq, world->is_tls);
    }
    for (unsigned i = 0; i < PLAYERS; i++)
        if (i != LEAVER)
            assert_hears_nothing(world, i);
}

static void assert_told_and_gone(struct world *world)
{
    char words[128];
    snprintf(words, sizeof words, "%s\r\n", farewell_words(GATE_FULL));
    for (unsigned i = 0; i < PLAYERS; i++) {
        assert_hears(world, i, words);
        if (i == LEAVER)
            continue;
        player_leaves(world, i);
        slot_each_live(&world->vault, slot)
            if (slot->arrival == handover_key(SERIAL, i + 1))
                await(slot->player_fd, POLLRDHUP);
    }
    work(world);
    for (unsigned i = 0; i < PLAYERS; i++)
        assert_false(is_live(world, i));
}

void handover_live(const struct handover_life *life)
{
    struct world world = {
        .is_tls = life->is_tls, .is_full = life->is_full, .is_entry_doomed = life->is_entry_doomed};
    world_make(&world);
    for (unsigned i = 0; i < PLAYERS; i++) {
        player_comes(&world, i);
        if (i == LEAVER)
            assert_int_equal(send(world.sending, "no message", 10, 0), 10);
    }
    work(&world);
    assert_false(handover_trap->is_twice);
    assert_int_equal(handover_trap->n_in, PLAYERS);
    assert_int_equal(entry_of(&world)->taken, PLAYERS);
    assert_int_equal(entry_of(&world)->state, life->is_entry_doomed ? ENTRY_READ_OUT : ENTRY_MADE);
    if (life->is_full)
        assert_told_and_gone(&world);
    else
        assert_seated(&world);
    assert_false(handover_trap->is_twice);
    world_free(&world);
}

// Two crashes were over the first message: nobody else is thrown away with it.
void handover_live_after_crashes(const struct handover_life *life)
{
    struct world world = {.is_tls = life->is_tls};
    world_make(&world);
    for (unsigned i = 0; i < PLAYERS; i++)
        player_comes(&world, i);
    entry_of(&world)->crashes = 2;
    work(&world);
    assert_false(handover_trap->is_twice);
    for (unsigned i = 0; i < PLAYERS; i++)
        assert_int_equal(is_live(&world, i), i > 0 && i != LEAVER);
    assert_int_equal(handover_trap->n_in, PLAYERS - 1);
    assert_int_equal(entry_of(&world)->crashes, 0);
    world_free(&world);
}

bool handover_init(void)
{
    handover_trap = mmap(NULL, sizeof *handover_trap, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    heritage.conf.n_games = 1;
    heritage.conf.game[0].hold_ms = CONF_FOREVER;
    log_set_level(LOG_LEVEL_ERROR);
    listener = connection_listen();
    return handover_trap != MAP_FAILED && record_init();
}
