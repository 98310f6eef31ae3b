// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which connections are HTTP (telnet/http.h). Each text is followed whole, and byte by byte.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "telnet/http.h"

#include <string.h>

static uint8_t follow(uint8_t (*follow_more)(uint8_t, const uint8_t *, size_t),
                      bool (*is_valid)(uint8_t), const char *text)
{
    const uint8_t whole = follow_more(0, (const uint8_t *)text, strlen(text));
    uint8_t state = 0;
    for (const char *at = text; *at; at++) {
        state = follow_more(state, (const uint8_t *)at, 1);
        assert_true(is_valid(state));
    }
    assert_int_equal(state, whole);
    return whole;
}

static bool is_http(const char *request, const char *answer)
{
    return http_is_it(follow(http_follow_request, http_is_valid_request, request),
                      follow(http_follow_answer, http_is_valid_answer, answer));
}

static void requests_and_their_answers_are_http(void **state)
{
    (void)state;
    assert_true(is_http("GET /wsclient HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 101 Switching"));
    assert_true(is_http("GET / HTTP/1.0\r\n", "HTTP/1.0 200 OK\r\n"));
    assert_true(is_http("POST /a%20b HTTP/1.1\r\n\r\n\xff\xfb\x01", "HTTP/1.1 404 Not Found"));
    assert_true(is_http("GET  /x  HTTP HTTP/1.1\r\n", "HTTP/1."));
    assert_true(is_http("OPTIONS * HTTP/1.1\r\n", ""));
    assert_true(is_http("GET / HTTP/1.1\r\n", "HT")); // more may come
}

static void others_are_not(void **state)
{
    (void)state;
    assert_false(is_http("", "HTTP/1.1 200 OK"));
    assert_false(is_http("GET", ""));
    assert_false(is_http("GET LAMP\r\n", "HTTP/1.1 200 OK"));
    assert_false(is_http("GET LAMP\r\nGET / HTTP/1.1\r\n", "HTTP/1.1 200 OK"));
    assert_false(is_http(" GET / HTTP/1.1\r\n", ""));
    assert_false(is_http("get / HTTP/1.1\r\n", ""));
    assert_false(is_http("\xff\xfb\x1fGET / HTTP/1.1\r\n", ""));
    assert_false(is_http("GET /\xff HTTP/1.1\r\n", ""));
    assert_false(is_http("ABCDEFGHIJKLMNOP / HTTP/1.1\r\n", ""));
    assert_false(is_http("GET / HTTP/2.0\r\n", ""));
    assert_false(is_http("GET / HTTP/1.1\r\n", "Welcome!\r\n"));
    assert_false(is_http("GET / HTTP/1.1\r\n", "HTTP/2"));
    assert_false(is_http("GET / HTTP/1.1\r\n", "\r\nHTTP/1.1 200 OK"));
}

static void states_that_cannot_be_are_told(void **state)
{
    (void)state;
    assert_false(http_is_valid_request(11));
    assert_false(http_is_valid_request(24));
    assert_false(http_is_valid_request(128));
    assert_false(http_is_valid_answer(7)); // there is no such letter of an answer
    assert_false(http_is_valid_answer(16));
    assert_false(http_is_valid_answer(128));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_their_answers_are_http),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(states_that_cannot_be_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
