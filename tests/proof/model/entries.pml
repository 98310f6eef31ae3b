/* SPDX-FileCopyrightText: the stayd authors */
/* SPDX-License-Identifier: MIT */
/*
 * Entries: their places in the vault, their queues, and the guard's and the worker's part in them. In
 * HANDOVER players come; elsewhere it is only whether the right entry is open.
 */
#ifndef SERVE
#ifndef TABLE
#define ENTRIES
#endif
#endif

#ifdef ENTRIES
#ifdef UPGRADE
#define TABLES 2
#else
#define TABLES 1
#endif
#ifndef PLAYERS
#define PLAYERS 0
#endif
#define PLACES 3

/* A queue with its two ends, the page, and the process that has them. */
#define QUEUES 5
#define NO_OBJECT QUEUES
#define IS_STARTING 0
#define IS_READY 1
#define IS_OPEN 2
#define IS_RETIRING 3
#define IS_TOLD_TO_OPEN 1
#define IS_TOLD_TO_RETIRE 2
typedef entry_state {
    bool lives;
    bool doomed;
    bool is_shut;   /* shutdown(2) of the queue */
    bool is_with_guard; /* HERITAGE_ENTRY_SENDING: the guard has the sending end, too */
    byte phase;
    byte told;
    byte conf; /* that it serves */
    byte head; /* the messages in the queue: number of a player, + 1; 0: none */
    byte next;
}
entry_state e[QUEUES + 1];

/* struct vault_entry, once for each table */
#define IS_FREE 0
#define IS_MADE 1
#define IS_READ_OUT 2
typedef place_state {
    byte state;
    byte object; /* what the descriptors at this place are of */
    bool has_pid;
    byte edition;
    byte taken;
}
place_state place[TABLES * PLACES];
byte wanted[TABLES];

/* Players who are still to come, and slots by the message of which they are made. */
#define LIVE 1
#define FREED 2
byte players = PLAYERS;
byte slot[2];

#define half(n) (n & 1)
#define at_place_of(i) place[half(p[ME].table) * PLACES + i]
#define P(i) at_place_of(i)
#define O(i) e[P(i).object]
#define present(i) (P(i).state == IS_MADE && P(i).has_pid && O(i).lives && is_wanted(i))
#define is_wanted(i) (P(i).edition == wanted[half(p[ME].table)])
/* entries_is_ready(), entries_is_open(), entries_have_changed() */
#define in_phase(i, least) (present(i) && O(i).phase >= least && O(i).phase <= IS_OPEN)
#define entries_is_ready (in_phase(0, IS_READY) || in_phase(1, IS_READY) || in_phase(2, IS_READY))
#define entries_is_open (in_phase(0, IS_OPEN) || in_phase(1, IS_OPEN) || in_phase(2, IS_OPEN))
#define is_of_before(i) \
    (P(i).state == IS_MADE && P(i).has_pid && O(i).lives && !is_wanted(i) && \
     (O(i).phase == IS_READY || O(i).phase == IS_OPEN))
#define entries_have_changed \
    (entries_is_open && !is_of_before(0) && !is_of_before(1) && !is_of_before(2))

/* What there is to do about a place. may_open() src/guard/entries.c */
#define may_open (is_proven && worker_phase == READY && !reload_is_due)
#define is_over(i) (entries_is_open && !is_wanted(i) && O(i).phase != IS_RETIRING)
/* is_useless() src/guard/entries.c */
#define is_useless(i) (!is_wanted(i) && O(i).phase == IS_READY)
#define is_to_retire(i) ((is_over(i) || is_useless(i)) && O(i).told != IS_TOLD_TO_RETIRE)
#define is_to_open(i) (is_wanted(i) && O(i).phase == IS_READY && O(i).told == 0 && may_open)
#ifdef BREAK_READ_OUT
#define is_to_see_off(i) (P(i).state != IS_FREE && P(i).has_pid && !O(i).lives || P(i).state == IS_READ_OUT)
#else
#define is_to_see_off(i) (P(i).state == IS_READ_OUT && !(P(i).has_pid && O(i).lives))
#endif
#define is_to_kill(i) (P(i).state == IS_READ_OUT && P(i).has_pid && O(i).lives && !O(i).doomed)
#ifdef BREAK_UNKNOWN
#define is_to_shut(i) false
#else
#define is_to_shut(i) (P(i).state == IS_MADE && !P(i).has_pid && !O(i).is_shut)
#endif
#define is_to_note(i) (P(i).state == IS_MADE && P(i).has_pid && !O(i).lives)
#define is_to_tell(i) \
    (P(i).state == IS_MADE && P(i).has_pid && O(i).lives && (is_to_retire(i) || is_to_open(i)))
