// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What minimush leaves to its next process, in whatever form it comes back. Held: each field lies
// within the bytes, they do not overlap, and written anew they are the same bytes.
//
// Errors: abort.
#include "fuzz.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state anew = {0};
    struct state_field field;
    size_t at = 0;
    for (size_t before = 0; state_next(data, size, &at, &field); before = at) {
        hold(field.value > data + before && field.value + field.n == data + at && at <= size);
        hold(field.n == sizeof(int64_t) || state_number(&field) == 0);
        state_put(&anew, field.tag, field.value, field.n);
    }
    hold(anew.n == at && (at == 0 || memcmp(anew.bytes, data, at) == 0));
    state_free(&anew);
    return 0;
}
