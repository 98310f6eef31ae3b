// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// All of stayd is gone while the game runs (out of memory, kill -9 of every process, SIGTERM from
// somebody else): its players are lost, and nobody could connect any more. So it is started again.
//
//   control channel away, lock free for STAY_REVIVE_FIRST_MS ──▶ started ──▶ attached: counted
//                                    ▲                               │
//                                    └──the wait doubles, up to──────┘
//                                       STAY_REVIVE_LAST_MS
//
// Nobody waits for it: it is looked after in the turns that stay_accept and stay_work have.
//
// Errors: stayd's own complaints become remarks, and count as refused.
#ifndef STAY_REVIVE_H
#define STAY_REVIVE_H

#include <stdbool.h>
#include <stdint.h>

#define STAY_REVIVE_FIRST_MS 1000u
#define STAY_REVIVE_NEXT_MS 2000u
#define STAY_REVIVE_LAST_MS 60000u
#define STAY_REVIVE_SAID_BYTES 1024u

struct stay;

struct stay_revive {
    char *program;   // NULL: somebody else starts stayd
    bool is_over;    // the game itself has ended stayd, or is about to end
    bool is_tried;   // it was started since it was seen gone
    uint64_t due_ms; // when it is to be started; 0: it is there
    uint64_t wait_ms;
    int said_fd; // what the one that starts says; -1: none
    char said[STAY_REVIVE_SAID_BYTES];
    unsigned n; // times that it came back
};

// Copies the program's name. False with errno.
bool stay_revive_open(struct stay_revive *revive, const char *program);
void stay_revive_close(struct stay_revive *revive);

// Do what is due now.
void stay_revive_work(struct stay *stay);

#endif
