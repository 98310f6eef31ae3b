// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush's table of commands, and its help.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "command.h"
#include "flags.h"
#include "help.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const struct object player = {.kind = WORLD_PLAYER};
static const struct object wizard = {.kind = WORLD_PLAYER, .flags = WORLD_WIZARD};

static const char *meant(const struct object *by, const char *word)
{
    const struct command *command = command_find(by, word);
    return command != NULL ? command->name : "";
}

static void every_command_has_a_help_text_that_names_it(void **state)
{
    (void)state;
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct command *command = command_at(i);
        const char *text = help_find(command->topic);
        assert_non_null(text);
        const char *slash = strchr(command->name, '/');
        assert_non_null(strcasestr(text, slash != NULL ? slash : command->name));
    }
    assert_non_null(help_find("help"));
    assert_null(help_find("no such thing"));
}

static void help_lines_fit_a_window_of_eighty_columns(void **state)
{
    (void)state;
    for (size_t i = 0; command_at(i) != NULL; i++) {
        for (const char *text = help_find(command_at(i)->topic); *text != '\0';) {
            size_t n = strcspn(text, "\n");
            assert_true(n <= 80);
            text += n + (text[n] == '\n' ? 1 : 0);
        }
    }
}

static void names_are_taken_in_any_case_and_shortened(void **state)
{
    (void)state;
    assert_string_equal(meant(&player, "LOOK"), "look");
    assert_string_equal(meant(&player, "l"), "look");
    assert_string_equal(meant(&player, "exa"), "examine");
    assert_string_equal(meant(&player, "inv"), "inventory");
    assert_string_equal(meant(&player, "i"), "inventory");
    assert_string_equal(meant(&player, "p"), "page");
    assert_string_equal(meant(&player, "@desc"), "@describe");
    assert_string_equal(meant(&player, "@channel/l"), "@channel/list");
    assert_string_equal(meant(&player, "take"), "get");
    assert_string_equal(meant(&player, ""), "");
    assert_string_equal(meant(&player, "@"), "");
    assert_string_equal(meant(&player, "s"), "");
}

static void what_cannot_be_taken_back_is_typed_in_full(void **state)
{
    (void)state;
    assert_string_equal(meant(&player, "qui"), "");
    assert_string_equal(meant(&player, "QUIT"), "quit");
    assert_string_equal(meant(&wizard, "@shut"), "");
    assert_string_equal(meant(&wizard, "@dest"), "");
    assert_string_equal(meant(&player, "@destroy"), "@destroy");
}

static void wizards_commands_are_wizards_alone(void **state)
{
    (void)state;
    static const char *const words[] = {"@shutdown", "@shutdown/reboot", "@boot",
                                        "@wall",     "@sitelock",        "@channel/add"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_string_equal(meant(&player, words[i]), "");
        assert_string_equal(meant(&wizard, words[i]), words[i]);
    }
}

static void no_name_stands_twice_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; command_at(i) != NULL; i++) {
        assert_true(command_find(&wizard, command_at(i)->name) == command_at(i));
        if (command_at(i)->alias[0] != '\0')
            assert_true(command_find(&wizard, command_at(i)->alias) == command_at(i));
    }
}

static void flags_have_names_both_ways(void **state)
{
    (void)state;
    char names[128];
    assert_int_equal(flag_of("link_ok"), WORLD_LINK_OK);
    assert_int_equal(flag_of("nonsense"), 0);
    assert_string_equal(flag_names(0, names, sizeof names), "none");
    assert_string_equal(flag_names(WORLD_DARK | WORLD_FIXED, names, sizeof names), "DARK FIXED");
}

static void a_line_is_cut_at_its_equals_sign(void **state)
{
    (void)state;
    char text[] = "  me =  a = b ";
    assert_string_equal(text_cut(text), "a = b");
    assert_string_equal(text, "me");
    char none[] = " no sign ";
    assert_null(text_cut(none));
    assert_string_equal(none, "no sign");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_has_a_help_text_that_names_it),
        cmocka_unit_test(help_lines_fit_a_window_of_eighty_columns),
        cmocka_unit_test(names_are_taken_in_any_case_and_shortened),
        cmocka_unit_test(what_cannot_be_taken_back_is_typed_in_full),
        cmocka_unit_test(wizards_commands_are_wizards_alone),
        cmocka_unit_test(no_name_stands_twice_in_the_table),
        cmocka_unit_test(flags_have_names_both_ways),
        cmocka_unit_test(a_line_is_cut_at_its_equals_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
