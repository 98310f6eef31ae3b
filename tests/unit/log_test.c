// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Log lines: their form, that lines of several processes do not mix, that floods
// are cut and said once, that a stuck reader is not waited for, and quoting.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[] = "/tmp/stayd-log-XXXXXX";
static char text[2 << 20];
static int log_fd = -1;

static void open_log(enum log_level level)
{
    assert_int_equal(truncate(path, 0), 0);
    if (log_fd > 2)
        close(log_fd);
    log_fd = log_open(path, level);
    assert_true(log_fd > 2);
}

static const char *read_log(void)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static unsigned count(const char *haystack, const char *needle)
{
    unsigned n = 0;
    for (; (haystack = strstr(haystack, needle)); haystack++)
        n++;
    return n;
}

static void assert_matches(const char *line, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int outcome = regexec(&regex, line, 0, NULL, 0);
    regfree(&regex);
    if (outcome != 0)
        fail_msg("%s\ndoes not match %s", line, pattern);
}

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0)
        ;
}

static void a_line_has_time_level_event_and_pairs(void **state)
{
    (void)state;
    open_log(LOG_LEVEL_INFO);
    errno = 77;
    log_event(LOG_PLAYER_OPEN, "id=%d", 5);
    log_event(LOG_SYSTEM, "%s", "");
    log_event(LOG_LISTEN, "text=one\ntwo");
    assert_int_equal(errno, 77);
    assert_matches(read_log(), "^20[0-9-]{8}T[0-9:]{8}\\.[0-9]{3}Z info player-open id=5\n"
                               "20[^ ]+Z error system \n"
                               "20[^ ]+Z info listen text=one two\n$");
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07, 0);
}

static void lesser_levels_are_not_written(void **state)
{
    (void)state;
    open_log(LOG_LEVEL_WARNING);
    assert_true(log_wants(LOG_LEVEL_ERROR));
    assert_true(log_wants(LOG_LEVEL_WARNING));
    assert_false(log_wants(LOG_LEVEL_INFO));
    log_event(LOG_NAME, "a=1");        // debug
    log_event(LOG_PLAYER_OPEN, "a=1"); // info
    log_event(LOG_REFUSED, "a=1");     // warning
    log_event(LOG_PANIC, "a=1");       // error
    read_log();
    assert_int_equal(count(text, "\n"), 2);
    assert_non_null(strstr(text, "warning refused a=1\n"));
    assert_non_null(strstr(text, "error panic a=1\n"));
}

static void a_target_that_cannot_be_opened_changes_nothing(void **state)
{
    (void)state;
    open_log(LOG_LEVEL_INFO);
    assert_int_equal(log_open("/nonexistent/log", LOG_LEVEL_ERROR), -1);
    assert_int_equal(errno, ENOENT);
    log_event(LOG_READY, "a=1");
    assert_non_null(strstr(read_log(), "ready a=1"));
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char long_text[3 * LOG_LINE_BYTES];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    open_log(LOG_LEVEL_INFO);
    log_event(LOG_READY, "%s", long_text);
    read_log();
    assert_true(strlen(text) <= LOG_LINE_BYTES && strlen(text) > LOG_LINE_BYTES - 8);
    assert_string_equal(text + strlen(text) - 5, "x...\n");
}

// Lines are counted by the second. False: this took longer.
static bool make_flood(void)
{
    uint64_t began_ms = clock_boot_ms();
    open_log(LOG_LEVEL_INFO);
    for (int i = 0; i < 500; i++)
        log_event(LOG_HANDSHAKE_FAILED, "n=%d", i);
    log_event(LOG_REFUSED, "another=event"); // has a limit of its own
    return clock_boot_ms() - began_ms < 1000;
}

static void a_flood_is_cut_and_said_once(void **state)
{
    (void)state;
    while (!make_flood()) {
        sleep_ms(1010);
        log_tick();
    }
    read_log();
    assert_int_equal(count(text, "handshake-failed"), LOG_BURST);
    assert_int_equal(count(text, "refused another=event"), 1);
    assert_null(strstr(text, "suppressed"));
    sleep_ms(1010);
    log_event(LOG_READY, "%s", "");
    log_tick();
    read_log();
    assert_int_equal(count(text, "handshake-failed suppressed=450\n"), 1);
    assert_int_equal(count(text, "suppressed"), 1);
    log_event(LOG_HANDSHAKE_FAILED, "n=again");
    assert_non_null(strstr(read_log(), "handshake-failed n=again"));
}

#define STRANGERS 8 // kinds of lines that strangers can cause

// False: this took longer than a second.
static bool make_floods(void)
{
    static const enum log_event by_strangers[STRANGERS] = {
        LOG_PLAYER_OPEN, LOG_PLAYER_CLOSE,   LOG_HANDSHAKE_FAILED, LOG_REFUSED,
        LOG_RECORD,      LOG_ACCEPT_RESUMED, LOG_ACCEPT_PAUSED,    LOG_DROPPED_FACT};
    uint64_t began_ms = clock_boot_ms();
    open_log(LOG_LEVEL_DEBUG);
    for (int i = 0; i < 500; i++)
        for (int n = 0; n < STRANGERS; n++)
            log_event(by_strangers[n], "n=%d", i);
    log_event(LOG_WORKER_DIED, "status=1");
    for (int i = 0; i < 40; i++)
        log_event(LOG_NAME, "debug=%d", i);
    return clock_boot_ms() - began_ms < 1000;
}

