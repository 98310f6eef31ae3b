/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * The guard: its place, then its duties, in the code's order, whenever one of them is due.
 */
#define worker_is_dead (p[ME].worker != NOBODY && !lives(p[ME].worker))
#define spare_is_dead (p[ME].spare != NOBODY && !lives(p[ME].spare))

/* kill(2) with SIGKILL: it does nothing any more, and is dead a little later. */
inline end_by_signal(n)
{
    d_step {
        if
        :: lives(n) -> p[n].doomed = true
        :: else
        fi
    }
}

inline note_spare()
{
    p[ME].spare = made;
    made = NOBODY;
#ifdef RELOAD
    p[ME].spare_heritage = p[ME].heritage
#endif
}

/* guard_make_spare() src/guard/hands.c */
inline guard_make_spare()
{
#ifdef TABLE
    ACT(clone(made, SPARE, ME); open_fd(fd, IS_SPARE_PIDFD));
    ACT(head_spare = made);
    renew(spare_pidfd, IS_SPARE_PIDFD, fd);
    atomic { fd = 0; note_spare() }
#else
    ACT(clone(made, SPARE, ME));
    ACT(head_spare = made; note_spare())
#endif
}

/* guard_end_spare() src/guard/hands.c */
inline guard_end_spare()
{
    ACT(end_by_signal(p[ME].spare));
    ACT(!lives(p[ME].spare) -> p[ME].spare = NOBODY)
}

/* worker_died() src/guard/guard.c */
inline worker_died()
{
    ACT(p[ME].worker = NOBODY; worker_phase = DEAD; count_death())
}

/* mind_spare() src/guard/guard.c */
inline spare_died()
{
    atomic { p[ME].spare = NOBODY }
}

/* find_worker() src/guard/hands.c: pidfd_open(2) fails if it is dead by now */
inline find_worker()
{
    ACT(if
        :: lives(p[ME].seen) -> p[ME].worker = p[ME].seen
#ifdef TABLE
            ; open_fd(fd, IS_WORKER_PIDFD)
#endif
        :: else
        fi;
        p[ME].seen = NOBODY);
#ifdef TABLE
    if
    :: p[ME].worker != NOBODY -> renew(worker_pidfd, IS_WORKER_PIDFD, fd); atomic { fd = 0 }
    :: else
    fi
#endif
}

inline guard_make_worker()
{
    /* guard_make_worker() src/guard/hands.c, lease_is_alive() src/process/lease.c */
    ACT(p[ME].seen = head_table;
        if
        :: lives(p[ME].seen) && p[ME].seen != ME -> goto find
        :: else
        fi);
#ifdef BREAK_TABLE
    ACT(p[ME].seen = NOBODY);
#else
    /* lease_take() src/process/lease.c */
    ACT(if
        :: head_table == p[ME].seen -> head_table = ME; p[ME].seen = NOBODY
        :: else -> p[ME].seen = NOBODY; goto turn
        fi);
#endif
#ifdef RELOAD
    reload_prepare_worker();
#endif
#ifdef TABLE
    remains_claim_poll();
#endif
#ifdef SWEEPS
    sweep();
#endif
#ifdef RELOAD
    sweep_sockets();
#endif
    /* workers_set_phase() src/vault/workers.c */
    ACT(worker_phase = STARTING);
    /* clone_sharing_table() src/process/clone.c */
#ifdef TABLE
    ACT(clone(made, WORKER, ME); open_fd(fd, IS_WORKER_PIDFD));
    renew(worker_pidfd, IS_WORKER_PIDFD, fd);
    atomic { fd = 0; p[ME].worker = made; made = NOBODY };
#else
    ACT(clone(made, WORKER, ME); p[ME].worker = made; made = NOBODY);
#endif
    goto turn;
find:
    find_worker()
}

