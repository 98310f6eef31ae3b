/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * Guard, spare, worker and entries, their words in the vault, and deaths anywhere.
 *
 * A STEP is what one process does between two moments at which another process can see a difference, or at
 * which a death makes one: a store into the vault, or a system call. Before each step the process may be
 * killed instead. Behind each STEP stands the function whose step it is, and its file; `run` looks whether
 * both exist.
 *
 * What a process waits for by looking again and again is a step that can be taken when the look would find
 * something. So every run comes to rest, and at rest (`rest` below) all has to be well.
 *
 * Scenarios: -DSERVE, -DHANDOVER, -DRELOAD, -DUPGRADE; -DDEATHS=n; -DBREAK_x: with a fault (see run).
 */
#ifndef HANGUPS
#define HANGUPS 0 /* SIGHUPs, beside the order */
#endif
#ifndef DEATHS
#define DEATHS 3
#endif
#if defined(UPGRADE) || defined(RELOAD)
#define IS_ORDERED
#endif
#define PROCESSES 10
#define NOBODY PROCESSES /* also the process that has an orphan */
#define ME _pid

#define NONE 0
#define GUARD 1
#define SPARE 2
#define WORKER 3

/* A process of the family. A place is used anew when nobody remembers who was there: the words'
   generations and the kernel's counting of pids see to that. */
typedef process_state {
    byte role;   /* NONE: dead */
    bool doomed; /* SIGKILL is on its way: it does nothing any more */
    byte parent;
    byte word;      /* what it was cloned with, as role_become */
    byte seen;      /* a word that it has read */
    byte worker;    /* a guard's */
    byte spare;     /* a guard's */
    byte candidate; /* a worker's */
    byte table;     /* number of its descriptor table */
    byte heritage;
#ifdef RELOAD
    byte conf;    /* which configuration the heritage is */
    byte order;   /* heritage->order */
    byte spare_heritage;
    byte number;  /* of the order that the rehearsal obeys; 0: there is none */
    byte signals; /* SIGHUPs received */
#endif
#ifdef UPGRADE
    bool is_adopted;   /* its program is the new one */
    bool is_signalled; /* SIGUSR2 waits for it */
    bool upgrades;     /* SIGUSR2 was taken, and nothing done about it yet */
    bool has_trial;
    bool hangs; /* the new program, for good */
    byte n_deaths;
#endif
}
process_state p[PROCESSES + 1];
byte deaths = DEATHS;

/* The vault's head. */
#define DEAD 0
#define STARTING 1
#define READY 2
byte head_guard = NOBODY, head_table = NOBODY, head_spare = NOBODY;
byte worker_phase = DEAD;
byte table_number = 0;

#ifdef UPGRADE
#define IS_NONE 0
#define IS_ON_TRIAL 1
#define IS_ON_PROBATION 2
#define IS_GOOD 3
#define IS_REFUSED 4
#define IS_BACK 5
/* struct vault_upgrade */
byte upgrade_phase = IS_NONE, last_table = 0;
bool asked, taken, done_token; /* there is one who asks */
#define is_under_way (upgrade_phase == IS_ON_TRIAL || upgrade_phase == IS_ON_PROBATION)
#endif

#ifdef RELOAD
/* struct vault_reload */
byte asked, done, heritages, worker_heritage;
bool strays;
#define reload_is_due (strays || worker_heritage != p[ME].heritage)
#define is_order_over (asked == done && is_told && !has_hangup)
#else
#define reload_is_due false
#endif

#define lives(i) (p[i].role != NONE)
#define is_proven (p[ME].table == table_number)

inline forget(i)
{
    p[i].role = NONE;
    p[i].doomed = false;
    p[i].parent = NOBODY;
    p[i].word = NOBODY;
    p[i].seen = NOBODY;
    p[i].worker = NOBODY;
    p[i].spare = NOBODY;
    p[i].candidate = NOBODY;
    p[i].table = 0;
    p[i].heritage = 0;
#ifdef RELOAD
    p[i].conf = 0;
    p[i].order = 0;
    p[i].spare_heritage = 0;
    p[i].number = 0;
    p[i].signals = 0;
#endif
#ifdef UPGRADE
    p[i].is_adopted = false;
    p[i].is_signalled = false;
    p[i].upgrades = false;
    p[i].has_trial = false;
    p[i].hangs = false;
    p[i].n_deaths = 0;
#endif
}