static void many_floods_have_few_lines_together_and_hide_nothing_else(void **state)
{
    (void)state;
    do {
        sleep_ms(1010);
        log_tick();
    } while (!make_floods());
    read_log();
    assert_int_equal(count(text, "\n"), LOG_BURST_ALL + STRANGERS * LOG_BURST_LEAST + 1 + 40);
    assert_int_equal(count(text, "worker-died status=1"), 1);
    open_log(LOG_LEVEL_INFO);
    sleep_ms(1010);
    log_tick();
    read_log();
    assert_int_equal(count(text, "suppressed="), STRANGERS);
    assert_int_equal(count(text, "\n"), STRANGERS);
    while (count(read_log(), "refused n=") < LOG_BURST - 1) // what was said of the cut counts
        log_event(LOG_REFUSED, "n=1");
    log_event(LOG_REFUSED, "n=more");
    assert_int_equal(count(read_log(), "n=more"), 0);
    sleep_ms(1010); // the next test begins anew
    log_tick();
    sleep_ms(1010);
}

static void processes_that_share_the_descriptor_do_not_mix_lines(void **state)
{
    (void)state;
    char filler[900];
    memset(filler, 'y', sizeof filler);
    filler[sizeof filler - 1] = '\0';
    open_log(LOG_LEVEL_INFO);
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        // As the guard makes its worker.
        pids[i] = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            for (int event = 0; event < LOG_N_EVENTS; event++)
                for (int line = 0; line < 5; line++)
                    log_event((enum log_event)event, "p=%d %s end", i, filler);
            _exit(0);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    int n_lines = 0;
    read_log();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n_lines++)
        assert_matches(line, "^20[^ ]+Z [a-z]+ [a-z-]+ p=[0-3] y{899} end$");
    int n_wanted = 0;
#define X(name, word, level, meaning) n_wanted += LOG_LEVEL_##level <= LOG_LEVEL_INFO ? 20 : 0;
#include "base/events.def"
#undef X
    assert_int_equal(n_lines, n_wanted);
}

// A pipe in the place of stderr.
static void a_reader_that_stops_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2], old_stderr = dup(STDERR_FILENO);
    char line[LOG_LINE_BYTES * 2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(log_open("stderr", LOG_LEVEL_INFO), STDERR_FILENO);
    for (int i = 0; i < 5; i++)
        log_event(LOG_READY, "%01500d", i); // would block at the third
    ssize_t n = read(ends[0], line, sizeof line);
    assert_true(n > 0);
    log_event(LOG_STOP, "a=1");
    n = read(ends[0], line, sizeof line - 1);
    assert_true(n > 0);
    line[n] = '\0';
    dup2(old_stderr, STDERR_FILENO);
    close(old_stderr);
    close(ends[0]);
    close(ends[1]);
    assert_matches(line, "stop lost=[34] a=1\n$");
}

static void the_journal_gets_its_own_prefix(void **state)
{
    (void)state;
    int ends[2], old_stderr = dup(STDERR_FILENO);
    char line[256], stream[64];
    struct stat facts;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(fstat(STDERR_FILENO, &facts), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)facts.st_dev,
             (unsigned long long)facts.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_int_equal(log_open("stderr", LOG_LEVEL_INFO), STDERR_FILENO);
    log_event(LOG_REFUSED, "a=1");
    ssize_t n = read(ends[0], line, sizeof line - 1);
    unsetenv("JOURNAL_STREAM");
    dup2(old_stderr, STDERR_FILENO);
    close(old_stderr);
    close(ends[0]);
    close(ends[1]);
    assert_true(n > 0);
    line[n] = '\0';
    assert_string_equal(line, "<4>refused a=1\n");
}

static void what_a_peer_sent_is_quoted(void **state)
{
    (void)state;
    char out[64], small[8];
    assert_string_equal(log_quote(out, sizeof out, "mud.example:1", 13), "mud.example:1");
    assert_string_equal(log_quote(out, sizeof out, "a b\n\"\\\0\x7f\xff", 9),
                        "a\\x20b\\x0a\\x22\\x5c\\x00\\x7f\\xff");
    assert_string_equal(log_quote(out, sizeof out, "", 0), "");
    assert_string_equal(log_quote(small, sizeof small, "1234567", 7), "1234567");
    assert_string_equal(log_quote(small, sizeof small, "12345678", 8), "1234...");
    assert_string_equal(log_quote(small, sizeof small, "\n\n\n", 3), "\\x0a...");
    assert_string_equal(log_quote(small, sizeof small, "12\n\n", 4), "12...");
    assert_string_equal(log_quote(small, 4, "1234", 4), "...");
    for (size_t size = 4; size < 40; size++) {
        char *exact = malloc(size); // for the address sanitizer to see the end
        assert_true(strlen(log_quote(exact, size, "ab\n\n\ncde\nfghi\n\n", 15)) < size);
        free(exact);
    }
}

static void ids_are_32_hex_digits(void **state)
{
    (void)state;
    char out[LOG_ID_BYTES];
    const uint8_t id[16] = {0, 1, 0x7f, 0x80, 0xff, [15] = 0xa5};
    assert_string_equal(log_id(out, id), "00017f80ff00000000000000000000a5");
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_pairs),
        cmocka_unit_test(lesser_levels_are_not_written),
        cmocka_unit_test(a_target_that_cannot_be_opened_changes_nothing),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_flood_is_cut_and_said_once),
        cmocka_unit_test(many_floods_have_few_lines_together_and_hide_nothing_else),
        cmocka_unit_test(processes_that_share_the_descriptor_do_not_mix_lines),
        cmocka_unit_test(a_reader_that_stops_is_not_waited_for),
        cmocka_unit_test(the_journal_gets_its_own_prefix),
        cmocka_unit_test(what_a_peer_sent_is_quoted),
        cmocka_unit_test(ids_are_32_hex_digits),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
