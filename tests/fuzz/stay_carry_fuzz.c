// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a game's process leaves to itself over exec. The input is read as the whole file, and,
// behind a good frame, as records. Held: each record lies within the file, they do not overlap, and
// written anew they are the same bytes.
//
// Errors: abort.
#include "carry.h"
#include "fuzz.h"

#define PID 4321u

// magic, version 1, pid
static const uint8_t frame[16] = {'s', 't', 'a', 'y', 'c', 'a',        'r',
                                  'y', 1,   0,   0,   0,   PID & 0xff, PID >> 8};
// kind END, no descriptor, nothing
static const uint8_t end[16] = {[4] = 0xff, 0xff, 0xff, 0xff};

static void read_records(const struct stay_carry *carry)
{
    struct stay_carry anew = {0};
    struct stay_carry_record record;
    size_t at = 0;
    for (size_t before = 0; stay_carry_next(carry, &at, &record); before = at) {
        hold(record.facts >= carry->bytes + before &&
             record.state == record.facts + record.n_facts);
        hold(record.state + record.n_state == carry->bytes + at && at <= carry->n);
        hold(stay_carry_add(&anew, &record));
    }
    hold(anew.n == at && (at == 0 || memcmp(anew.bytes, carry->bytes, at) == 0));
    stay_carry_free(&anew);
}

static void read_file(const uint8_t *data, size_t size, bool is_framed)
{
    size_t n_frame = is_framed ? sizeof frame : 0;
    size_t n_end = is_framed ? sizeof end : 0;
    struct stay_carry carry = {.bytes = malloc(n_frame + size + n_end),
                               .n = n_frame + size + n_end};
    hold(carry.bytes != NULL || carry.n == 0);
    carry.room = carry.n;
    if (is_framed) {
        memcpy(carry.bytes, frame, n_frame);
        memcpy(carry.bytes + n_frame + size, end, n_end);
    }
    if (size > 0)
        memcpy(carry.bytes + n_frame, data, size);
    size_t n = carry.n;
    if (stay_carry_unwrap(&carry, PID)) {
        hold(carry.n <= n - sizeof frame - sizeof end);
        read_records(&carry);
    }
    stay_carry_free(&carry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_file(data, size, false);
    read_file(data, size, true);
    return 0;
}