/* Who could go on alone: the guard; the worker, or who is to be; the spare, or who tries to be guard. Of
   these three one is always left (doc/crash.md, What is lost). A spare whose table is not in force yet does
   not count, nor a guard between two programs, if nobody else is there. */
#define is_of_worker(i) (p[i].role == WORKER && (head_table == i || p[i].word == head_table))
#define is_of_spare(i) \
    ((p[i].role == SPARE || p[i].role == GUARD) && head_guard != i && p[i].word == head_guard && \
     (p[i].role != SPARE || p[i].table == table_number))
#ifdef UPGRADE
#define is_hanging(i) p[i].hangs
#else
#define is_hanging(i) false
#endif
#define carries(i) \
    (i != ME && lives(i) && !p[i].doomed && !is_hanging(i) && (head_guard == i || is_of_worker(i) || is_of_spare(i)))
#define one_is_left \
    (carries(0) || carries(1) || carries(2) || carries(3) || carries(4) || carries(5) || carries(6) || \
     carries(7) || carries(8) || carries(9))
#define may_die (p[ME].doomed || (deaths > 0 && is_time && one_is_left))
/* An upgrade or a reload begins with all there, and has its deaths from the order until it is over: what is
   before and after is searched in the other scenarios. */
#ifdef UPGRADE
#define is_other(i) (lives(i) && p[i].table != table_number)
#define is_time \
    (is_under_way || is_other(0) || is_other(1) || is_other(2) || is_other(3) || is_other(4) || \
     is_other(5) || is_other(6) || is_other(7) || is_other(8) || is_other(9))
#elif defined(RELOAD)
#define is_time (asked > 0 && !is_order_over)
#else
#define is_time true
#endif

/* The kernel: who was its child is an orphan, and a spare is woken by that (PR_SET_PDEATHSIG). */
inline end_process()
{
    d_step {
        i = 0;
        do
        :: i < PROCESSES ->
            if
            :: p[i].parent == ME -> p[i].parent = NOBODY
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        forget(ME);
    }
}

inline die()
{
    d_step { deaths = (p[ME].doomed -> deaths : deaths - 1) }
}

#define STEP(action) \
    if \
    :: atomic { !p[ME].doomed -> action } \
    :: atomic { may_die -> die(); goto gone } \
    fi
/* The same of a guard, of whom there is one. */
#define ACT(action) STEP(assert(head_guard == ME); action)

#define remembered(n) \
    (head_guard == n || head_table == n || head_spare == n || knows(0, n) || knows(1, n) || \
     knows(2, n) || knows(3, n) || knows(4, n) || knows(5, n) || knows(6, n) || knows(7, n) || knows(8, n) || \
     knows(9, n))
#define knows(i, n) \
    (p[i].word == n || p[i].seen == n || p[i].worker == n || p[i].spare == n || p[i].candidate == n)

/* clone(2) with CLONE_FILES: a copy of this process, at the first place that nobody remembers. */
inline clone(result, as, with)
{
    d_step {
        result = 0;
        do
        :: result < PROCESSES && (lives(result) || remembered(result)) -> result++
        :: else -> break
        od;
        assert(result < PROCESSES);
        p[result].role = as;
        p[result].parent = ME;
        p[result].word = with;
        p[result].table = p[ME].table;
        p[result].heritage = p[ME].heritage;
#ifdef RELOAD
        p[result].conf = p[ME].conf;
        p[result].order = p[ME].order;
#endif
#ifdef UPGRADE
        p[result].is_adopted = p[ME].is_adopted;
#endif
    }
}

#include "table.pml"
#include "entries.pml"
#include "reload.pml"
#include "upgrade.pml"
#include "guard.pml"
#include "worker.pml"
#include "process.pml"
#include "entry.pml"
#include "rest.pml"