#define is_to_mind(i) (is_to_see_off(i) || is_to_kill(i) || is_to_shut(i) || is_to_note(i) || is_to_tell(i))
#define is_dying(i) (P(i).state == IS_READ_OUT && is_wanted(i))
#define is_one_missing \
    (!present(0) && !present(1) && !present(2) && !is_dying(0) && !is_dying(1) && !is_dying(2) && \
     (P(0).state == IS_FREE || P(1).state == IS_FREE || P(2).state == IS_FREE))
/* make_room() src/guard/entries.c: all places are taken by living ones */
#define is_there(i) (P(i).state == IS_MADE && P(i).has_pid && O(i).lives && !is_wanted(i))
#define in(i, it) (O(i).phase == it)
#define are_all_there (is_there(0) && is_there(1) && is_there(2))
#define is_all_open \
    (in(0, IS_OPEN) && in(1, IS_OPEN) && in(2, IS_OPEN) && O(0).told != IS_TOLD_TO_RETIRE && \
     O(1).told != IS_TOLD_TO_RETIRE && O(2).told != IS_TOLD_TO_RETIRE)
#define is_retiring(i) (in(i, IS_RETIRING) && !O(i).doomed)
#define is_room_missing \
    (are_all_there && (is_all_open || is_retiring(0) || is_retiring(1) || is_retiring(2)))
#define due_entries \
    (is_to_mind(0) || is_to_mind(1) || is_to_mind(2) || is_one_missing || is_room_missing)

/* find_oldest() src/guard/entries.c: the first place does for it */
inline make_room()
{
    if
    :: is_all_open -> O(0).told = IS_TOLD_TO_RETIRE
    :: else ->
        if
        :: is_retiring(0) -> O(0).doomed = true
        :: else ->
            if
            :: is_retiring(1) -> O(1).doomed = true
            :: else -> O(2).doomed = true
            fi
        fi
    fi
}

inline find_place()
{
    if
    :: is_to_mind(0) -> at_place = 0
    :: else ->
        if
        :: is_to_mind(1) -> at_place = 1
        :: else ->
            if
            :: is_to_mind(2) -> at_place = 2
            :: else -> at_place = (P(0).state == IS_FREE -> 0 : (P(1).state == IS_FREE -> 1 : 2))
            fi
        fi
    fi
}

/* handover_make() src/vault/handover.c: the first that nobody has */
#define has(i, n) (place[i].object == n)
#ifdef UPGRADE
#define is_claimed_queue(n) (has(0, n) || has(1, n) || has(2, n) || has(3, n) || has(4, n) || has(5, n))
#else
#define is_claimed_queue(n) (has(0, n) || has(1, n) || has(2, n))
#endif
inline handover_make()
{
    d_step {
        object = 0;
        do
        :: object < QUEUES && (e[object].lives || is_claimed_queue(object)) -> object++
        :: else -> break
        od;
        assert(object < QUEUES);
        e[object].head = 0;
        e[object].next = 0;
        e[object].is_shut = false;
        e[object].is_with_guard = true;
        e[object].phase = IS_STARTING;
        e[object].told = 0
    }
}

inline let_go()
{
    atomic { at_place = 0; object = NO_OBJECT }
}

/* entries_begin() src/guard/entries.c: HERITAGE_ENTRY_SENDING is closed */
inline entries_begin()
{
    ACT(d_step {
        object = 0;
        do
        :: object < QUEUES -> e[object].is_with_guard = false; object++
        :: else -> break
        od;
        object = NO_OBJECT
    })
}

/* entry_place_make() src/guard/entry_place.c */
inline entry_place_make()
{
    /* claim() src/guard/entry_place.c */
    ACT(handover_make(); P(at_place).object = object);
    /* fill() src/guard/entry_place.c */
    ACT(P(at_place).has_pid = false;
        P(at_place).edition = wanted[half(p[ME].table)];
        P(at_place).taken = 0;
        P(at_place).state = IS_MADE);
    /* make_process() src/guard/entry_place.c, clone_with_copy() src/process/clone.c */
    ACT(e[object].lives = true; set_conf(object));
    /* make_process() src/guard/entry_place.c: its pid is noted */
    ACT(P(at_place).has_pid = true);
    /* entry_place_make() src/guard/entry_place.c: the entry has its end */
    ACT(e[object].is_with_guard = false; at_place = 0; object = NO_OBJECT)
}

/* died() src/guard/entries.c */
inline entry_died()
{
    ACT(P(at_place).has_pid = false; count_death())
}

