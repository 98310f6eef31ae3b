// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The processes of a running stayd that are traced, with all that they make.
//
// A call is known by who makes it (the process' role: the name that it has given itself; "+" behind the maker's until
// it has, "!" after an exec), its number, its place in the program, and, of one that reads or writes,
// whether it does so on a socket.
#ifndef PROOF_CALLS_TRACEE_H
#define PROOF_CALLS_TRACEE_H

#include "place.h"
#include "watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ROLE_BYTES 24

struct call {
    char role[ROLE_BYTES];
    uint64_t number;
    struct place place;
    unsigned is_on_socket;
};

// What is still to be done when the call that a process is in returns.
enum due { DUE_NOTHING, DUE_FAILURE, DUE_DEATH, DUE_STEPS };

struct tracee {
    pid_t pid;    // 0: none
    bool is_met;  // its maker has said what it is
    bool is_held; // it has stopped, and waits for that
    enum due due;
    struct code code;
    struct call last;       // the call that it is in, or was in last
    char title[ROLE_BYTES]; // that it gives itself in the call that it is in; "": none
    struct watch *watch;
    bool is_watched;
};

bool call_is(const struct call *a, const struct call *b);

// Traced from now on, on the tracer's processor. False: it cannot be.
bool tracee_seize(pid_t pid);

struct tracee *tracee_find(pid_t pid);
struct tracee *tracee_add(pid_t pid);
void tracee_drop(struct tracee *tracee);

// The i-th of all, NULL: there are no more.
struct tracee *tracee_at(unsigned i);

void tracee_name(struct tracee *tracee, const char *name);
void tracee_resume(const struct tracee *tracee, int signal_number);
void tracee_kill(const struct tracee *tracee);

bool tracee_is_socket(const struct tracee *tracee, int fd);

// What the present call of the process, whose first argument this is, is about is gone: the connection of a stream is
// over in both directions; a process that is traced is killed.
void tracee_cut(const struct tracee *tracee, uint64_t argument);

// At a call's beginning: it is not made, but one that does nothing, which every filter of calls lets pass. (A number
// that is none, as ptrace(2) has it, is a SIGSYS in a unit of systemd.)
void tracee_skip_call(const struct tracee *tracee);

// At a call's end.
void tracee_set_error(const struct tracee *tracee, int error);

// Single steps, until the vault has changed n_changes times, or the next system call comes. How many changes there
// were.
unsigned tracee_step(struct tracee *tracee, unsigned n_changes);

#endif
