// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A guard that sweeps up after a worker (guard/sweep.h), for every state in which its death can leave
// the descriptor table (explore.h): what is claimed is open all the time, and in the end nothing
// else is.
//
// Errors: as explore.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripts.h"

#include "guard/sweep.h"
#include "process/clone.h"
#include "process/heritage.h"
#include "vault/slot.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEATS 4u
#define PLAYERS 3u
#define HIGHEST 64

static struct vault vault;
static int far_end[PLAYERS];

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void leave_open(void)
{
    assert_true(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

// Each player between descriptors that a dead worker has left, one of them beyond all others.
static void make_players(struct slot_pool *slots)
{
    for (unsigned i = 0; i < PLAYERS; i++) {
        int ends[2];
        leave_open();
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        far_end[i] = ends[0];
        heritage_claim(&vault, 8 + i, ends[0]);
        slot_claim(slot_prepare(slots), ends[1]);
        leave_open();
        leave_open();
    }
    assert_int_equal(fcntl(0, F_DUPFD_CLOEXEC, HIGHEST), HIGHEST);
}

static void assert_all_claimed_are_open(void)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        if (vault_guard_fds(&vault)[i] >= 0)
            assert_true(is_open(vault_guard_fds(&vault)[i]));
    slot_each_live(&vault, slot)
        assert_true(is_open(slot->player_fd));
}

static _Noreturn void be_guard(void)
{
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    sweep_descriptors(&vault);
    _exit(0);
}

static void sweep(void)
{
    struct slot_pool slots;
    unsigned n_open = 0;
    unsigned n_claimed = 4 + PLAYERS; // the standard ones, the vault's, the far ends
    int status;
    assert_int_equal(vault_make(&vault, SEATS), 0);
    assert_int_equal(slot_pool_make(&slots, &vault), 0);
    for (int fd = 0; fd < 3; fd++)
        heritage_claim(&vault, (unsigned)fd, fd);
    heritage_claim(&vault, 3, vault.fd);
    make_players(&slots);
    do {
        int pidfd;
        pid_t pid = clone_sharing_table(&pidfd);
        assert_true(pid >= 0);
        if (pid == 0)
            be_guard();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_all_claimed_are_open();
    } while (WIFSIGNALED(status));
    for (int fd = 0; fd <= HIGHEST; fd++)
        n_open += is_open(fd);
    assert_int_equal(n_open, n_claimed + PLAYERS);
    for (unsigned i = 0; i < PLAYERS; i++) {
        char got = 0;
        assert_int_equal(send(far_end[i], "x", 1, MSG_NOSIGNAL), 1);
        assert_int_equal(recv(vault.slots[i].player_fd, &got, 1, MSG_DONTWAIT), 1);
    }
}

const struct script scripts[] = {
    {"sweep", sweep},
    {NULL, NULL},
};
