// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Descriptors (limits.h).
#include "guard/limits.h"

#include "entry/run.h"
#include "guard/store/crate.h"
#include "guard/store/manager.h"
#include "process/heritage.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

// Beyond players' and games': epoll, pidfds, name lookups; what a reload opens before it closes.
#define OWN_FDS 64u
#define TABLE_FDS (OWN_FDS + HERITAGE_MAX_SOCKETS + CONF_CONTROL_CONNECTIONS + VAULT_FAREWELLS)

// The same number bounds what is in flight of all of this user's processes (unix(7)). A store's crates
// can hold all of players' and games', two of them twice while they change; 500 are left for those who
// come.
#define FLIGHT_FDS (2 * CRATE_MAX_FDS + 500u)

static_assert(FLIGHT_FDS >= TABLE_FDS, "n_others");

static uint64_t n_others(void)
{
    return manager_has_store() ? FLIGHT_FDS : TABLE_FDS;
}

static bool complain(const char *what)
{
    fprintf(stderr, "stayd: limits: %s: %s\n", what, strerror(errno));
    return false;
}

// Two descriptors a player: how many players does the limit allow?
bool limits_fit_players(const struct conf *conf, uint32_t *n_seats)
{
    struct rlimit limit;
    const uint64_t others = n_others();
    const uint64_t wanted = 2ull * conf->max_players + others;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return complain("RLIMIT_NOFILE");
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};
    if (limit.rlim_max < wanted && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return complain("RLIMIT_NOFILE");
    *n_seats = conf->max_players;
    if (limit.rlim_cur >= wanted)
        return true;
    if (limit.rlim_cur < others + 2) {
        fprintf(stderr,
                "stayd: RLIMIT_NOFILE is %llu, too low for a single player; raise it to %llu\n",
                (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
        return false;
    }
    *n_seats = (uint32_t)((limit.rlim_cur - others) / 2);
    fprintf(stderr,
            "stayd: max-players is %u, but RLIMIT_NOFILE (%llu) allows %u; raise it to %llu "
            "(LimitNOFILE= in a unit)\n",
            conf->max_players, (unsigned long long)limit.rlim_cur, *n_seats,
            (unsigned long long)wanted);
    return true;
}

void limits_fit_handshakes(struct conf *conf, FILE *remarks)
{
    struct rlimit limit;
    const uint64_t wanted = ENTRY_OTHER_FDS + conf->max_handshakes;
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted ||
        setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return;
    const uint32_t configured = conf->max_handshakes;
    const uint32_t room = entry_fit_handshakes(conf);
    fprintf(remarks,
            "%s: max-handshakes is %u, but RLIMIT_NOFILE (%llu) leaves room for %u; raise it to "
            "%llu (LimitNOFILE= in a unit) and restart stayd\n",
            conf->path, configured, (unsigned long long)limit.rlim_cur, room,
            (unsigned long long)wanted);
}