/* Which duty is due? As duties[] in guard.c, in this order, beginning behind the last one done. */
#define due_death worker_is_dead
#define due_worker (p[ME].worker == NOBODY)
#define due_spare spare_is_dead
#ifndef RELOAD
#define due_heritage (p[ME].spare == NOBODY && is_proven)
#define due_reload false
#endif
#ifndef UPGRADE
#define due_probation false
#define due_upgrade false
#endif
#ifndef ENTRIES
#define due_entries false
#endif
#ifdef TABLE
#define due_remains (worker_phase == READY && old_poll != NO_FD && p[ME].worker != NOBODY)
#else
#define due_remains false
#endif
#define is_any_due \
    (due_death || due_worker || due_spare || due_reload || due_probation || due_heritage || due_entries || \
     due_remains || due_upgrade)

inline find_duty()
{
    d_step {
        if
        :: at < 1 && due_death -> due = 1
        :: else ->
            if
            :: at < 2 && due_worker -> due = 2
            :: else ->
                if
                :: at < 3 && due_spare -> due = 3
                :: else ->
                    if
                    :: at < 4 && due_reload -> due = 4
                    :: else ->
                        if
                        :: at < 5 && due_probation -> due = 5
                        :: else ->
                            if
                            :: at < 6 && due_heritage -> due = 6
                            :: else ->
                                if
                                :: at < 7 && due_entries -> due = 7
                                :: else ->
                                    if
                                    :: at < 8 && due_remains -> due = 8
                                    :: else ->
                                        if
                                        :: at < 9 && due_upgrade -> due = 9
                                        :: else -> due = 0
                                        fi
                                    fi
                                fi
                            fi
                        fi
                    fi
                fi
            fi
        fi;
        at = due
    }
}

/* pass_heritage_on() src/guard/guard.c */
#ifndef RELOAD
inline pass_heritage_on()
{
    guard_make_spare()
}
#endif

inline guard_run()
{
    /* guard_run() src/guard/guard.c, lease_take() src/process/lease.c */
#ifdef BREAK_LEASE
    STEP(if :: head_guard == p[ME].word :: else -> goto gone fi);
    STEP(head_guard = ME; p[ME].word = NOBODY);
#else
    STEP(if :: head_guard == p[ME].word -> head_guard = ME; p[ME].word = NOBODY :: else -> goto gone fi);
#endif
#ifdef UPGRADE
    probation_take_up();
#endif
adopted:
#ifdef ENTRIES
    entries_begin();
#endif
turn:
    if
    :: atomic {
        is_any_due || at > 0 -> find_duty();
        /* loop() src/guard/guard.c, sleep_until_news() src/guard/guard.c */
        if
        :: due == 0 -> goto turn
        :: due == 1 -> goto mind_death
        :: due == 2 -> goto mind_worker
        :: due == 3 -> spare_died(); goto turn
        :: due == 4 -> goto mind_reload
        :: due == 5 -> goto mind_probation
        :: due == 6 -> goto mind_heritage
        :: due == 7 -> goto mind_entries
        :: due == 8 -> goto mind_remains
        :: due == 9 -> goto mind_upgrade
        fi
    }
    :: atomic { may_die -> die(); goto gone }
#ifdef RELOAD
    /* reload_note_signal() src/guard/reload/reload.c */
    :: atomic { has_hangup && asked > 0 -> has_hangup = false; p[ME].signals++ }; goto turn
#endif
    fi;
mind_death:
    worker_died();
    goto turn;
mind_worker:
    guard_make_worker();
    goto turn;
mind_heritage:
    pass_heritage_on();
    goto turn;
mind_remains:
#ifdef TABLE
    /* remains_clear() src/guard/remains.c */
    renew(old_poll, IS_POLL, NO_FD);
    goto turn;
#endif
mind_reload:
#ifdef RELOAD
    reload_step();
    goto turn;
#endif
mind_entries:
#ifdef ENTRIES
    entries_step();
    goto turn;
#endif
mind_probation:
#ifdef UPGRADE
    probation_step();
    goto turn;
#endif
mind_upgrade:
#ifdef UPGRADE
    upgrade_step();
    goto turn
#else
    skip
#endif
}
