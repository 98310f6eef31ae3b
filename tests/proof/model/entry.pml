/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * The entry's process.
 */
#ifdef ENTRIES
#define E (_pid - PROCESSES)
#define lives_on(i, n) (lives(i) && half(p[i].table) == n)
#define table_lives(n) \
    (lives_on(0, n) || lives_on(1, n) || lives_on(2, n) || lives_on(3, n) || lives_on(4, n) || \
     lives_on(5, n) || lives_on(6, n) || lives_on(7, n) || \
     lives_on(8, n) || lives_on(9, n))
#ifdef UPGRADE
#define has_queue(n) \
    (((has(0, n) || has(1, n) || has(2, n)) && table_lives(0)) || \
     ((has(3, n) || has(4, n) || has(5, n)) && table_lives(1)))
#else
#define has_queue(n) (has(0, n) || has(1, n) || has(2, n))
#endif
/* handover_is_heard() src/vault/handover.c */
#define is_heard (has_queue(E) && !e[E].is_shut)
/* What an entry's death is to a reload is searched in HANDOVER: another one is made. */
#ifdef RELOAD
#define may_end e[E].doomed
#else
#define may_end (e[E].doomed || (deaths > 0 && is_time))
#endif

active [QUEUES] proctype entry()
{
idle:
    e[E].lives;
    if
    /* entry_make() src/entry/entry.c */
    :: atomic {
        is_heard ->
            if
            :: e[E].phase == IS_STARTING -> e[E].phase = IS_READY
            :: else /* it was there at the beginning */
            fi
    }
    /* entry_run() src/entry/run.c */
    :: atomic { !is_heard -> goto gone }
    :: atomic { may_end -> deaths = (e[E].doomed -> deaths : deaths - 1); goto gone }
    fi;
    do
    /* on_order() src/entry/entry.c */
    :: atomic { !is_heard -> goto gone }
    /* open_door() src/entry/entry.c */
    :: atomic { e[E].told == IS_TOLD_TO_OPEN && e[E].phase == IS_READY -> e[E].phase = IS_OPEN }
    /* retire() src/entry/entry.c */
    :: atomic { e[E].told == IS_TOLD_TO_RETIRE && e[E].phase != IS_RETIRING -> e[E].phase = IS_RETIRING }
    /* finish() src/entry/entry.c */
    :: atomic { e[E].phase == IS_RETIRING -> goto gone }
    /* outbox_put() src/entry/outbox.c, handover_send() src/vault/handover.c */
    :: atomic {
        e[E].phase == IS_OPEN && players > 0 && is_heard ->
            if
            :: e[E].head == 0 -> e[E].head = PLAYERS - players + 1
            :: else -> e[E].next = PLAYERS - players + 1
            fi;
            players--
    }
    :: atomic { may_end -> deaths = (e[E].doomed -> deaths : deaths - 1); goto gone }
    od;
    atomic {
        skip;
    gone:
        e[E].lives = false;
        e[E].doomed = false;
        goto idle
    }
}
#endif
