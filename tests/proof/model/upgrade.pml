/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * An upgrade: the order, trial, two tables, probation, the way back. Whether the next program is a good
 * one is open: it is refused on trial, cannot be run, ends or hangs when it runs, or does it all.
 */
#ifndef UPGRADE
inline count_death()
{
    skip
}
#else
bool is_told;                  /* it has its answer */
bool has_deadline;             /* deadline_ms; it may be over at any moment */
/* ... when the new program runs: up to then it takes much less time. */
#define is_running(n) (p[n].is_adopted || p[n].hangs || is_back)
bool is_back; /* there was a guard that has gone back, since which the deadline may be over */
#define PROBATION_DEATHS 2

#define upgrade_is_done (asked == taken && done_token && !is_under_way)
#ifdef BREAK_SIGNAL
/* By a signal of its own, every 20 ms as long as no guard has taken the order up. */
#define must_order (!asked || (asked != taken && lives(head_guard) && !p[head_guard].is_signalled))
#define is_ordered (p[ME].is_signalled || p[ME].upgrades)
#else
#define must_order (!asked)
#define is_ordered (asked != taken)
#endif

/* upgrading_ask() src/vault/upgrading.c, do_upgrade() src/ops/task.c */
inline ask_for_upgrade()
{
    STEP(asked = true);
#ifdef BREAK_SIGNAL
    STEP(p[ME].seen = head_guard);
    STEP(if
         :: asked != taken && lives(p[ME].seen) && p[p[ME].seen].role == GUARD ->
             p[p[ME].seen].is_signalled = true
         :: else
         fi;
         p[ME].seen = NOBODY)
#endif
}

/* is_way_back() src/guard/upgrade/probation.c */
#define is_way_back (upgrade_phase == IS_ON_PROBATION && is_proven && p[ME].table != last_table)

/* end_workers() src/guard/upgrade/probation.c */
inline end_workers()
{
    skip;
ending:
    ACT(p[ME].seen = head_table;
        if
        :: lives(p[ME].seen) && p[ME].seen != ME -> end_by_signal(p[ME].seen)
        :: else -> goto taking
        fi);
    ACT(!lives(p[ME].seen) -> p[ME].seen = NOBODY; goto ending);
taking:
    /* lease_take() src/process/lease.c */
    ACT(if
        :: head_table == p[ME].seen -> head_table = ME; p[ME].seen = NOBODY
        :: else -> p[ME].seen = NOBODY; goto ending
        fi)
}

/* probation_take_up() src/guard/upgrade/probation.c */
inline probation_take_up()
{
    if
    /* go_back() src/guard/upgrade/probation.c: the deadline was the new program's */
    :: is_way_back ->
#ifdef BREAK_DEADLINE
        ACT(is_back = true);
#else
        ACT(has_deadline = false);
#endif
        guard_make_spare();
#ifndef BREAK_BACK
        end_workers();
#endif
        ACT(upgrade_phase = IS_BACK)
    :: !is_way_back && upgrade_phase == IS_ON_PROBATION ->
        ACT(table_number = p[ME].table);
        /* upgrading_set() src/vault/upgrading.c */
        ACT(upgrade_phase = IS_GOOD)
    :: upgrade_phase == IS_ON_TRIAL -> ACT(upgrade_phase = IS_REFUSED)
    :: else
    fi
}

/* declare_good() src/guard/upgrade/probation.c */
inline declare_good()
{
    ACT(old_spare = p[ME].spare;
        if
        :: old_spare != NOBODY -> p[ME].seen = old_spare
        :: else
        fi);
#ifdef BREAK_FIRST
    ACT(table_number = p[ME].table);
    guard_make_spare();
#else
    if
    :: old_spare == NOBODY -> ACT(table_number = p[ME].table)
    :: else
    fi;
    guard_make_spare();
    ACT(table_number = p[ME].table);
#endif
    ACT(upgrade_phase = IS_GOOD; p[ME].n_deaths = 0);
    if
    :: old_spare != NOBODY ->
        ACT(end_by_signal(old_spare));
        ACT(!lives(old_spare) -> old_spare = NOBODY; p[ME].seen = NOBODY)
    :: else
    fi
}

#define is_good_by_now \
    (p[ME].worker != NOBODY && lives(p[ME].worker) && worker_phase == READY && entries_is_ready)
#define due_probation (!is_proven && (p[ME].spare == NOBODY || is_good_by_now))

/* probation_step() src/guard/upgrade/probation.c */
inline probation_step()
{
    declare_good()
}

/* probation_count_death() src/guard/upgrade/probation.c: nobody goes back if nobody is there */
#define may_go_back (p[ME].spare != NOBODY && lives(p[ME].spare))
inline count_death()
{
    if
    :: !is_proven ->
        p[ME].n_deaths++;
        if
        /* probation_fail() src/guard/upgrade/probation.c */
        :: p[ME].n_deaths >= PROBATION_DEATHS && may_go_back -> goto gone
        :: else
        fi
    :: else
    fi
}

