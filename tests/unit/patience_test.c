// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How often who is refused on the control channel is told why (ops/patience.h).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/patience.h"

static unsigned n_told(struct patience *patience, uid_t uid, uint64_t now_ms, unsigned n)
{
    unsigned n_told = 0;
    for (unsigned i = 0; i < n; i++)
        n_told += patience_take(patience, uid, now_ms);
    return n_told;
}

static void a_user_is_told_so_often_and_then_as_time_goes(void **state)
{
    (void)state;
    struct patience patience = {0};
    uint64_t now_ms = 1;
    assert_int_equal(n_told(&patience, 7, now_ms, 1000), PATIENCE_AT_ONCE);
    assert_int_equal(n_told(&patience, 7, now_ms += PATIENCE_AGAIN_MS - 1, 1000), 0);
    assert_int_equal(n_told(&patience, 7, now_ms += 1, 1000), 1);
    assert_int_equal(n_told(&patience, 7, now_ms += PATIENCE_AGAIN_MS * 3, 1000), 3);
    unsigned n = 0;
    for (unsigned i = 0; i < 10000; i++) // for ever, without a break
        n += patience_take(&patience, 7, ++now_ms);
    assert_int_equal(n, 10000 / PATIENCE_AGAIN_MS);
    assert_int_equal(n_told(&patience, 7, now_ms += 86400 * 1000, 1000), PATIENCE_AT_ONCE);
}

static void nobody_is_untold_because_of_another(void **state)
{
    (void)state;
    struct patience patience = {0};
    for (uid_t uid = 0; uid < 5 * PATIENCE_USERS; uid++) {
        n_told(&patience, uid, 100 + uid, 1000);
        assert_int_equal(n_told(&patience, 100000 + uid, 100 + uid, 1000), PATIENCE_AT_ONCE);
    }
}

// They knock by turns: each is remembered as long as there is room.
static void so_many_users_are_remembered(void **state)
{
    (void)state;
    struct patience patience = {0};
    unsigned n = 0;
    for (unsigned i = 0; i < 2 * PATIENCE_USERS * PATIENCE_AT_ONCE; i++)
        n += n_told(&patience, i % PATIENCE_USERS, 5, 1);
    assert_int_equal(n, PATIENCE_USERS * PATIENCE_AT_ONCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_told_so_often_and_then_as_time_goes),
        cmocka_unit_test(nobody_is_untold_because_of_another),
        cmocka_unit_test(so_many_users_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
