/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * The worker: its place, its work, and the guard that it makes when nobody else is left.
 */
#define guard_is_dead (!lives(head_guard))

#define must_look (guard_is_dead && !lives(head_spare) && !lives(p[ME].candidate))

inline open_candidate()
{
#ifdef TABLE
    open_fd(fd, IS_CANDIDATE_PIDFD); fd = 0
#else
    skip
#endif
}

inline look_for_guard()
{
    /* on_look() src/worker/guard_watch.c: judged and replaced must be one word */
    STEP(p[ME].seen = head_guard);
    /* make_candidate() src/worker/guard_watch.c: nobody else is left */
    STEP(if
         :: !lives(p[ME].seen) && !lives(head_spare) && !lives(p[ME].candidate) ->
             clone(made, GUARD, p[ME].seen);
             p[ME].candidate = made;
             open_candidate();
             made = NOBODY
         :: else
         fi;
         p[ME].seen = NOBODY)
}

#ifdef TABLE
/* make_base() src/worker/worker.c, heritage_claim_poll() src/process/heritage.c */
inline make_base()
{
    STEP(assert(head_table == ME); open_fd(fd, IS_POLL));
    STEP(assert(head_table == ME); poll_fd = fd; fd = 0)
}

/* link_make() src/game/link.c */
inline make_link()
{
    STEP(assert(head_table == ME); links--; open_fd(fd, IS_LINK));
        STEP(assert(head_table == ME && kind[fd] == IS_LINK); game_fd = fd; fd = 0)
}

/* relay_unlink() src/relay/dead_game.c: the claim, then the descriptor */
inline end_link()
{
#ifdef BREAK_UNCLAIM
    STEP(kind[game_fd] = IS_CLOSED; is_unlinked = true);
    STEP(game_fd = NO_FD)
#else
    STEP(assert(head_table == ME); fd = game_fd; game_fd = NO_FD; is_unlinked = true);
    STEP(assert(head_table == ME); close_fd(fd, IS_LINK); fd = 0)
#endif
}
#endif

#ifdef SERVE
/* link_make() src/game/link.c */
inline make_link()
{
    STEP(assert(head_table == ME && link == IS_CLOSED); links--; link = IS_OPEN);
    STEP(assert(head_table == ME && link == IS_OPEN); link = IS_CLAIMED)
}

/* relay_unlink() src/relay/dead_game.c: the claim, then the descriptor */
inline end_link()
{
    STEP(assert(head_table == ME && link == IS_CLAIMED); links--; link = IS_OPEN);
    STEP(assert(head_table == ME && link == IS_OPEN); link = IS_CLOSED)
}
#endif

inline worker_run()
{
    /* worker_run() src/worker/worker.c, lease_take() src/process/lease.c */
    STEP(if
         :: head_table == p[ME].word ->
             head_table = ME;
             p[ME].word = NOBODY;
             check_worker()
         :: else -> goto gone
         fi);
    /* workers_set_phase() src/vault/workers.c */
    STEP(assert(head_table == ME); worker_phase = STARTING);
#ifdef TABLE
    make_base();
#endif
#ifdef ENTRIES
    handover_settle();
#endif
#ifndef BREAK_WATCH
    /* guard_watch_start() src/worker/guard_watch.c */
    if
    :: must_look -> look_for_guard()
    :: else
    fi;
#endif
    /* say_ready() src/worker/worker.c */
    STEP(assert(head_table == ME); worker_phase = READY);
serving:
    do
    :: atomic { may_die -> die(); goto gone }
#ifndef BREAK_WATCH
    :: atomic { must_look }; look_for_guard()
#endif
#ifdef TABLE
    :: atomic { game_fd == NO_FD && links > 0 }; make_link()
    :: atomic { game_fd != NO_FD && !is_unlinked }; end_link()
#endif
#ifdef SERVE
    :: atomic { link == IS_CLOSED && links > 0 }; make_link()
    :: atomic { link == IS_CLAIMED && links > 0 }; end_link()
#endif
#ifdef ENTRIES
    :: atomic { is_proven && has_news(0) -> at_place = 0 }; read_queue()
    :: atomic { is_proven && has_news(1) -> at_place = 1 }; read_queue()
    :: atomic { is_proven && has_news(2) -> at_place = 2 }; read_queue()
    /* slot_free() src/vault/slot.c: players go when they like */
    :: atomic { slot[0] == LIVE -> slot[0] = FREED }
    :: atomic { slot[1] == LIVE -> slot[1] = FREED }
#endif
#ifdef RELOAD
    :: atomic { !is_told && must_ask }; ask_for_reload()
    /* end_with() src/ops/reload_task.c */
    :: atomic { !is_told && has_answer -> is_told = true }
#endif
#ifdef UPGRADE
    :: atomic { !is_told && must_order }; ask_for_upgrade()
    /* do_upgrade() src/ops/task.c: the order is over */
    :: atomic { !is_told && upgrade_is_done -> is_told = true }
#endif
    od
}
