// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstayd-preload.so: gives a game on TCP that was never changed its players' real addresses. It
// stands, by LD_PRELOAD (ld.so(8)), before three functions of the C library:
//
//   accept, accept4  a connection from stayd (trust.h) begins with a PROXY header (announce.h). It
//                    is read, and the player's address is answered and kept (keep.h).
//   getpeername      answers what is kept.
//
// Without STAYD_PRELOAD (settings.h) it does nothing at all. It has no state but what stands in
// that variable and, where sockets cannot keep it, the addresses in memory that is never freed and
// shared without a lock (table.h): so threads, forks and signals do not matter to it.
//
// Errors: a connection of which it cannot be told whose it is is closed, and accept goes on as if
// it had never been: better nobody than one with a wrong address. A STAYD_PRELOAD that cannot be
// understood ends the process at its start, for the same reason.
#include "announce.h"
#include "keep.h"
#include "say.h"
#include "settings.h"
#include "trust.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define BAD_SETTINGS                                                                               \
    "libstayd-preload: STAYD_PRELOAD cannot be understood; "                                       \
    "it is the game's ports and uid=NUMBER, for example \"2860 uid=998\"\n"

typedef int accept4_fn(int fd, struct sockaddr *address, socklen_t *n, int flags);
typedef int getpeername_fn(int fd, struct sockaddr *address, socklen_t *n);

static accept4_fn *real_accept4;
static getpeername_fn *real_getpeername;
static struct settings settings;

// Another library's start may come before ours, and may accept.
static void find_real(void)
{
    if (!real_accept4 || !real_getpeername) {
        real_getpeername = (getpeername_fn *)dlsym(RTLD_NEXT, "getpeername");
        real_accept4 = (accept4_fn *)dlsym(RTLD_NEXT, "accept4");
    }
}

__attribute__((constructor)) static void start(void)
{
    find_real();
    say_begin();
    if (settings_read(&settings, getenv("STAYD_PRELOAD")))
        return;
    if (write(STDERR_FILENO, BAD_SETTINGS, sizeof BAD_SETTINGS - 1) < 0)
        _exit(2);
    _exit(1);
}

// As the kernel does it (accept(2)): cut to the n_room bytes there are, and the true length said.
static void answer(const struct sockaddr_storage *player, struct sockaddr *address,
                   socklen_t n_room, socklen_t *n)
{
    if (!address || !n)
        return;
    const socklen_t n_player =
        player->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memcpy(address, player, n_room < n_player ? n_room : n_player);
    *n = n_player;
}

// Whose connection is it? TRUST_STAYD: *player is kept there.
static enum trust meet(int fd, struct sockaddr_storage *player)
{
    static atomic_flag is_silence_said = ATOMIC_FLAG_INIT;
    struct sockaddr_storage local = {0}, peer = {0};
    socklen_t n_local = sizeof local, n_peer = sizeof peer;
    if (getsockname(fd, (struct sockaddr *)&local, &n_local) < 0)
        return TRUST_GONE;
    if (local.ss_family != AF_INET && local.ss_family != AF_INET6)
        return TRUST_STRANGER;
    if (real_getpeername(fd, (struct sockaddr *)&peer, &n_peer) < 0)
        return TRUST_GONE;
    const enum trust trust = trust_look(&settings, &local, &peer);
    if (trust != TRUST_STAYD)
        return trust;
    if (!announce_take(fd, player)) {
        say_once(&is_silence_said,
                 "a connection of stayd's user has brought no PROXY header and is closed; does the "
                 "game's section in stayd.conf say header = proxy-v2?");
        return TRUST_GONE;
    }
    announce_fit(player, local.ss_family);
    return keep_put(fd, player) ? TRUST_STAYD : TRUST_GONE;
}

static bool is_non_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && flags & O_NONBLOCK;
}

// A connection that was given up was never there: whoever does not block gets the next one, or
// EAGAIN, which all of them know. Who blocks may do so for one connection only.
static int accept_player(int listener, struct sockaddr *address, socklen_t *n, int flags)
{
    const socklen_t n_room = address && n ? *n : 0;
    struct sockaddr_storage player;
    const int error = errno;
    find_real();
    for (;;) {
        const int fd = real_accept4(listener, address, n, flags);
        if (fd < 0 || settings.n_ports == 0)
            return fd;
        const enum trust trust = meet(fd, &player);
        if (trust == TRUST_STAYD)
            answer(&player, address, n_room, n);
        if (trust != TRUST_GONE) {
            errno = error;
            return fd;
        }
        close(fd);
        if (address && n)
            *n = n_room;
        if (!is_non_blocking(listener)) {
            errno = ECONNABORTED;
            return -1;
        }
    }
}

EXPORT int accept4(int listener, __SOCKADDR_ARG address, socklen_t *restrict n, int flags)
{
    return accept_player(listener, address.__sockaddr__, n, flags);
}

EXPORT int accept(int listener, __SOCKADDR_ARG address, socklen_t *restrict n)
{
    return accept_player(listener, address.__sockaddr__, n, 0);
}

EXPORT int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *restrict n)
{
    struct sockaddr_storage player;
    find_real();
    const socklen_t n_room = settings.n_ports && n ? *n : 0;
    const int status = real_getpeername(fd, address.__sockaddr__, n);
    if (status == 0 && settings.n_ports && keep_find(fd, &player))
        answer(&player, address.__sockaddr__, n_room, n);
    return status;
}
