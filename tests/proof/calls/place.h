// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where in the program a process is that makes a system call: the innermost return addresses on its stack that lie
// in the program itself, as offsets in its file. (Nothing is unwound: words of the stack that a call instruction
// stands before are taken for return addresses. What an earlier call has left there may be among them; it is
// the same each time.)
#ifndef PROOF_CALLS_PLACE_H
#define PROOF_CALLS_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACE_FRAMES 3

struct place {
    uint32_t frame[PLACE_FRAMES]; // 0: none
};

// The code of the program that a process executes.
struct code {
    const uint8_t *file; // all of the program's file
    uint64_t from, to;   // addresses in the process
    uint64_t offset;     // of `from` in the file
};

// Anew after each exec. False: it cannot be seen (it has died).
bool place_find_code(pid_t pid, struct code *code);

struct place place_find(pid_t pid, const struct code *code, uint64_t stack_pointer);

#endif
