/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * A reload: an order, a rehearsal, another heritage that spare, worker and entry come to have, the answer.
 * The configuration was 0, with listening socket 0; the file has become 1, with socket 1 in its place. What
 * is read again may also be refused, because somebody writes the file just then.
 */
#ifndef RELOAD
inline check_opening(n)
{
    skip
}
inline check_worker()
{
    skip
}
inline set_conf(n)
{
    skip
}
#else
/* struct vault_reload */
/* struct vault_order: is it of who asks, and how was it answered? */
#define ASKED_WAITS 0
#define ASKED_GOOD 1
#define ASKED_BAD 2
#define ORDERS 4
bool token[ORDERS];
byte result[ORDERS];
bool is_told;
byte worker_conf; /* the configuration of worker_heritage */
bool has_hangup = HANGUPS; /* a SIGHUP is still to come */

/* The listening sockets. */
bool is_open[2], is_claimed[2], is_down[2], is_marked[2];

#define asked_pending (asked > done -> asked : 0)
#define has_token(n) (token[n] && n <= asked)
#define is_ordered_by_token (has_token(1) || has_token(2) || has_token(3))
#define is_answered(n) (has_token(n) && result[n] != ASKED_WAITS)
#define has_answer (is_answered(1) || is_answered(2) || is_answered(3))
#define must_ask (!is_ordered_by_token)

/* asked_for() src/vault/asked.c, try_order() src/vault/asked.c */
inline ask_for_reload()
{
    STEP(number = asked + 1; assert(number < ORDERS); token[number] = true; result[number] = ASKED_WAITS);
    STEP(if
         :: asked + 1 == number -> asked = number
         :: else
         fi;
         number = 0)
}

/* asked_answer() src/vault/asked.c */
inline asked_answer(last, how)
{
    ACT(d_step {
        i = done + 1;
        do
        :: i <= last -> result[i] = how; i++
        :: else -> break
        od;
        i = 0
    });
    ACT(done = last)
}

/* The indices of listeners are the worker's. */
inline check_opening(n)
{
    assert(e[n].conf == worker_conf)
}

/* I21: nobody could become guard whose heritage is older than this worker's. */
#define is_older(i) \
    (lives(i) && !p[i].doomed && p[i].heritage < p[ME].heritage && (head_guard == i || is_of_spare(i)))
inline check_worker()
{
    assert(!(is_older(0) || is_older(1) || is_older(2) || is_older(3) || is_older(4) || is_older(5) ||
             is_older(6) || is_older(7) || is_older(8) || is_older(9)))
}

inline set_conf(n)
{
    e[n].conf = p[ME].conf
}

/* reload_prepare_worker() src/guard/reload/reload.c */
inline reload_prepare_worker()
{
    /* listen_claim() src/guard/reload/listen.c: what this heritage does not have is shut, and not claimed */
#ifdef BREAK_SHUT
    ACT(is_claimed[1 - p[ME].conf] = false; is_claimed[p[ME].conf] = true);
#else
    ACT(if
        :: is_claimed[1 - p[ME].conf] -> is_down[1 - p[ME].conf] = true
        :: else
        fi);
    ACT(is_claimed[1 - p[ME].conf] = false; is_claimed[p[ME].conf] = true);
#endif
    ACT(strays = false);
    ACT(worker_heritage = p[ME].heritage; worker_conf = p[ME].conf)
}

/* sweep_descriptors() src/guard/sweep.c */
inline sweep_sockets()
{
    ACT(assert(head_table == ME); is_marked[0] = is_claimed[0]; is_marked[1] = is_claimed[1]);
    ACT(assert(is_marked[0] || !is_claimed[0]); is_open[0] = is_open[0] && is_marked[0];
        assert(is_marked[1] || !is_claimed[1]); is_open[1] = is_open[1] && is_marked[1])
}

