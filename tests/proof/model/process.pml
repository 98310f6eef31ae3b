/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * A process of the family, in whichever role it is.
 */
active [PROCESSES] proctype process()
{
    byte i, made = NOBODY, at, due;
#ifdef TABLE
    byte fd, old = NO_FD;
    short marked;
#endif
#ifdef SERVE
    bool is_marked;
#endif
#ifdef UPGRADE
    byte old_spare = NOBODY;
#endif
#ifdef RELOAD
    byte number;
#endif
#ifdef ENTRIES
    byte at_place, object = NO_OBJECT, message;
#endif
idle:
    /* role_become() src/process/role.c */
    atomic {
        if
        :: p[ME].role == SPARE -> goto spare
        :: p[ME].role == WORKER -> goto worker
        :: p[ME].role == GUARD -> goto guard
        fi
    }
spare:
    /* guard_spare_run() src/guard/spare.c: asleep, until the guard is dead, or late */
    if
    :: atomic { head_guard != p[ME].word || p[ME].parent != p[ME].word }
#ifdef UPGRADE
    /* probation_sleep_ms() src/guard/upgrade/probation.c: the deadline */
    :: atomic { p[ME].parent == p[ME].word && is_way_back && has_deadline && is_running(p[ME].word) &&
           !p[p[ME].word].doomed -> goto late }
#endif
    :: atomic { may_die -> die(); goto gone }
    fi;
    /* guard_spare_run() src/guard/spare.c: is it this one's to go on? */
#ifdef BREAK_FORCE
    STEP(if :: p[ME].parent == p[ME].word -> goto gone :: else -> p[ME].role = GUARD fi);
#else
    STEP(if :: p[ME].parent == p[ME].word || !is_proven -> goto gone :: else -> p[ME].role = GUARD fi);
#endif
    goto guard;
#ifdef UPGRADE
late:
    /* probation_end_late() src/guard/upgrade/probation.c */
    STEP(if :: p[ME].parent == p[ME].word -> end_by_signal(p[ME].word) :: else fi);
    goto spare;
#endif
guard:
    /* guard_run() src/guard/guard.c */
    guard_run();
worker:
    /* worker_run() src/worker/worker.c */
    worker_run();
    /* The process is dead. */
    atomic {
        skip;
    gone:
        made = NOBODY;
        at = 0;
        due = 0;
#ifdef TABLE
        fd = 0;
        old = NO_FD;
        marked = 0;
#endif
#ifdef SERVE
        is_marked = false;
#endif
#ifdef UPGRADE
        old_spare = NOBODY;
#endif
#ifdef RELOAD
        number = 0;
#endif
#ifdef ENTRIES
        at_place = 0;
        object = NO_OBJECT;
        message = 0;
#endif
        end_process();
        goto idle
    }
}
