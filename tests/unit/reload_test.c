// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The parts of a reload: orders in the vault, indices that stay, sockets that keep their places,
// rehearsals that crash, files that change, dates that come near.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/align.h"
#include "entry/certs.h"
#include "entry/page.h"
#include "guard/reload/listen.h"
#include "guard/reload/rehearsal.h"
#include "guard/reload/reload.h"
#include "guard/reload/watch.h"
#include "vault/asked.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S (24 * 3600)

static char folder[] = "/tmp/stayd-reload-XXXXXX";
static char path[64];
static char *complaints, *remarks; // of the last alignment
static struct vault vault;

static int make_world(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/stayd.conf", folder);
    return vault_make(&vault, 4);
}

static int end_world(void **state)
{
    (void)state;
    int fd = vault.fd;
    vault_unmap(&vault);
    close(fd);
    unlink(path);
    free(complaints);
    free(remarks);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

// A configuration of sections "[listen a] [game g]" and the like, by their letters: upper case for
// games. All listeners lead to the first game.
static struct conf read_conf(const char *letters, const char *options)
{
    struct conf conf;
    char text[4096];
    char game = *(letters + strcspn(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    size_t n = (size_t)snprintf(text, sizeof text, "[stayd]\n%s\n", options);
    for (const char *at = letters; *at; at++)
        n += *at >= 'a' ? (size_t)snprintf(text + n, sizeof text - n,
                                           "[listen %c]\naddress = 127.0.0.1:%d\ntls = no\n"
                                           "game = %c\n",
                                           *at, 4000 + *at, game)
                        : (size_t)snprintf(text + n, sizeof text - n,
                                           "[game %c]\nconnect = unix:/%c\nsni = %c.example\n", *at,
                                           *at, *at);
    write_file(text);
    assert_int_equal(conf_load(&conf, path, stderr), 0);
    return conf;
}

static bool align(struct conf *fresh, const struct conf *before, const struct conf_use *use)
{
    size_t n;
    free(complaints);
    free(remarks);
    FILE *bad = open_memstream(&complaints, &n);
    FILE *note = open_memstream(&remarks, &n);
    bool is_good = conf_align(fresh, before, use, bad, note);
    fclose(bad);
    fclose(note);
    return is_good;
}

// The configuration in force, then another one in its place.
static void follow(struct conf *now, const char *letters, const struct conf_use *use)
{
    struct conf fresh = read_conf(letters, "");
    assert_true(align(&fresh, now, use));
    conf_free(now);
    *now = fresh;
}

// Names by index, "(a)" for what is gone, "-" for a hole.
static void assert_indices(const struct conf *conf, const char *listeners, const char *games)
{
    char text[256] = "";
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        const char *name = conf->listener[i].name;
        strcat(strcat(strcat(text, conf->listener[i].is_gone ? "(" : ""), *name ? name : "-"),
               conf->listener[i].is_gone ? ")" : "");
    }
    assert_string_equal(text, listeners);
    text[0] = '\0';
    for (unsigned i = 0; i < conf->n_games; i++) {
        const char *name = conf->game[i].name;
        strcat(strcat(strcat(text, conf->game[i].is_gone ? "(" : ""), *name ? name : "-"),
               conf->game[i].is_gone ? ")" : "");
    }
    assert_string_equal(text, games);
}

static void names_keep_their_indices_in_whatever_order_they_stand(void **state)
{
    struct conf now = read_conf("abAB", "");
    const struct conf_use nobody = {0};
    (void)state;
    follow(&now, "cbBCa", &nobody);
    assert_indices(&now, "abc", "(A)BC");
    assert_int_equal(now.listener[0].game, 1);
    assert_string_equal(now.game[now.listener[2].game].name, "B");
    conf_free(&now);
}

static void an_index_is_free_only_when_nobody_new_can_come_by_it(void **state)
{
    struct conf now = read_conf("abA", "");
    const struct conf_use nobody = {0};
    (void)state;
    // What goes is kept once, because the old worker still accepts.
    follow(&now, "bcA", &nobody);
    assert_indices(&now, "(a)bc", "A");
    assert_int_equal(now.listener[0].n_addresses, 0);
    follow(&now, "bdA", &nobody);
    assert_indices(&now, "db(c)", "A");
    follow(&now, "bA", &nobody);
    assert_indices(&now, "(d)b", "A");
    follow(&now, "bA", &nobody);
    assert_indices(&now, "-b", "A");
    conf_free(&now);
}

static void what_players_came_by_stays_until_they_have_left(void **state)
{
    struct conf now = read_conf("abAB", "");
    struct conf_use use = {0};
    (void)state;
    use.listener[0] = use.game[0] = true;
    follow(&now, "bB", &use);
    assert_indices(&now, "(a)b", "(A)B");
    assert_non_null(strstr(remarks, "[game A] is gone; the players who are in it stay"));
    assert_string_equal(now.game[0].connect, "unix:/A");
    assert_null(now.game[0].sni[0]);
    assert_int_equal(conf_game_for(&now, &now.listener[1], "a.example", 0x0304), 1);
    follow(&now, "bcBC", &use);
    assert_indices(&now, "(a)bc", "(A)BC");
    // It comes back: its players are where they were.
    follow(&now, "bcaBA", &use);
    assert_indices(&now, "abc", "AB(C)");
    assert_int_equal(conf_game_for(&now, &now.listener[1], "a.example", 0x0304), 0);
    conf_free(&now);
}

static void without_room_for_more_it_says_so(void **state)
{
    struct conf now = read_conf("abA", "");
    struct conf_use use = {0};
    (void)state;
    // All others are taken by names that are gone and whose players stay.
    now.n_listeners = CONF_MAX_LISTENERS;
    for (unsigned i = 2; i < CONF_MAX_LISTENERS; i++) {
        now.listener[i] = (struct conf_listener){.is_gone = true};
        snprintf(now.listener[i].name, sizeof now.listener[i].name, "gone%u", i);
        use.listener[i] = true;
    }
    struct conf fresh = read_conf("abcA", "");
    assert_false(align(&fresh, &now, &use));
    assert_non_null(strstr(complaints, "no room for more listeners"));
    use.listener[9] = false;
    assert_true(align(&fresh, &now, &use));
    assert_string_equal(fresh.listener[9].name, "c");
    conf_free(&fresh);
    conf_free(&now);
}

static void what_only_a_restart_changes_stays_and_is_remarked(void **state)
{
    struct conf now = read_conf("aA", "max-players = 5\nlog = syslog\nmax-handshakes = 9");
    struct conf fresh = read_conf("aA", "max-players = 6\ncontrol = /x\nmax-handshakes = 8");
    const struct conf_use nobody = {0};
    (void)state;
    assert_true(align(&fresh, &now, &nobody));
    assert_int_equal(fresh.max_players, 5);
    assert_string_equal(fresh.log, "syslog");
    assert_string_equal(fresh.control, now.control);
    assert_int_equal(fresh.max_handshakes, 8);
    for (const char *const *word = (const char *const[]){"max-players", ": log", "control", NULL};
         *word; word++)
        assert_non_null(strstr(remarks, *word));
    assert_null(strstr(remarks, "max-handshakes"));
    conf_free(&fresh);
    conf_free(&now);
}

static bool listens(const struct heritage *heritage, unsigned place)
{
    int value = 0;
    socklen_t n = sizeof value;
    getsockopt(heritage->socket[place].fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &n);
    return value;
}

static void sockets_keep_their_places_and_no_place_is_used_twice(void **state)
{
    static struct heritage none, before, after;
    const struct conf_use nobody = {0};
    (void)state;
    before.vault = after.vault = vault;
    before.conf = read_conf("abA", "");
    assert_true(listen_open(&before, &none, stderr));
    listen_claim(&before);
    after.conf = read_conf("bcA", "");
    assert_true(align(&after.conf, &before.conf, &nobody));
    assert_true(listen_is_new(&after, &before));
    assert_true(listen_open(&after, &before, stderr));
    assert_int_equal(after.socket[0].fd, -1);
    assert_int_equal(after.socket[1].fd, before.socket[1].fd);
    assert_int_equal(after.socket[2].listener, 2);
    const _Atomic int32_t *claims = &vault_guard_fds(&vault)[HERITAGE_SOCKETS];
    listen_claim_more(&after);
    assert_int_equal(claims[0], before.socket[0].fd);
    assert_int_equal(claims[2], after.socket[2].fd);
    // Until then a guard may have to go on with what was before.
    assert_true(listens(&before, 0));
    listen_claim(&after);
    assert_false(listens(&before, 0));
    assert_true(listens(&after, 1) && listens(&after, 2));
    assert_int_equal(claims[0], -1);
    assert_int_equal(claims[1], after.socket[1].fd);
    assert_false(listen_is_new(&after, &after));
    close(before.socket[0].fd);
    close(after.socket[1].fd);
    close(after.socket[2].fd);
    conf_free(&before.conf);
    conf_free(&after.conf);
}

static void an_order_is_made_once_and_answered_once(void **state)
{
    struct vault_head *head = vault.head;
    (void)state;
    assert_int_equal(asked_pending(head), 0);
    const struct vault_order *order = asked_for(head, 77);
    assert_int_equal(asked_pending(head), 1);
    assert_ptr_equal(asked_for(head, 77), order);
    assert_int_equal(order->result, ASKED_WAITS);
    asked_by_signal(head);
    assert_ptr_not_equal(asked_for(head, 78), order);
    assert_int_equal(asked_pending(head), 3);
    assert_null(asked_for(head, 79));
    asked_answer(head, 1, ASKED_BAD, "!no\n");
    assert_int_equal(order->result, ASKED_BAD);
    assert_string_equal(order->text, "!no\n");
    assert_int_equal(asked_for(head, 78)->result, ASKED_WAITS);
    asked_answer(head, 3, ASKED_GOOD, "");
    assert_int_equal(asked_for(head, 78)->result, ASKED_GOOD);
    assert_int_equal(asked_for(head, 77)->result, ASKED_BAD);
    assert_int_equal(asked_pending(head), 0);
    // Its answer is forgotten when there have been enough others.
    asked_for(head, 80);
    assert_int_equal(asked_for(head, 77)->result, ASKED_WAITS);
    asked_answer(head, 5, ASKED_GOOD, "");
}

static void a_long_answer_is_cut_at_a_lines_end(void **state)
{
    char text[3000];
    (void)state;
    for (unsigned i = 0; i < sizeof text - 1; i++)
        text[i] = i % 100 == 99 ? '\n' : 'x';
    text[sizeof text - 1] = '\0';
    const struct vault_order *order = asked_for(vault.head, 99);
    asked_answer(vault.head, asked_pending(vault.head), ASKED_BAD, text);
    assert_int_equal(strlen(order->text), 1200);
}

static void an_answer_comes_to_its_end_however_many_are_counted(void **state)
{
    struct vault_reload *reload = &vault.head->reload;
    uint64_t asked = reload->asked;
    (void)state;
    reload->asked = UINT64_MAX;
    asked_answer(vault.head, asked_pending(vault.head), ASKED_GOOD, "");
    assert_int_equal(asked_pending(vault.head), 0);
    reload->asked = reload->done = asked;
}

static bool crash(void *arg, int kept, FILE *out)
{
    (void)kept;
    (void)arg;
    (void)out;
    raise(SIGKILL);
    return true;
}

static bool complain(void *arg, int kept, FILE *out)
{
    (void)kept;
    // Its descriptors are its own.
    close_range(0, ~0u, 0);
    fputs(arg, out);
    return false;
}

static enum rehearsal_outcome try(rehearsal_fn *fn, void *arg, uint64_t patience_ms, char *text)
{
    struct rehearsal rehearsal;
    enum rehearsal_outcome outcome;
    assert_true(rehearsal_start(&rehearsal, &vault, fn, arg, -1, 1000));
    assert_int_equal(vault_guard_fds(&vault)[HERITAGE_REHEARSAL_PIDFD], rehearsal.pidfd);
    while ((outcome = rehearsal_look(&rehearsal, &vault, text, 1000 + patience_ms)) ==
           REHEARSAL_RUNS)
        usleep(1000);
    assert_int_equal(rehearsal.pid, 0);
    assert_int_equal(vault_guard_fds(&vault)[HERITAGE_REHEARSAL_PIDFD], -1);
    return outcome;
}

static bool sleep_long(void *arg, int kept, FILE *out)
{
    (void)kept;
    (void)arg;
    (void)out;
    return sleep(1000) == 0;
}

static bool agree(void *arg, int kept, FILE *out)
{
    (void)kept;
    (void)arg;
    (void)out;
    return true;
}

static void a_rehearsal_that_crashes_or_hangs_only_says_so(void **state)
{
    static char text[REHEARSAL_TEXT_BYTES];
    char words[] = "line: wrong\n";
    (void)state;
    assert_int_equal(try(agree, NULL, 0, text), REHEARSAL_GOOD);
    assert_int_equal(try(complain, words, 0, text), REHEARSAL_BAD);
    assert_string_equal(text, words);
    assert_true(fcntl(vault.fd, F_GETFD) >= 0);
    assert_int_equal(try(crash, NULL, 0, text), REHEARSAL_BAD);
    assert_non_null(strstr(text, "reading crashed"));
    assert_int_equal(try(sleep_long, NULL, REHEARSAL_MS, text), REHEARSAL_BAD);
    assert_non_null(strstr(text, "reading takes longer"));
}

static void watch_one(struct heritage *heritage)
{
    heritage->conf.watches_certificates = true;
    heritage->conf.n_listeners = 1;
    heritage->conf.listener[0].n_certificates = 1;
    heritage->conf.listener[0].certificate[0] = path;
}

static void files_are_new_when_they_have_changed_and_settled(void **state)
{
    static struct heritage heritage;
    struct watch watch = {0};
    (void)state;
    write_file("one");
    watch_one(&heritage);
    heritage.stamp = watch_stamp(&heritage.conf);
    assert_false(watch_look(&watch, &heritage, 1));
    assert_int_equal(watch.look_ms, 1 + WATCH_MS);
    write_file("one more");
    assert_false(watch_look(&watch, &heritage, 2)); // it is not time
    assert_false(watch_look(&watch, &heritage, watch.look_ms));
    write_file("one more and one");
    assert_false(watch_look(&watch, &heritage, watch.look_ms));
    uint64_t now_ms = watch.look_ms;
    assert_true(watch_look(&watch, &heritage, now_ms));
    assert_true(watch_refuse(&watch, watch_stamp(&heritage.conf), "wrong", now_ms));
    assert_false(watch_look(&watch, &heritage, watch.look_ms));
    unlink(path);
    write_file("another file");
    assert_false(watch_look(&watch, &heritage, watch.look_ms));
    assert_true(watch_look(&watch, &heritage, watch.look_ms));
    heritage.conf.watches_certificates = false;
    assert_false(watch_look(&watch, &heritage, watch.look_ms));
}

static void what_was_refused_is_read_again_later_and_said_once(void **state)
{
    static struct heritage heritage;
    struct watch watch = {0};
    (void)state;
    write_file("of tomorrow");
    watch_one(&heritage);
    uint64_t stamp = watch_stamp(&heritage.conf);
    assert_true(watch_refuse(&watch, stamp, "not valid before then", 1));
    assert_false(watch_look(&watch, &heritage, 1));
    assert_false(watch_look(&watch, &heritage, WATCH_AGAIN_MS));
    assert_true(watch_look(&watch, &heritage, WATCH_AGAIN_MS + WATCH_MS));
    assert_false(watch_refuse(&watch, stamp, "not valid before then", WATCH_AGAIN_MS));
    assert_false(watch_look(&watch, &heritage, 2 * WATCH_AGAIN_MS - 1));
    assert_true(watch_refuse(&watch, stamp, "expired", 2 * WATCH_AGAIN_MS));
    // Beside what was taken, too.
    heritage.stamp = stamp;
    heritage.has_kept = true;
    assert_false(watch_look(&watch, &heritage, 3 * WATCH_AGAIN_MS - 1));
    assert_true(watch_look(&watch, &heritage, 3 * WATCH_AGAIN_MS + WATCH_MS));
    heritage.has_kept = false;
    assert_false(watch_look(&watch, &heritage, 4 * WATCH_AGAIN_MS));
}

static void an_end_is_warned_of_21_days_a_week_and_a_day_ahead(void **state)
{
    (void)state;
    const int64_t year_s = 365 * DAY_S;
    assert_int_equal(certs_end(21 * DAY_S + 1, year_s), CERTS_ENDS_LATER);
    assert_int_equal(certs_end(21 * DAY_S, year_s), CERTS_ENDS_SOON);
    assert_int_equal(certs_end(7 * DAY_S + 1, year_s), CERTS_ENDS_SOON);
    assert_int_equal(certs_end(7 * DAY_S, year_s), CERTS_ENDS_SOONER);
    assert_int_equal(certs_end(DAY_S + 1, year_s), CERTS_ENDS_SOONER);
    assert_int_equal(certs_end(DAY_S, year_s), CERTS_ENDS_VERY_SOON);
    assert_int_equal(certs_end(1, year_s), CERTS_ENDS_VERY_SOON);
    assert_int_equal(certs_end(0, year_s), CERTS_HAS_ENDED);
    assert_int_equal(certs_end(-DAY_S, year_s), CERTS_HAS_ENDED);
}

static void of_a_short_life_only_the_last_part_is_warned_of(void **state)
{
    (void)state;
    const int64_t hour_s = 3600;
    const int64_t life_s = 6 * DAY_S;
    assert_int_equal(certs_end(36 * hour_s + 1, life_s), CERTS_ENDS_LATER);
    assert_int_equal(certs_end(36 * hour_s, life_s), CERTS_ENDS_SOON);
    assert_int_equal(certs_end(18 * hour_s, life_s), CERTS_ENDS_SOONER);
    assert_int_equal(certs_end(12 * hour_s, life_s), CERTS_ENDS_VERY_SOON);
    assert_int_equal(certs_end(0, life_s), CERTS_HAS_ENDED);
}

static void ends_are_warned_of_once_a_day_whoever_is_guard(void **state)
{
    static struct heritage heritage;
    (void)state;
    heritage.vault = vault;
    const _Atomic uint64_t *told_s = &vault.head->reload.expiry_told_s;
    static struct entry_page page;
    assert_true(watch_is_due(&heritage, 100 * DAY_S));
    watch_dates(&heritage, &page, 100 * DAY_S);
    assert_int_equal(*told_s, 100 * DAY_S);
    assert_false(watch_is_due(&heritage, 101 * DAY_S - 1));
    assert_true(watch_is_due(&heritage, 101 * DAY_S));
    assert_true(watch_is_due(&heritage, 99 * DAY_S)); // the clock was set back
}

static void no_order_is_begun_before_what_the_last_one_wanted_is_open(void **state)
{
    static struct heritage heritage;
    static struct reload reload;
    struct vault_reload *orders = &vault.head->reload;
    (void)state;
    heritage = (struct heritage){.vault = vault, .id = orders->worker_heritage};
    reload = (struct reload){.heritage = &heritage};
    heritage.order = orders->done + 1;
    orders->asked = heritage.order;
    asked_by_signal(vault.head);
    for (uint64_t now_ms = 1; now_ms < RELOAD_PATIENCE_MS; now_ms += 1000) {
        reload_step(&reload, true, false, now_ms);
        assert_int_equal(reload.rehearsal.pid, 0);
    }
    assert_true(orders->done < heritage.order);
    orders->done = orders->asked; // for the tests after this one
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_keep_their_indices_in_whatever_order_they_stand),
        cmocka_unit_test(an_index_is_free_only_when_nobody_new_can_come_by_it),
        cmocka_unit_test(what_players_came_by_stays_until_they_have_left),
        cmocka_unit_test(without_room_for_more_it_says_so),
        cmocka_unit_test(what_only_a_restart_changes_stays_and_is_remarked),
        cmocka_unit_test(sockets_keep_their_places_and_no_place_is_used_twice),
        cmocka_unit_test(an_order_is_made_once_and_answered_once),
        cmocka_unit_test(a_long_answer_is_cut_at_a_lines_end),
        cmocka_unit_test(an_answer_comes_to_its_end_however_many_are_counted),
        cmocka_unit_test(a_rehearsal_that_crashes_or_hangs_only_says_so),
        cmocka_unit_test(what_was_refused_is_read_again_later_and_said_once),
        cmocka_unit_test(files_are_new_when_they_have_changed_and_settled),
        cmocka_unit_test(no_order_is_begun_before_what_the_last_one_wanted_is_open),
        cmocka_unit_test(an_end_is_warned_of_21_days_a_week_and_a_day_ahead),
        cmocka_unit_test(of_a_short_life_only_the_last_part_is_warned_of),
        cmocka_unit_test(ends_are_warned_of_once_a_day_whoever_is_guard),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
