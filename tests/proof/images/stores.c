// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A guard that gives players' descriptors to a service manager, and the start that takes them back
// when all processes have died (guard/store/), for every state in which a death can leave them
// (explore.h). The manager is played here: it keeps what it is given, until it is told otherwise.
//
// Whatever a dead guard had done: whose claims have not changed is in the store, and so is the
// connection of each player that was there before. When a guard has come to its end, everybody is.
//
// Errors: as explore.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripts.h"

#include "guard/guard_part.h"
#include "guard/store/manager.h"
#include "guard/store/restore.h"
#include "guard/store/store.h"
#include "guard/sweep.h"
#include "players/players.h"
#include "process/clone.h"
#include "vault/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 8u
#define PLAYERS 4u
#define KEPT 16u       // that the manager has at once, at most
#define STEP_MS 30000u // longer than the store waits for anything
#define OWN_FDS 120u   // the test's places among what is claimed

static struct {
    struct heritage heritage;
    struct stored stored;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot *slot[PLAYERS]; // NULL: not there
    int player[PLAYERS];        // the other ends
    int link[PLAYERS];
    int manager;
    struct {
        char name[MANAGER_NAME_BYTES];
        int fd;
    } kept[KEPT];
    unsigned n_kept;
    unsigned n_claimed;
} town;

static int claim(int fd)
{
    assert_true(fd >= 0);
    heritage_claim(&town.heritage.vault, OWN_FDS + town.n_claimed++, fd);
    return fd;
}

// ---- Players ----

// The far end is moved out of the way of the descriptors that a start is passed.
static int make_pair(int *far)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *far = claim(fcntl(ends[0], F_DUPFD_CLOEXEC, 200));
    close(ends[0]);
    return ends[1];
}

static void note_claims(const struct slot *slot)
{
    struct players players = {.vault = &town.heritage.vault};
    players_note_claims(&players, slot);
}

static void player_comes(unsigned i)
{
    struct slot *slot = slot_prepare(&town.slots);
    assert_non_null(slot);
    town.slot[i] = slot;
    slot_claim(slot, make_pair(&town.player[i]));
    slot_link(slot, make_pair(&town.link[i]), SLOT_FLAG_LINKED);
    note_claims(slot);
}

static void player_is_linked_again(unsigned i)
{
    int before = town.slot[i]->game_fd;
    slot_link(town.slot[i], make_pair(&town.link[i]), SLOT_FLAG_LINKED);
    slot_end_fd(before);
    note_claims(town.slot[i]);
}

static void player_leaves(unsigned i)
{
    struct slot *slot = town.slot[i];
    town.slot[i] = NULL;
    slot_free(&town.slots, &town.chunks, &town.cells, slot);
    note_claims(slot);
}

// ---- The manager ----

static void forget(const char *name)
{
    for (unsigned i = 0; i < town.n_kept;) {
        if (strcmp(town.kept[i].name, name) != 0) {
            i++;
            continue;
        }
        close(town.kept[i].fd);
        town.kept[i] = town.kept[--town.n_kept];
    }
}

static void keep(const char *name, int fd)
{
    assert_true(town.n_kept < KEPT);
    snprintf(town.kept[town.n_kept].name, MANAGER_NAME_BYTES, "%s", name);
    town.kept[town.n_kept++].fd = fcntl(fd, F_DUPFD_CLOEXEC, 300);
    close(fd);
}

