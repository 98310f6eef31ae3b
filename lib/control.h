// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The game's end of the control channel (doc/PROTOCOL.control): attaches on every new connection,
// sends what the queue holds, takes the answers, and connects again when stayd's worker has died.
//
//              ┌──────────────lose: end, error, out of step──────────────┐
//              ▼                                                         │
//   AWAY ──reach──▶ GREETING ──greet──▶ ATTACHING ──attached──▶ READY ───┤
//               ▲                                                        │
//   HOPELESS ───┘                                                        │
//      ▲                                                                 │
//      └───give_up: nobody listens there, or stayd refuses the game──────┘
//
// AWAY and HOPELESS last 20 ms, then twice as long each time, up to a second;
// STAY_CONTROL_REFUSED_MS when stayd does not know the game or its user. In HOPELESS nobody should
// wait for what was asked; stay_control_hurry makes it AWAY. Never blocks: its descriptor is watched
// by the epoll descriptor it was given, under the address of the struct; its owner calls
// stay_control_work then, and at stay_control_due_ms.
//
// Errors: of the connection are met by another one; what stayd refuses is counted and remarked.
#ifndef STAY_CONTROL_H
#define STAY_CONTROL_H

#include "answer.h"
#include "requests.h"

#define STAY_CONTROL_FIRST_WAIT_MS 20u
#define STAY_CONTROL_LAST_WAIT_MS 1000u
#define STAY_CONTROL_REFUSED_MS 30000u

enum stay_control_phase {
    STAY_CONTROL_AWAY,
    STAY_CONTROL_HOPELESS,
    STAY_CONTROL_GREETING,
    STAY_CONTROL_ATTACHING,
    STAY_CONTROL_READY,
};

struct stay_control_settings {
    int epoll_fd;       // borrowed
    const char *path;   // of the socket; copied
    const char *attach; // verb and arguments; copied
    uid_t user;         // whom to speak with, besides root and ourselves; 0: nobody
    char *remarks;      // lines are added to this string, the caller's, as far as they fit
    size_t remarks_size;
};

struct stay_control {
    struct stay_control_settings settings;
    enum stay_control_phase phase;
    int fd;
    bool is_watched_for_room; // what the epoll descriptor was told last
    uint64_t due_ms;          // AWAY, HOPELESS: when to try again
    uint64_t wait_ms;
    size_t n_sent; // of the line that goes out
    char attach_id[STAY_REQUESTS_ID_BYTES];
    char *plan; // announced, and again after each attach, which takes it back. NULL: nothing
    uint64_t n_refused;
    struct stay_requests requests;
    struct stay_reader reader;
};

// Not connected.
static inline bool stay_control_is_away(const struct stay_control *control)
{
    return control->phase == STAY_CONTROL_AWAY || control->phase == STAY_CONTROL_HOPELESS;
}

// Does not connect yet: is due at once. False with errno.
bool stay_control_open(struct stay_control *control, const struct stay_control_settings *settings);

// What was not answered is forgotten.
void stay_control_close(struct stay_control *control);

// Do what can be done now.
void stay_control_work(struct stay_control *control);

// Try at once, if the time for it has not come yet.
void stay_control_hurry(struct stay_control *control);

// When stay_control_work is to be called, whatever the descriptor says. 0: at no time.
uint64_t stay_control_due_ms(const struct stay_control *control);

// Something was put into the queue: makes the epoll descriptor readable when it can be sent.
void stay_control_wake(struct stay_control *control);

// Announce (verb and arguments), and again after every attach. False with errno.
bool stay_control_plan(struct stay_control *control, const char *words);

#endif