/* A guard has something to do about an upgrade: a signal, or a trial that has ended. */
#define has_way_back (p[ME].spare != NOBODY && lives(p[ME].spare) && is_proven)
#define due_upgrade (p[ME].has_trial || is_ordered)
/* The next program fails only while there is a way back. */
#define may_fail (lives(head_spare) && !p[head_spare].doomed && !p[ME].doomed)

/* hand_over() src/guard/upgrade/upgrade.c */
inline hand_over()
{
    /* hand_over() src/guard/upgrade/upgrade.c, probation_begin() src/guard/upgrade/probation.c */
    ACT(last_table = table_number + 1; has_deadline = true);
    ACT(upgrade_phase = IS_ON_PROBATION);
    /* take_table() src/guard/upgrade/upgrade.c, guard_end_child() src/guard/hands.c */
    ACT(if
        :: p[ME].worker != NOBODY -> end_by_signal(p[ME].worker)
        :: else
        fi);
    ACT(p[ME].worker == NOBODY || !lives(p[ME].worker) -> p[ME].worker = NOBODY);
    ACT(p[ME].seen = head_table;
        if
        :: lives(p[ME].seen) && p[ME].seen != ME -> p[ME].seen = NOBODY; upgrade_phase = IS_REFUSED; goto turn
        :: else
        fi);
    ACT(if
        :: head_table == p[ME].seen -> head_table = ME; p[ME].seen = NOBODY
        :: else -> p[ME].seen = NOBODY; upgrade_phase = IS_REFUSED; goto turn
        fi);
    /* leave_table() src/guard/upgrade/upgrade.c */
    ACT(p[ME].table = last_table);
    /* hand_down_fds() src/guard/upgrade/upgrade.c */
    ACT(d_step {
        i = 0;
        do
        :: i < PLACES ->
            place[PLACES + i].state = place[i].state;
            place[PLACES + i].object = place[i].object;
            place[PLACES + i].has_pid = place[i].has_pid;
            place[PLACES + i].edition = place[i].edition;
            place[PLACES + i].taken = place[i].taken;
            i++
        :: else -> break
        od;
        i = 0;
        wanted[1] = wanted[0]
    });
    /* exec_program() src/guard/upgrade/upgrade.c, adopt_prepare() src/guard/upgrade/adopt.c */
    if
    :: atomic { may_fail -> goto gone }
    :: atomic { may_fail -> p[ME].hangs = true }; atomic { may_die -> die(); goto gone }
    :: atomic { may_die -> die(); goto gone }
    :: atomic { true }
    fi;
    /* guard_adopt() src/guard/guard.c */
    ACT(p[ME].is_adopted = true;
        p[ME].heritage++;
        p[ME].spare = head_spare;
        p[ME].is_signalled = false;
        p[ME].upgrades = false;
        at = 0;
        wanted[1] = wanted[1] + 1);
    goto adopted
}

/* mind_upgrade() src/guard/guard.c */
inline upgrade_step()
{
    /* take_order() src/guard/guard.c: a signal is taken as the guard wakes */
    ACT(if
        :: p[ME].has_trial -> goto trial
        :: else
        fi;
        if
        :: p[ME].is_signalled && !p[ME].upgrades ->
            p[ME].is_signalled = false;
            p[ME].upgrades = true;
            goto turn
        :: else -> p[ME].upgrades = false
        fi);
    /* upgrade_order() src/guard/upgrade/upgrade.c */
    ACT(if
        :: is_under_way -> goto turn
        :: else
        fi);
    /* upgrading_begin() src/vault/upgrading.c; nobody upgrades who was not asked to */
    ACT(assert(asked != taken); upgrade_phase = IS_ON_TRIAL);
    ACT(done_token = true);
    ACT(taken = asked);
    ACT(if
        /* find_obstacle() src/guard/upgrade/upgrade.c, program_open() src/guard/upgrade/program.c */
        :: upgrade_phase = IS_REFUSED
        /* trial_start() src/guard/upgrade/trial.c */
        :: p[ME].has_trial = true
        fi);
    goto turn;
trial:
    /* trial_look() src/guard/upgrade/trial.c */
    ACT(p[ME].has_trial = false;
        if
        /* refuse() src/guard/upgrade/upgrade.c */
        :: upgrade_phase = IS_REFUSED; goto turn
        :: has_way_back
        fi);
    hand_over()
}

/* The order has come to an end, and what runs is what the end says. */
inline rest_upgrade(g)
{
    assert(is_told && asked && taken && done_token);
    assert(upgrade_phase == IS_GOOD || upgrade_phase == IS_REFUSED || upgrade_phase == IS_BACK);
    assert(p[g].is_adopted == (upgrade_phase == IS_GOOD));
    assert(p[p[g].spare].is_adopted == p[g].is_adopted && p[p[g].worker].is_adopted == p[g].is_adopted)
}
#endif