static bool hear_one(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char text[128];
    int fd = -1;
    struct iovec iovec = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &iovec,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(town.manager, &message, MSG_DONTWAIT);
    if (n < 0)
        return false;
    text[n] = '\0';
    if (CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    const char *name = strstr(text, "FDNAME=");
    assert_non_null(name);
    if (strncmp(text, "FDSTOREREMOVE=1", 15) == 0)
        forget(name + strlen("FDNAME="));
    else
        keep(name + strlen("FDNAME="), fd);
    return true;
}

static void begin_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(name, sizeof name, "@stayd-images-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("FDSTORE", "512", 1);
    town.manager = claim(fcntl(fd, F_DUPFD_CLOEXEC, 200));
    close(fd);
}

// Is a descriptor of this slot, of this link (0: its player's), in the store?
static bool is_kept(const struct slot *slot, uint32_t link)
{
    const uint32_t index = vault_slot_index(&town.heritage.vault, slot);
    for (unsigned i = 0; i < town.n_kept; i++) {
        struct stored_fd what[CRATE_MAX_FDS];
        int fds[CRATE_MAX_FDS];
        unsigned n = 0;
        bool is_there = false;
        if (*town.kept[i].name != STORE_SLOT)
            continue;
        assert_true(crate_look(town.kept[i].fd, what, sizeof what, fds, &n) > 0);
        for (unsigned at = 0; at < n; at++) {
            is_there |= what[at].slot == index && what[at].link == link &&
                        memcmp(what[at].id, slot->id, sizeof slot->id) == 0;
            close(fds[at]);
        }
        if (is_there)
            return true;
    }
    return false;
}

static void assert_all_are_kept(void)
{
    for (unsigned i = 0; i < PLAYERS; i++)
        if (town.slot[i])
            assert_true(is_kept(town.slot[i], 0) && is_kept(town.slot[i], town.slot[i]->n_links));
}

// ---- The guard ----

static _Noreturn void be_guard(void)
{
    static struct guard guard;
    guard = (struct guard){.vault = town.heritage.vault, .heritage = &town.heritage};
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    store_begin(&guard);
    for (uint64_t now_ms = STEP_MS; guard.store.is_due && now_ms < 9 * STEP_MS; now_ms += STEP_MS)
        store_step(&guard, now_ms);
    _exit(guard.store.is_due);
}

// Guards, until one is not killed; each time the manager hears what was said. `look` is called for
// what a dead one has left.
static void guards_work(void (*look)(void))
{
    int status;
    do {
        int pidfd;
        pid_t pid = clone_sharing_table(&pidfd);
        assert_true(pid >= 0);
        if (pid == 0)
            be_guard();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(pidfd);
        while (hear_one())
            continue;
        for (unsigned i = 0; i < KEPT; i++) // of whom the manager is another process
            heritage_claim(&town.heritage.vault, 150 + i, i < town.n_kept ? town.kept[i].fd : -1);
        sweep_descriptors(&town.heritage.vault);
        look();
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    } while (WIFSIGNALED(status));
    assert_all_are_kept();
    assert_true(town.n_kept <= 4); // the guard's crate and one of slots, and one too many of each
}

static void look_at_nothing(void)
{
}

// The first two were stored; then 0 was linked again, 1 has left, 3 has come.
static void assert_who_was_there_is_kept(void)
{
    assert_true(is_kept(town.slot[0], 0));
    assert_true(is_kept(town.slot[2], 0));
    assert_true(is_kept(town.slot[2], town.slot[2]->n_links));
}

// ---- A start ----

static bool speaks(int end, int fd)
{
    char got = 0;
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return send(end, "x", 1, flags) == 1 && recv(fd, &got, 1, flags) == 1 && got == 'x';
}

// In a process with a table of its own: it has what it was passed, and the far ends.
static _Noreturn void be_start(void)
{
    char text[KEPT * MANAGER_NAME_BYTES] = "";
    char number[16];
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    for (unsigned i = 0; i < town.n_kept; i++) {
        dup2(town.kept[i].fd, (int)(MANAGER_FIRST_FD + i));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ":" : "",
                 town.kept[i].name);
    }
    close_range(MANAGER_FIRST_FD + town.n_kept, 199, 0);
    close_range(300, ~0u, 0);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof number, "%u", town.n_kept);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", text, 1);
    if (!restore_slots(&town.heritage, &town.stored))
        _exit(1);
    for (unsigned i = 0; i < PLAYERS; i++) {
        const struct slot *slot = town.slot[i];
        if (slot && (slot->state != SLOT_LIVE || !speaks(town.player[i], slot->player_fd) ||
                     slot->game_fd < 0 || !speaks(town.link[i], slot->game_fd)))
            _exit(2 + (int)i);
    }
    _exit(0);
}

static void starts_until_one_lives(void)
{
    int status;
    do {
        int pidfd;
        pid_t pid = clone_with_copy(&pidfd);
        assert_true(pid >= 0);
        if (pid == 0)
            be_start();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(pidfd);
    } while (WIFSIGNALED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void store_and_restore(void)
{
    struct vault *vault = &town.heritage.vault;
    assert_int_equal(vault_make(vault, SEATS), 0);
    assert_int_equal(slot_pool_make(&town.slots, vault), 0);
    assert_int_equal(chunk_pool_make(&town.chunks, vault), 0);
    assert_int_equal(cell_pool_make(&town.cells, vault), 0);
    for (int fd = 0; fd < 3; fd++)
        claim(fd);
    vault->fd = town.heritage.vault.fd = claim(fcntl(vault->fd, F_DUPFD_CLOEXEC, 200));
    begin_manager();
    heritage_claim(vault, HERITAGE_CLAIMS, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    town.heritage.conf.control = strdup("/nowhere/control");
    town.heritage.conf.store_players = SEATS;
    strcpy(town.heritage.conf.game[0].name, "mush");
    town.heritage.conf.n_games = 1;
    town.heritage.program = strdup("/nowhere/stayd");
    town.heritage.lock_fd = town.heritage.control_fd = -1;
    town.stored.before.conf = town.heritage.conf;
    for (unsigned i = 0; i < 3; i++)
        player_comes(i);
    guards_work(look_at_nothing);
    player_is_linked_again(0);
    player_leaves(1);
    player_comes(3);
    guards_work(assert_who_was_there_is_kept);
    starts_until_one_lives();
}

const struct script scripts[] = {
    {"store-and-restore", store_and_restore},
    {NULL, NULL},
};