/* entries_step() src/guard/entries.c */
inline entries_step()
{
    ACT(find_place();
        if
        :: is_to_see_off(at_place) -> goto see_off
        :: else ->
            if
            /* kill_entry() src/guard/entries.c */
            :: is_to_kill(at_place) -> O(at_place).doomed = true; at_place = 0; goto turn
            /* shut_queue() src/guard/entries.c */
            :: is_to_shut(at_place) -> O(at_place).is_shut = true; at_place = 0; goto turn
            :: is_to_note(at_place) -> goto note_death
            /* handover_order() src/vault/handover.c */
            :: is_to_tell(at_place) && is_to_retire(at_place) ->
                O(at_place).told = IS_TOLD_TO_RETIRE;
                at_place = 0;
                goto turn
            /* mind_present() src/guard/entries.c */
            :: is_to_tell(at_place) && is_to_open(at_place) ->
                check_opening(P(at_place).object);
                O(at_place).told = IS_TOLD_TO_OPEN;
                at_place = 0;
                goto turn
            :: else ->
                if
                :: is_room_missing -> make_room(); at_place = 0; goto turn
                :: else /* make() src/guard/entries.c */
                fi
            fi
        fi);
    entry_place_make();
    goto turn;
note_death:
    /* mind_entry() src/guard/entries.c */
    entry_died();
    ACT(O(at_place).is_shut = true; at_place = 0);
    goto turn;
see_off:
    /* see_off() src/guard/entries.c */
    if
    :: P(at_place).has_pid -> entry_died()
    :: else
    fi;
    /* entry_place_free() src/guard/entry_place.c: closed, then free */
    ACT(P(at_place).object = NO_OBJECT);
    ACT(P(at_place).state = IS_FREE; at_place = 0)
}

/* ---- The worker's part ---- */

#define is_ended(n) (e[n].is_shut || (!e[n].lives && !e[n].is_with_guard))
#define has_news(i) \
    (P(i).state == IS_MADE && P(i).object != NO_OBJECT && \
     (e[P(i).object].head != 0 || is_ended(P(i).object)))

#define is_in(n) (e[n].head != 0 && slot[e[n].head - 1] == LIVE)
#define is_to_settle(i) (P(i).state == IS_MADE && P(i).object != NO_OBJECT && is_in(P(i).object))

/* handover_take() src/vault/handover.c */
inline take_head(n)
{
    e[n].head = e[n].next;
    e[n].next = 0
}

/* handover_settle() src/vault/handover.c: the message at the head is a live slot's */
inline handover_settle()
{
    skip;
#ifndef BREAK_SETTLE
settle:
    atomic {
        if
        :: is_to_settle(0) -> at_place = 0
        :: else ->
            if
            :: is_to_settle(1) -> at_place = 1
            :: else ->
                if
                :: is_to_settle(2) -> at_place = 2
                :: else -> goto settled
                fi
            fi
        fi
    };
    /* settle_one() src/vault/handover.c */
    STEP(P(at_place).taken = O(at_place).head);
    /* handover_take() src/vault/handover.c */
    STEP(take_head(P(at_place).object); at_place = 0);
    goto settle;
settled:
    skip
#endif
}

/* read_one() src/worker/inbox.c */
inline read_queue()
{
    /* handover_peek() src/vault/handover.c */
    STEP(assert(head_table == ME && is_proven);
         if
         :: O(at_place).head != 0 ->
             message = O(at_place).head - 1;
             if
             :: message + 1 <= P(at_place).taken -> goto throw_away
             :: else
             fi
         :: else -> goto ended
         fi);
#ifdef BREAK_TAKE
    STEP(take_head(P(at_place).object));
    STEP(assert(slot[message] == 0); slot[message] = LIVE);
    STEP(P(at_place).taken = message + 1; message = 0; at_place = 0);
#else
    /* arrive_claim() src/players/arrive.c, slot_claim() src/vault/slot.c: once for each player */
    STEP(assert(head_table == ME && slot[message] == 0); slot[message] = LIVE);
    /* take_in() src/worker/inbox.c */
    STEP(P(at_place).taken = message + 1; message = 0);
    /* take() src/worker/inbox.c, handover_take() src/vault/handover.c */
    STEP(take_head(P(at_place).object); at_place = 0);
#endif
    goto serving;
throw_away:
    /* throw_away() src/worker/inbox.c */
    STEP(take_head(P(at_place).object); message = 0; at_place = 0);
    goto serving;
ended:
    /* end() src/worker/inbox.c */
    STEP(P(at_place).state = IS_READ_OUT; at_place = 0);
    goto serving
}
#endif
