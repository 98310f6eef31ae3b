// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Descriptors (limits.h).
#include "guard/limits.h"

#include "entry/linger.h"
#include "process/heritage.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define OWN_FDS                                                                                    \
    64u // beyond players, handshakes, listeners and control: epoll, pidfds, name lookups

// Of neither players nor handshakes.
#define OTHER_FDS (OWN_FDS + LINGER_MAX + HERITAGE_MAX_SOCKETS + CONF_CONTROL_CONNECTIONS)

static bool complain(const char *what)
{
    fprintf(stderr, "stayd: limits: %s: %s\n", what, strerror(errno));
    return false;
}

// Two descriptors a player: how many players does the limit allow?
bool limits_fit_players(const struct conf *conf, uint32_t *n_slots)
{
    struct rlimit limit;
    uint64_t others = conf->max_handshakes + OTHER_FDS;
    uint64_t wanted = 2ull * conf->max_players + others;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return complain("RLIMIT_NOFILE");
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};
    if (limit.rlim_max < wanted && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return complain("RLIMIT_NOFILE");
    *n_slots = conf->max_players;
    if (limit.rlim_cur >= wanted)
        return true;
    if (limit.rlim_cur < others + 2) {
        fprintf(stderr,
                "stayd: RLIMIT_NOFILE is %llu, too low for a single player; raise it to %llu\n",
                (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
        return false;
    }
    *n_slots = (uint32_t)((limit.rlim_cur - others) / 2);
    fprintf(stderr,
            "stayd: max-players is %u, but RLIMIT_NOFILE (%llu) allows %u; raise it to %llu "
            "(LimitNOFILE= in a unit)\n",
            conf->max_players, (unsigned long long)limit.rlim_cur, *n_slots,
            (unsigned long long)wanted);
    return true;
}

void limits_fit_handshakes(struct conf *conf, uint32_t n_slots, FILE *remarks)
{
    struct rlimit limit;
    uint64_t others = 2ull * n_slots + OTHER_FDS;
    uint64_t wanted = others + conf->max_handshakes;
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted ||
        setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return;
    uint64_t room = limit.rlim_cur > others ? limit.rlim_cur - others : 1;
    fprintf(remarks,
            "%s: max-handshakes is %u, but RLIMIT_NOFILE (%llu) leaves room for %llu; raise it to "
            "%llu (LimitNOFILE= in a unit) and restart stayd\n",
            conf->path, conf->max_handshakes, (unsigned long long)limit.rlim_cur,
            (unsigned long long)room, (unsigned long long)wanted);
    conf->max_handshakes = (uint32_t)room;
}
