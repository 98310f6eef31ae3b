// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The PennMUSH drop-in without its sockets: the settings, the configuration made of them, and the
// lines that it and stayd say to each other.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dropin/configuration.h"
#include "players/connector_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char error[2048];

static struct settings make_settings(void)
{
    struct settings settings = {.normal_port = 4201, .ssl_port = 4202, .keepalive_timeout = 300};
    strcpy(settings.socket_file, "data/netmush.sock");
    strcpy(settings.ssl_ip_addr, "127.0.0.1");
    return settings;
}

static bool is_read(const struct settings *settings)
{
    struct settings read;
    memset(error, 0, sizeof error);
    return settings_read(&read, settings, sizeof *settings, error, sizeof error);
}

// It is refused, with words that say this, and what to do.
static void assert_refused(const struct settings *settings, const char *words)
{
    assert_false(is_read(settings));
    if (!strstr(error, words))
        fail_msg("%s: %s", words, error);
}

static void settings_are_taken_whole_or_not_at_all(void **state)
{
    struct settings settings = make_settings();
    struct settings read;
    uint8_t more[SETTINGS_BYTES + 1] = {0};
    (void)state;
    assert_true(is_read(&settings));
    memcpy(more, &settings, sizeof settings);
    for (size_t n = 0; n <= sizeof more; n++)
        assert_int_equal(settings_read(&read, more, n, error, sizeof error), n == SETTINGS_BYTES);
    assert_non_null(strstr(error, "1365 bytes of settings"));
}

static void settings_that_make_no_sense_are_another_pennmushs(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 7; wrong++) {
        struct settings settings = make_settings();
        int32_t *const numbers[] = {&settings.ssl_port,          &settings.ssl_port,
                                    &settings.normal_port,       &settings.require_client_cert,
                                    &settings.keepalive_timeout, &settings.require_client_cert,
                                    &settings.ssl_port};
        static const int32_t values[] = {0, 65536, -1, 2, -1, -1, 1 << 24};
        *numbers[wrong] = values[wrong];
        assert_refused(&settings, "use its own ssl_slave");
    }
    struct settings settings = make_settings();
    memset(settings.socket_file, 'a', sizeof settings.socket_file);
    assert_refused(&settings, "socket_file is no name of a file");
    settings = make_settings();
    strcpy(settings.ca_file, "ca\n[game evil]");
    assert_refused(&settings, "ssl_ca_file is no name of a file");
    settings = make_settings();
    strcpy(settings.certificate_file, "my, cert");
    assert_refused(&settings, "rename the file");
    settings = make_settings();
    settings.socket_file[0] = '\0';
    assert_refused(&settings, "there is no socket_file");
    settings = make_settings();
    settings.require_client_cert = 1;
    assert_refused(&settings, "nobody could get in");
}

// Without this line in it the text must not be.
static void assert_line(const char *text, const char *line, bool is_there)
{
    const char *at = strstr(text, line);
    bool is_found = at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
    if (is_found != is_there)
        fail_msg("%s %s:\n%s", is_there ? "no" : "a", line, text);
}

static void write_pem(const char *path, const char *blocks)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(blocks, file);
    fclose(file);
}

static char *configure(const struct settings *settings)
{
    char *text = configuration_write(settings, "/home/mush/game", "/home/mush/game/data/stayd.run",
                                     error, sizeof error);
    if (!text)
        fail_msg("%s", error);
    return text;
}

static void the_configuration_says_what_the_game_set(void **state)
{
    struct settings settings = make_settings();
    (void)state;
    char *text = configure(&settings);
    assert_memory_equal(text, CONFIGURATION_MARK, strlen(CONFIGURATION_MARK));
    assert_line(text, "control = /home/mush/game/data/stayd.run/control.sock", true);
    assert_line(text, "address = 127.0.0.1:4202", true);
    assert_line(text, "keepalive = 300s", true);
    assert_line(text, "connect = unix:/home/mush/game/data/netmush.sock", true);
    assert_line(text, "header = pennmush", true);
    assert_line(text, "links = connector", true);
    assert_null(strstr(text, "certificate"));
    assert_null(strstr(text, "client-ca"));
    free(text);
    strcpy(settings.ca_file, "/etc/ca.pem"); // PennMUSH makes no use of it, either
    text = configure(&settings);
    assert_null(strstr(text, "client-ca"));
    free(text);
    settings.require_client_cert = 1;
    settings.keepalive_timeout = 1 << 30;
    strcpy(settings.ssl_ip_addr, "::1");
    text = configure(&settings);
    assert_line(text, "client-ca = /etc/ca.pem", true);
    assert_line(text, "client-certificates = require", true);
    assert_line(text, "keepalive = 86400s", true);
    assert_line(text, "address = [::1]:4202", true);
    free(text);
}

