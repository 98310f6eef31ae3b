// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Tagged fields (state.h).
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 5u

static void make_room(struct state *state, size_t n_more)
{
    if (state->room - state->n >= n_more)
        return;
    state->room = state->n + n_more > 2 * state->room ? state->n + n_more : 2 * state->room;
    state->bytes = realloc(state->bytes, state->room);
    if (!state->bytes) {
        fprintf(stderr, "minimush: no memory\n");
        abort();
    }
}

void state_put(struct state *state, uint8_t tag, const void *value, size_t n)
{
    uint32_t length = (uint32_t)n;
    make_room(state, HEAD_BYTES + n);
    state->bytes[state->n] = tag;
    memcpy(state->bytes + state->n + 1, &length, sizeof length);
    if (n > 0)
        memcpy(state->bytes + state->n + HEAD_BYTES, value, n);
    state->n += HEAD_BYTES + n;
}

void state_put_number(struct state *state, uint8_t tag, int64_t number)
{
    state_put(state, tag, &number, sizeof number);
}

void state_free(struct state *state)
{
    free(state->bytes);
    *state = (struct state){0};
}

bool state_next(const uint8_t *bytes, size_t n, size_t *at, struct state_field *field)
{
    uint32_t length;
    if (n - *at < HEAD_BYTES)
        return false;
    memcpy(&length, bytes + *at + 1, sizeof length);
    if (length > n - *at - HEAD_BYTES)
        return false;
    *field =
        (struct state_field){.tag = bytes[*at], .value = bytes + *at + HEAD_BYTES, .n = length};
    *at += HEAD_BYTES + length;
    return true;
}

int64_t state_number(const struct state_field *field)
{
    int64_t number = 0;
    if (field->n == sizeof number)
        memcpy(&number, field->value, sizeof number);
    return number;
}
