// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Bytes that go through a reboot, as a row of tagged fields: u8 tag, u32 length, value. A field
// that the reader does not know is passed over, so a newer minimush takes over from an older one
// and the other way round. Sans-I/O.
//
// Errors: writing ends the process when memory is out (as the rest of the game does); reading what
// is cut short ends at the cut.
#ifndef MINIMUSH_STATE_H
#define MINIMUSH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
    uint8_t *bytes;
    size_t n;
    size_t room;
};

struct state_field {
    uint8_t tag;
    const uint8_t *value;
    size_t n;
};

void state_put(struct state *state, uint8_t tag, const void *value, size_t n);
void state_put_number(struct state *state, uint8_t tag, int64_t number);
void state_free(struct state *state);

// The field at *at, which is moved on; begin with 0. False: there is no further one.
bool state_next(const uint8_t *bytes, size_t n, size_t *at, struct state_field *field);

// The field's number; 0 when it is not one.
int64_t state_number(const struct state_field *field);

#endif
