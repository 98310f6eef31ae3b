// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The manual holds exactly the tables that the program prints, and the example
// configuration is right. `man_test --write` puts the tables into the manual.
//
// Expects STAYD_SOURCE, the source folder, in the environment.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/conf.h"
#include "ops/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *path;
    const char *begin, *end;
    void (*print)(FILE *out);
} tables[] = {
    {"doc/man/stayd.8", ".\\\" events begin\n", ".\\\" events end\n", log_print_events_mdoc},
    {"doc/man/stayd.conf.5", ".\\\" options begin\n", ".\\\" options end\n",
     conf_print_options_mdoc},
    {"doc/man/stayctl.8", ".\\\" verbs begin\n", ".\\\" verbs end\n", request_print_verbs_mdoc},
};

static char *source_path(const char *path)
{
    static char whole[4096];
    const char *folder = getenv("STAYD_SOURCE");
    snprintf(whole, sizeof whole, "%s/%s", folder ? folder : ".", path);
    return whole;
}

static char *read_page(const char *path)
{
    static char text[1 << 17];
    FILE *file = fopen(source_path(path), "r");
    if (!file)
        return NULL;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

// The page with its table as it should be; the caller frees it. NULL: no page, or no marks in it.
static char *make_page(const char *page, unsigned i)
{
    char *made;
    size_t n_made;
    const char *begin = page ? strstr(page, tables[i].begin) : NULL;
    const char *end = begin ? strstr(begin, tables[i].end) : NULL;
    if (!end)
        return NULL;
    FILE *out = open_memstream(&made, &n_made);
    fprintf(out, "%.*s", (int)(begin + strlen(tables[i].begin) - page), page);
    tables[i].print(out);
    fputs(end, out);
    fclose(out);
    return made;
}

static void the_manual_holds_the_tables_that_the_program_prints(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const char *page = read_page(tables[i].path);
        char *wanted = make_page(page, i);
        if (!wanted || strcmp(page, wanted) != 0)
            fail_msg("%s differs; run man_test --write with STAYD_SOURCE set", tables[i].path);
        free(wanted);
    }
}

static void no_line_of_the_tables_is_a_stray_request(void **state)
{
    static const char *const macros[] = {".Ss ", ".Bl ", ".It ", ".Li ", ".El"};
    char *text;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    (void)state;
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++)
        tables[i].print(out);
    fclose(out);
    assert_null(strchr(text, '\\'));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        bool is_macro = false;
        for (unsigned i = 0; i < sizeof macros / sizeof macros[0]; i++)
            is_macro |= strncmp(line, macros[i], strlen(macros[i])) == 0;
        if (!is_macro && (*line == '.' || *line == '\''))
            fail_msg("a line that roff would take for a request: %s", line);
    }
    free(text);
}

static void the_example_configuration_is_right(void **state)
{
    struct conf conf;
    (void)state;
    if (conf_load(&conf, source_path("doc/stayd.conf.example"), stderr) != 0)
        fail_msg("the example is refused");
    assert_int_equal(conf.n_listeners, 2);
    assert_int_equal(conf.n_games, 1);
    conf_free(&conf);
}

// What the example shows as a default is one: uncommenting changes nothing. (Paths and users that
// need not exist here are left out.)
static void the_examples_commented_options_are_the_defaults(void **state)
{
    char path[] = "/tmp/stayd-man-XXXXXX", line[512];
    struct conf example, plain;
    int fd = mkstemp(path);
    FILE *in = fopen(source_path("doc/stayd.conf.example"), "r");
    FILE *out = fdopen(fd, "w");
    (void)state;
    assert_non_null(in);
    assert_non_null(out);
    while (fgets(line, sizeof line, in)) {
        bool is_option = strncmp(line, "; ", 2) == 0 && strstr(line, " = ") &&
                         !strstr(line, "user") && !strstr(line, "/etc/");
        fputs(is_option ? line + 2 : line, out);
    }
    fclose(in);
    fclose(out);
    int n = conf_load(&example, path, stderr);
    remove(path);
    assert_int_equal(n, 0);
    assert_int_equal(conf_load(&plain, source_path("doc/stayd.conf.example"), stderr), 0);
    assert_string_equal(example.control, plain.control);
    assert_int_equal(example.max_players, plain.max_players);
    assert_string_equal(example.log, plain.log);
    assert_int_equal(example.log_level, plain.log_level);
    assert_int_equal(example.names, plain.names);
    assert_int_equal(example.listener[0].tls_min, plain.listener[0].tls_min);
    assert_int_equal(example.game[0].header, plain.game[0].header);
    assert_true(example.game[0].hold_ms == plain.game[0].hold_ms);
    conf_free(&example);
    conf_free(&plain);
}

static int write_pages(void)
{
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *wanted = make_page(read_page(tables[i].path), i);
        FILE *file = wanted ? fopen(source_path(tables[i].path), "w") : NULL;
        if (!file || fputs(wanted, file) < 0 || fclose(file) != 0) {
            perror(tables[i].path);
            return 1;
        }
        free(wanted);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_holds_the_tables_that_the_program_prints),
        cmocka_unit_test(no_line_of_the_tables_is_a_stray_request),
        cmocka_unit_test(the_example_configuration_is_right),
        cmocka_unit_test(the_examples_commented_options_are_the_defaults),
    };
    if (argc == 2 && strcmp(argv[1], "--write") == 0)
        return write_pages();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
