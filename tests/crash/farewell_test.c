// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker of a newcomer without a seat (farewell_world.h) dies at every point.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "farewell_world.h"

#include "base/log.h"

#include <sys/mman.h>

static void die_everywhere(enum world_kind kind)
{
    struct trap *trap =
        mmap(NULL, sizeof *trap, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned n_points = 0;
    assert_ptr_not_equal(trap, MAP_FAILED);
    for (int point = 0; point < POINT_COUNT; point++) {
        unsigned nth = 0;
        do {
            *trap = (struct trap){.point = (enum point)point, .nth = ++nth};
            farewell_live(kind, trap);
        } while (trap->has_fired);
        n_points += nth > 1;
    }
    print_message("%u of %d points reached\n", n_points, POINT_COUNT);
    assert_true(n_points >= 9);
    munmap(trap, sizeof *trap);
}

static void a_tls13_newcomer_hears_why_once_wherever_the_worker_dies(void **state)
{
    (void)state;
    die_everywhere(WORLD_TLS13);
}

static void a_tls12_newcomer_hears_why_once_wherever_the_worker_dies(void **state)
{
    (void)state;
    die_everywhere(WORLD_TLS12);
}

static void a_plain_newcomer_hears_why_once_wherever_the_worker_dies(void **state)
{
    (void)state;
    die_everywhere(WORLD_PLAIN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tls13_newcomer_hears_why_once_wherever_the_worker_dies),
        cmocka_unit_test(a_tls12_newcomer_hears_why_once_wherever_the_worker_dies),
        cmocka_unit_test(a_plain_newcomer_hears_why_once_wherever_the_worker_dies),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return record_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
