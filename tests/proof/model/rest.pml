/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * What is the scenario's own: how it begins, and what has to be true at rest.
 */
inline begin()
{
#ifdef IS_ORDERED
    /* All are there: guard, spare, a worker that is about to be ready, and an open entry. */
    head_guard = 0;
    p[0].word = 0;
    p[0].spare = 1;
    p[0].worker = 2;
    p[1].role = SPARE;
    p[1].parent = 0;
    p[1].word = 0;
    head_spare = 1;
    p[2].role = WORKER;
    p[2].parent = 0;
    p[2].word = 0;
    head_table = 0;
#else
    /* A guard, alone, as a start makes it. */
    p[0].word = NOBODY;
#endif
#ifdef TABLE
    kind[0] = IS_PLAYER;
    player_fd = 0;
#endif
#ifdef ENTRIES
    place[0].object = NO_OBJECT;
    place[1].object = NO_OBJECT;
    place[2].object = NO_OBJECT;
#ifdef UPGRADE
    place[3].object = NO_OBJECT;
    place[4].object = NO_OBJECT;
    place[5].object = NO_OBJECT;
#endif
#endif
#ifdef RELOAD
    heritages = 1;
    worker_heritage = 1;
    p[0].heritage = 1;
    p[0].spare_heritage = 1;
    p[1].heritage = 1;
    p[2].heritage = 1;
    is_open[0] = true;
    is_claimed[0] = true;
#endif
#ifdef IS_ORDERED
    place[0].state = IS_MADE;
    place[0].object = 0;
    place[0].has_pid = true;
    e[0].phase = IS_OPEN;
    e[0].told = IS_TOLD_TO_OPEN;
    e[0].lives = true;
#endif
}

#ifdef ENTRIES
/* One entry is open, of the wanted edition; no other is there; who has come is in. */
#define Q(i) place[half(p[g].table) * PLACES + i]
#define is_good(i) \
    (Q(i).state == IS_MADE && Q(i).has_pid && e[Q(i).object].lives && e[Q(i).object].phase == IS_OPEN && \
     Q(i).edition == wanted[half(p[g].table)] && e[Q(i).object].head == 0)
#define is_nobody(i) (Q(i).state == IS_FREE)
inline rest_entries(g)
{
    assert((is_good(0) && is_nobody(1) && is_nobody(2)) || (is_nobody(0) && is_good(1) && is_nobody(2)) ||
           (is_nobody(0) && is_nobody(1) && is_good(2)));
    assert(e[0].lives + e[1].lives + e[2].lives + e[3].lives + e[4].lives == 1);
    assert(players == 0);
#if PLAYERS > 0
    assert(slot[0] == FREED);
#endif
#if PLAYERS > 1
    assert(slot[1] == FREED);
#endif
}
#endif

inline rest(g)
{
#ifdef ENTRIES
    rest_entries(g);
#endif
#ifdef RELOAD
    rest_reload(g);
#endif
#ifdef UPGRADE
    rest_upgrade(g);
#endif
    skip
}

/* Everything is as it is to be. */
init
{
    byte g;
    atomic {
        do
        :: g < PROCESSES -> forget(g); g++
        :: else -> break
        od;
        forget(NOBODY);
        g = 0;
        p[0].role = GUARD;
        begin()
    }
    timeout;
    /* Nobody has anything to do any more. */
    atomic {
        g = head_guard;
        assert(lives(g) && p[g].role == GUARD);
        assert(lives(p[g].spare) && p[p[g].spare].role == SPARE && p[p[g].spare].parent == g);
        assert(head_spare == p[g].spare);
        assert(lives(p[g].worker) && p[p[g].worker].role == WORKER && head_table == p[g].worker);
        assert(worker_phase == READY);
        assert(p[g].table == table_number && p[p[g].spare].table == table_number &&
               p[p[g].worker].table == table_number);
        assert(p[g].heritage == p[p[g].spare].heritage && p[g].heritage == p[p[g].worker].heritage);
        rest(g)
    }
}
