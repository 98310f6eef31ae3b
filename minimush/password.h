// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Passwords are hashed with yescrypt (crypt(5)) on a thread of their own: a hash is meant to be
// slow, and five hundred players who log in at once must not make everybody else wait.
//
// Errors: a job that cannot be done comes back with is_well false.
#ifndef MINIMUSH_PASSWORD_H
#define MINIMUSH_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#define PASSWORD_MIN_BYTES 5u
#define PASSWORD_MAX_BYTES 128u
#define PASSWORD_HASH_BYTES 384u // CRYPT_OUTPUT_SIZE
#define PASSWORD_MIN_COST 1
#define PASSWORD_MAX_COST 11

struct event_base;
struct passwords;

enum password_task {
    PASSWORD_MAKE,   // a hash
    PASSWORD_CHECK,  // against a hash
    PASSWORD_CHANGE, // check, then make one of next
};

struct password_job {
    uint64_t link; // whose
    enum password_task task;
    char password[PASSWORD_MAX_BYTES + 1]; // wiped before the job comes back
    char next[PASSWORD_MAX_BYTES + 1];     // CHANGE: the new one; wiped, too
    char hash[PASSWORD_HASH_BYTES]; // in for CHECK and CHANGE ("": there is no such character;
                                    // takes as long), out for MAKE and CHANGE
    char name[64];                  // the caller's, unchanged
    bool is_well;                   // made; or the password is right
};

// done is called in the loop's thread. NULL: the thread could not be made.
struct passwords *passwords_start(struct event_base *base, int cost,
                                  void (*done)(const struct password_job *job, void *arg),
                                  void *arg);

// Waits for the job in hand and forgets the others.
void passwords_stop(struct passwords *passwords);

// Queue a copy of the job. False: no memory.
bool passwords_ask(struct passwords *passwords, const struct password_job *job);

#endif