static void certificate_and_key_are_found_in_either_file(void **state)
{
    char folder[] = "/tmp/stayd-dropin-XXXXXX";
    char key_file[64], certificate_file[64], key_line[80], certificate_line[80];
    struct settings settings = make_settings();
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    snprintf(certificate_file, sizeof certificate_file, "%s/cert", folder);
    strcpy(settings.private_key_file, key_file);
    strcpy(settings.certificate_file, certificate_file);
    static const struct {
        const char *in_key_file, *in_certificate_file;
        bool is_key_in_first, is_certificate_in_first;
    } cases[] = {
        {"-----BEGIN PRIVATE KEY-----\n", "-----BEGIN CERTIFICATE-----\n", true, false},
        {"-----BEGIN EC PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n", "", true, true},
        {"x", "-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_pem(key_file, cases[i].in_key_file);
        write_pem(certificate_file, cases[i].in_certificate_file);
        snprintf(key_line, sizeof key_line, "key = %s",
                 cases[i].is_key_in_first ? key_file : certificate_file);
        snprintf(certificate_line, sizeof certificate_line, "certificate = %s",
                 cases[i].is_certificate_in_first ? key_file : certificate_file);
        char *text = configure(&settings);
        assert_line(text, key_line, true);
        assert_line(text, certificate_line, true);
        free(text);
    }
    unlink(key_file);
    unlink(certificate_file);
    rmdir(folder);
    char *text = configure(&settings);
    assert_null(strstr(text, "certificate"));
    free(text);
}

static void the_run_directory_stands_beside_the_socket(void **state)
{
    struct settings settings = make_settings();
    char folder[128];
    (void)state;
    assert_true(configuration_folder(&settings, "/home/mush/game", folder, sizeof folder, error,
                                     sizeof error));
    assert_string_equal(folder, "/home/mush/game/data/stayd.run");
    strcpy(settings.socket_file, "/tmp/penn.sock");
    assert_true(configuration_folder(&settings, "/home/mush/game", folder, sizeof folder, error,
                                     sizeof error));
    assert_string_equal(folder, "/tmp/stayd.run");
    memset(settings.socket_file + 5, 'x', 120);
    assert_false(configuration_folder(&settings, "/home/mush/game", folder, sizeof folder, error,
                                      sizeof error));
    assert_non_null(strstr(error, "name a shorter one"));
}

static void an_ask_is_read_as_it_was_written(void **state)
{
    char line[CONNECTOR_ASK_BYTES];
    struct connector_ask ask = {.number = 7, .n_header = 3, .header = {0x00, 0x5e, 0xff}};
    struct connector_ask read;
    (void)state;
    size_t n = connector_print_ask(line, &ask);
    assert_int_equal(n, strlen(line));
    assert_string_equal(line, "connect 7 005eff\n");
    ask.n_header = sizeof ask.header;
    ask.number = 9999999999999999999u;
    n = connector_print_ask(line, &ask);
    assert_int_equal(n, strlen(line));
    line[strlen(line) - 1] = '\0';
    assert_true(connector_parse_ask(&read, line));
    assert_true(read.number == ask.number && read.n_header == ask.n_header);
    static const char *const wrong[] = {
        "",
        "connect",
        "connect 7",
        "connect 7 ",
        "connect 7 0",
        "connect 7 0g",
        "connect 7 00 ",
        "connect 7  00",
        "connect -7 00",
        "connect +7 00",
        "Connect 7 00",
        "connect 7 0A",
        "connect 12345678901234567890 00",
        " connect 7 00",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (connector_parse_ask(&read, wrong[i]))
            fail_msg("taken: %s", wrong[i]);
}

static void an_answer_is_read_as_it_was_written(void **state)
{
    char line[CONNECTOR_ANSWER_BYTES];
    struct connector_answer read;
    (void)state;
    static const int errors[] = {0, EAGAIN, ECONNREFUSED, ENOENT, EACCES};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const struct connector_answer answer = {42, errors[i]};
        size_t n = connector_print_answer(line, &answer);
        assert_int_equal(n, strlen(line));
        line[strlen(line) - 1] = '\0';
        assert_true(connector_parse_answer(&read, line));
        assert_true(read.number == 42 && read.error == errors[i]);
    }
    assert_true(connector_parse_answer(&read, "1 error ENONSUCH") && read.error == EIO);
    static const char *const wrong[] = {"",      "ok",   "1",       "1 ",       "1 okay",
                                        "1  ok", "x ok", "1 error", "1 error ", "1 error why"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (connector_parse_answer(&read, wrong[i]))
            fail_msg("taken: %s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken_whole_or_not_at_all),
        cmocka_unit_test(settings_that_make_no_sense_are_another_pennmushs),
        cmocka_unit_test(the_configuration_says_what_the_game_set),
        cmocka_unit_test(certificate_and_key_are_found_in_either_file),
        cmocka_unit_test(the_run_directory_stands_beside_the_socket),
        cmocka_unit_test(an_ask_is_read_as_it_was_written),
        cmocka_unit_test(an_answer_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
