// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What an entry hands over, and is not whole (vault/arrival.h).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/record.h"
#include "vault/arrival.h"

static struct arrival an_arrival(void)
{
    return (struct arrival){.tls_version = RECORD_TLS13,
                            .suite = 0x1301,
                            .cipher = RECORD_AES_128_GCM,
                            .write_limit = RECORD_MAX_TEXT};
}

static void a_limit_of_records_is_one_that_can_be_agreed_on(void **state)
{
    static const uint16_t bad[] = {0, 1, 2, 511, 16385, 65535};
    struct arrival arrival = an_arrival();
    (void)state;
    assert_null(arrival_doubt(&arrival));
    arrival.write_limit = 512;
    assert_null(arrival_doubt(&arrival));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arrival.write_limit = bad[i];
        assert_non_null(arrival_doubt(&arrival));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_records_is_one_that_can_be_agreed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
