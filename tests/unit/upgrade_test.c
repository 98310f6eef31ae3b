// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What one program hands to the next, and the note of an upgrade in the vault.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/upgrade/baton.h"
#include "vault/upgrading.h"
#include "vault/vault.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void what_is_written_is_read(void **state)
{
    const struct baton out = {
        .vault_fd = 7,
        .guard_word = 3ull << 32 | 4711,
        .table_number = UINT64_MAX,
        .started_ms = 12,
        .program = (char *)"/opt/a path/stayd",
        .shape = (char *)"control /run/x y.sock\nlisten 0 tls [::]:4202\ngame 1 mush\n",
        .gone = (char *)"3 plain\n",
        .places = (char *)"2 \n",
    };
    struct baton in;
    (void)state;
    char *text = baton_write(&out);
    assert_non_null(text);
    assert_true(baton_read(&in, text));
    assert_int_equal(in.vault_fd, 7);
    assert_true(in.guard_word == out.guard_word && in.table_number == out.table_number);
    assert_int_equal(in.started_ms, 12);
    assert_string_equal(in.program, out.program);
    assert_string_equal(in.shape, out.shape);
    assert_string_equal(in.gone, out.gone);
    assert_string_equal(in.places, out.places);
    static struct conf conf;
    assert_true(baton_names(&in, &conf));
    assert_int_equal(conf.n_listeners, 4);
    assert_string_equal(conf.listener[0].name, "tls");
    assert_string_equal(conf.listener[3].name, "plain");
    assert_true(conf.listener[3].is_gone && !conf.listener[0].is_gone);
    assert_int_equal(conf.n_games, 2);
    assert_string_equal(conf.game[1].name, "mush");
    baton_free(&in);
    free(text);
}

static const char whole[] = "vault 7\nguard 1\ntable 2\nstarted 3\nprogram /p\nshape game m\n";

static bool is_read(const char *text)
{
    struct baton baton;
    bool is_good = baton_read(&baton, text);
    baton_free(&baton);
    return is_good;
}

static void what_a_later_program_adds_is_passed_over(void **state)
{
    char text[256];
    (void)state;
    assert_true(is_read(whole));
    snprintf(text, sizeof text, "%sfuture 12 words\nnumber 9\n", whole);
    assert_true(is_read(text));
}

static void a_baton_that_lacks_something_is_refused(void **state)
{
    (void)state;
    for (const char *line = whole; *line; line = strchr(line, '\n') + 1) {
        char text[256];
        const char *rest = strchr(line, '\n') + 1;
        snprintf(text, sizeof text, "%.*s%s", (int)(line - whole), whole, rest);
        assert_false(is_read(text));
    }
    assert_false(is_read(""));
    assert_false(is_read("vault"));
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const vaults[] = {"-1", "7x", "x", " 7", "99999999999", ""};
    (void)state;
    for (size_t i = 0; i < sizeof vaults / sizeof *vaults; i++) {
        char text[256];
        snprintf(text, sizeof text, "vault %s\n%s", vaults[i], strchr(whole, '\n') + 1);
        assert_false(is_read(text));
    }
}

static void the_shape_is_what_slots_and_sockets_name(void **state)
{
    struct conf_address address = {.text = (char *)"127.0.0.1:4201"};
    static struct conf conf = {
        .control = (char *)"/c", .log = (char *)"syslog", .n_listeners = 2, .n_games = 1};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(conf.listener[i].name, CONF_NAME_BYTES, "l%u", i);
        conf.listener[i].address[0] = address;
        conf.listener[i].n_addresses = 1;
    }
    snprintf(conf.game[0].name, CONF_NAME_BYTES, "mush");
    char *shape = baton_shape(&conf);
    assert_string_equal(shape, "control /c\nlog syslog\nlisten 0 l0 127.0.0.1:4201\n"
                               "listen 1 l1 127.0.0.1:4201\ngame 0 mush\n");
    free(shape);
}

static struct vault_head *make_head(void)
{
    static struct vault_head head;
    memset(&head, 0, sizeof head);
    return &head;
}

static void an_order_is_taken_up_once_however_often_it_is_repeated(void **state)
{
    struct vault_head *head = make_head();
    char path[VAULT_PATH_BYTES];
    (void)state;
    assert_int_equal(upgrading_ask(head, 5, "/new"), UPGRADING_ASKED);
    assert_int_equal(upgrading_ask(head, 5, "/new"), UPGRADING_ASKED);
    assert_int_equal(upgrading_ask(head, 6, ""), UPGRADING_ANOTHER);
    upgrading_begin(head, "1", path);
    assert_string_equal(path, "/new");
    assert_int_equal(upgrading_ask(head, 5, "/new"), UPGRADING_RUNS);
    assert_int_equal(upgrading_ask(head, 6, ""), UPGRADING_ANOTHER);
    upgrading_set(head, UPGRADE_PROBATION, "");
    assert_int_equal(upgrading_ask(head, 5, "/new"), UPGRADING_RUNS);
    upgrading_set(head, UPGRADE_BACK, "of its \"words\",\nof two lines");
    assert_int_equal(upgrading_ask(head, 5, "/new"), UPGRADING_DONE);
    assert_string_equal(head->upgrade.why, "of its 'words', of two lines");
    // A signal has no path, and is nobody's order.
    upgrading_begin(head, "1", path);
    assert_string_equal(path, "");
    upgrading_set(head, UPGRADE_GOOD, "");
    assert_int_equal(upgrading_ask(head, 6, ""), UPGRADING_ASKED);
}

static void
a_guard_killed_as_it_takes_up_an_order_does_not_answer_it_with_an_older_one(void **state)
{
    struct vault_head *head = make_head();
    char path[VAULT_PATH_BYTES];
    (void)state;
    assert_int_equal(upgrading_ask(head, 5, ""), UPGRADING_ASKED);
    upgrading_begin(head, "1", path);
    upgrading_set(head, UPGRADE_GOOD, "");
    assert_int_equal(upgrading_ask(head, 6, ""), UPGRADING_ASKED);
    // What upgrading_begin has stored first; then a new guard notes the end.
    upgrading_set(head, UPGRADE_TRIAL, "");
    upgrading_set(head, UPGRADE_REFUSED, "the guard died meanwhile");
    assert_int_equal(upgrading_ask(head, 6, ""), UPGRADING_ASKED);
}

static void each_table_has_its_own_list_of_the_guards_descriptors(void **state)
{
    struct vault vault;
    struct vault next;
    (void)state;
    assert_int_equal(vault_make(&vault, 4), 0);
    next = vault;
    next.table_number = vault.table_number + 1;
    assert_true(vault_is_proven(&vault) && !vault_is_proven(&next));
    vault_guard_fds(&vault)[3] = 30;
    assert_int_equal(vault_guard_fds(&next)[3], -1);
    vault.head->table_number = next.table_number;
    assert_true(!vault_is_proven(&vault) && vault_is_proven(&next));
    int fd = vault.fd;
    vault_unmap(&vault);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_a_later_program_adds_is_passed_over),
        cmocka_unit_test(a_baton_that_lacks_something_is_refused),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(the_shape_is_what_slots_and_sockets_name),
        cmocka_unit_test(an_order_is_taken_up_once_however_often_it_is_repeated),
        cmocka_unit_test(
            a_guard_killed_as_it_takes_up_an_order_does_not_answer_it_with_an_older_one),
        cmocka_unit_test(each_table_has_its_own_list_of_the_guards_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
