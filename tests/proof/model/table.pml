/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * The descriptor table, the claims in the vault, and the sweep. In TABLE with their numbers: what is open
 * there is a player, a link that the worker makes and ends, the worker's epoll, and the guard's pidfds.
 * In SERVE it is one link of a player.
 */
#if defined(TABLE) || defined(SERVE)
#define SWEEPS
#ifdef TABLE
#define LINKS 1
#else
#define LINKS 2
#endif
byte links = LINKS; /* still to be made and ended */
#endif

#ifdef TABLE
#define DESCRIPTORS 10
#define NO_FD DESCRIPTORS
#define IS_CLOSED 0
#define IS_PLAYER 1
#define IS_LINK 2
#define IS_SPARE_PIDFD 3
#define IS_WORKER_PIDFD 4
#define IS_POLL 5
#define IS_CANDIDATE_PIDFD 6 /* which nobody claims */
byte kind[DESCRIPTORS];
/* slot->player_fd, slot->game_fd, guard_fds */
byte player_fd = NO_FD, game_fd = NO_FD;
byte spare_pidfd = NO_FD, worker_pidfd = NO_FD, poll_fd = NO_FD, old_poll = NO_FD;
bool is_unlinked; /* the link was ended */

#define is_claimed(n) \
    (player_fd == n || game_fd == n || spare_pidfd == n || worker_pidfd == n || poll_fd == n || \
     old_poll == n)

/* The kernel gives the lowest number that is free. */
inline open_fd(result, what)
{
    d_step {
        result = 0;
        do
        :: result < DESCRIPTORS && kind[result] != IS_CLOSED -> result++
        :: else -> break
        od;
        assert(result < DESCRIPTORS);
        kind[result] = what;
    }
}

/* Nobody's descriptor is closed but what the closer means, and none that is claimed. */
inline close_fd(n, what)
{
    d_step {
        if
        :: n != NO_FD -> assert(kind[n] == what && !is_claimed(n)); kind[n] = IS_CLOSED
        :: else
        fi
    }
}

/* heritage_renew() src/process/heritage.c: the claim, then the close */
inline renew(place, what, new)
{
    STEP(assert(head_guard == ME); old = place; place = new);
    STEP(close_fd(old, what); old = NO_FD)
}

/* remains_claim_poll() src/guard/remains.c */
inline remains_claim_poll()
{
    STEP(if :: old_poll == NO_FD -> old_poll = poll_fd :: else fi);
    STEP(poll_fd = NO_FD)
}

/* sweep_descriptors() src/guard/sweep.c: what is claimed, as a bitmap, then one gap after the other */
inline sweep()
{
    STEP(d_step {
        fd = 0;
        marked = 0;
        do
        :: fd < DESCRIPTORS ->
            if
            :: is_claimed(fd) -> marked = marked | (1 << fd)
            :: else
            fi;
            fd++
        :: else -> break
        od;
        fd = 0
    });
sweeping:
    if
    :: atomic {
        fd < DESCRIPTORS -> d_step {
            do
            :: fd < DESCRIPTORS && (kind[fd] == IS_CLOSED || (marked & (1 << fd))) -> fd++
            :: else -> break
            od;
            if
            :: fd < DESCRIPTORS ->
                assert(head_table == ME && !is_claimed(fd));
                kind[fd] = IS_CLOSED;
                fd++
            :: else
            fi
        };
        if
        :: fd < DESCRIPTORS -> goto sweeping
        :: else -> fd = 0; marked = 0
        fi
    }
    :: atomic { may_die -> die(); goto gone }
    fi
}
#endif

#ifdef SERVE
#define IS_CLOSED 0
#define IS_OPEN 1
#define IS_CLAIMED 2
byte link = IS_CLOSED;

/* sweep_descriptors() src/guard/sweep.c */
inline sweep()
{
    STEP(is_marked = (link == IS_CLAIMED));
    STEP(if
         :: !is_marked -> assert(head_table == ME && link != IS_CLAIMED); link = IS_CLOSED
         :: else
         fi;
         is_marked = false)
}
#endif
