// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The game's door: the listening socket, those who have knocked and not yet said who
// they are (guests), and one epoll descriptor that covers them all, the control channel too.
//
//   connect ──accept4──▶ stranger ──▶ closed (n_strangers)
//                 └────▶ guest ──whole header──▶ handed out as a player (n_players)
//                          ├──not a header──▶ closed (n_bad)
//                          ├──end of file──▶ closed (n_gone)
//                          └──deadline──▶ closed (n_late)
//
// Only the header's own bytes are read: what the player types stays in the socket.
// Owns the listener and the guests' descriptors. Never blocks, never spins: when
// descriptors run out, accepting pauses for STAY_DOOR_PAUSE_MS.
//
// Errors: those of one connection end it and are counted.
#ifndef STAY_DOOR_H
#define STAY_DOOR_H

#include "control.h"
#include "stay.h"

#define STAY_DOOR_PAUSE_MS 100

struct stay_guest {
    struct stay_guest *next;
    struct stay_guest *previous;
    uint64_t deadline_ms;
    uint8_t *in; // as much of the header as has come
    size_t n_in;
    size_t room;
    int fd;
    bool is_watched;
};

struct stay_door {
    int epoll_fd;
    int timer_fd;
    int listener_fd;
    uid_t user; // besides root and ourselves
    unsigned timeout_ms;
    uint64_t resume_ms;       // accepting pauses until then; 0: it does not
    bool is_ringing;          // readable although nothing has come, see stay_door_ring
    struct stay_guest *first; // the oldest, and thus the first whose time is up
    struct stay_guest *last;
    struct stay_counts counts;
    uint8_t *shown;               // the header whose state the last player was handed out with
    struct stay_control *control; // worked on when it is due; borrowed; NULL: none
};

// Opens the door on nothing. False with errno.
bool stay_door_open(struct stay_door *door, uid_t user, unsigned timeout_ms);

// Listen. The door owns fd from now on, even if it returns false with errno.
bool stay_door_listen(struct stay_door *door, int fd);

void stay_door_close(struct stay_door *door);

// Work on the control channel, and set the timer to what it waits for next.
void stay_door_work(struct stay_door *door);

// The next player: 1; 0: nobody now. A resumed player's state is valid until the next call.
int stay_door_next(struct stay_door *door, struct stay_player *player);

// Keep the descriptor readable until this is called with false, for players who wait elsewhere.
void stay_door_ring(struct stay_door *door, bool is_ringing);

// Take in somebody whose first bytes have been read already (carried over a reboot), with a new
// deadline. Copies the bytes. False, fd closed: no memory.
bool stay_door_readmit(struct stay_door *door, int fd, const uint8_t *in, size_t n_in);

#endif
