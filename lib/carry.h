// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What goes through exec(2): a sequence of records, each a descriptor, facts of the
// library's and bytes of the game's. It stands in a sealed memfd whose number is in the
// environment (STAY_CARRY). The program after exec may be built with another version of
// the library: struct stay_player only grows, so facts are cut or filled up with zeroes.
//
//   file    magic "staycary", u32 version, u32 pid; records; a record of kind END
//   record  u32 kind, i32 fd, u32 bytes of facts, u32 bytes of state; facts; state
//
// Words are in the machine's own order: it is the same machine, and the same process.
//
// Errors: false or -1 with errno.
#ifndef STAY_CARRY_H
#define STAY_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAY_CARRY_VARIABLE "STAY_CARRY"
#define STAY_CARRY_MAX_STATE (16u << 20)

enum stay_carry_kind {
    STAY_CARRY_END,
    STAY_CARRY_LISTENER, // facts: the run directory
    STAY_CARRY_LOCK,
    STAY_CARRY_GUEST, // facts: as much of the header as has been read
    STAY_CARRY_PLAYER,
    STAY_CARRY_GAME,    // state: about the game itself
    STAY_CARRY_REQUEST, // state: a line to stayd that it has not answered
};

struct stay_carry {
    uint8_t *bytes;
    size_t n;
    size_t room;
};

struct stay_carry_record {
    uint32_t kind; // one that is not known is passed over
    int fd;        // -1: none
    const uint8_t *facts;
    size_t n_facts;
    const uint8_t *state;
    size_t n_state;
};

// Append a record; copies what it points to. False with errno: nothing was appended.
bool stay_carry_add(struct stay_carry *carry, const struct stay_carry_record *record);

// The record at *at, which is moved on; begin with 0. False: there is no further one. Sans-I/O.
bool stay_carry_next(const struct stay_carry *carry, size_t *at, struct stay_carry_record *record);

// Is this a whole file that process pid has written? If so, its frame is taken off *carry.
// Sans-I/O.
bool stay_carry_unwrap(struct stay_carry *carry, uint32_t pid);

// Give it and its descriptors to the program at path. Comes back only if that failed: -1 with
// errno, and every descriptor is close-on-exec again.
int stay_carry_exec(const struct stay_carry *carry, const char *path, char *const argv[]);

// Take up what this process's former program has left. False: nothing was.
bool stay_carry_load(struct stay_carry *carry);

void stay_carry_free(struct stay_carry *carry);

#endif