/* reload_step() src/guard/reload/reload.c */
#define is_answer_due (p[ME].order > done)
#define is_in_force (worker_heritage == p[ME].heritage && worker_phase == READY)
#define can_answer (p[ME].worker != NOBODY && entries_have_changed && is_answer_due && is_in_force)
#define can_begin \
    (p[ME].worker != NOBODY && !reload_is_due && !is_answer_due && p[ME].number == 0 && \
     asked_pending > p[ME].order)
#define due_reload (p[ME].signals > 0 || can_answer || p[ME].number > 0 || can_begin)

inline reload_step()
{
    ACT(if
        /* asked_by_signal() src/vault/asked.c */
        :: p[ME].signals > 0 -> p[ME].signals--; asked++; goto turn
        :: else
        fi;
        if
        :: can_answer -> goto answer
        :: else ->
            if
            :: p[ME].number > 0 -> goto go_on
            /* begin() src/guard/reload/reload.c */
            :: else -> p[ME].number = asked; goto turn
            fi
        fi);
answer:
    asked_answer(p[ME].order, ASKED_GOOD);
    goto turn;
go_on:
    /* rehearsal_look() src/guard/reload/rehearsal.c */
    ACT(if
        :: heritages > 1 -> goto refused /* at first that would be all */
        :: p[ME].conf == 1 -> goto taken_over
        :: p[ME].conf == 0
        fi);
    /* take_sockets() src/guard/reload/reload.c */
    ACT(strays = true);
    /* listen_open() src/guard/reload/listen.c */
    ACT(if
        :: is_open[1] /* a stray one is in its way */ -> strays = false; goto refused
        :: else -> is_open[1] = true; is_down[1] = false
        fi);
    /* listen_claim_more() src/guard/reload/listen.c */
    ACT(is_claimed[1] = true);
    /* put_into_place() src/guard/reload/reload.c */
    ACT(heritages++; p[ME].heritage = heritages; p[ME].conf = 1);
#ifdef BREAK_SHUT
    /* As it was: listen_shut_gone() in put_into_place() */
    ACT(is_down[0] = true);
#endif
taken_over:
    /* take_fresh() src/guard/reload/reload.c */
    ACT(p[ME].order = p[ME].number; p[ME].number = 0; wanted[0] = wanted[0] + 1);
    goto turn;
refused:
    /* refuse() src/guard/reload/reload.c */
    asked_answer(p[ME].number, ASKED_BAD);
    atomic { p[ME].number = 0 }
}

/* pass_heritage_on() src/guard/guard.c */
#define is_spare_old (p[ME].spare != NOBODY && p[ME].spare_heritage != p[ME].heritage)
#define must_end_worker \
    (p[ME].worker != NOBODY && lives(p[ME].worker) && !p[p[ME].worker].doomed && reload_is_due)
#define due_heritage (p[ME].spare == NOBODY || is_spare_old || must_end_worker)
inline pass_heritage_on()
{
#ifdef BREAK_ORDER
    /* reload_end_worker() src/guard/reload/reload.c, before there is a spare */
    ACT(if
        :: must_end_worker -> end_by_signal(p[ME].worker); goto turn
        :: else
        fi);
#endif
    if
    :: is_spare_old -> guard_end_spare()
    :: else
    fi;
    if
    :: p[ME].spare == NOBODY -> guard_make_spare()
    :: else
    fi;
    /* reload_end_worker() src/guard/reload/reload.c */
    ACT(if
        :: p[ME].worker != NOBODY && reload_is_due -> end_by_signal(p[ME].worker)
        :: else
        fi)
}

/* The order is answered; the sockets are those of the configuration that is in force. */
inline rest_reload(g)
{
    assert(asked == done && is_told);
    assert(!strays && worker_heritage == p[g].heritage);
    assert(is_open[p[g].conf] && is_claimed[p[g].conf] && !is_down[p[g].conf]);
    assert(!is_open[1 - p[g].conf] && !is_claimed[1 - p[g].conf])
}
#endif
