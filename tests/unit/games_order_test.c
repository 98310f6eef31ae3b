// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the end of a link is judged by (players/games.h) was seen at some time: before the game's
// death, after it, after the next one's start. Here the kernel's answers and the clock are the
// test's, and things happen in every order. The game is on TCP, and its process is not known.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/listener.h"
#include "players/conn.h"
#include "players/crowd.h"
#include "players/games_part.h"
#include "players/loops.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/game.h"
#include "vault/slot.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 4u
#define JUDGED_MS 200u // after the end of a link

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
    int game[SLOTS]; // the game's ends of the links
};

static uint64_t now_ms = 1000000;
static struct listener kernel; // what it would answer

struct listener __wrap_listener_look(const struct conf_game *game);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
bool __wrap_link_credentials(int fd, struct ucred *peer);

static struct ucred credentials; // of a Unix socket's listener

bool __wrap_link_credentials(int fd, struct ucred *peer)
{
    (void)fd;
    *peer = credentials;
    return true;
}

struct listener __wrap_listener_look(const struct conf_game *game)
{
    (void)game;
    return kernel;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    (void)clock;
    *time = (struct timespec){.tv_sec = (time_t)(now_ms / 1000),
                              .tv_nsec = (long)(now_ms % 1000) * 1000000};
    return 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    struct conf_game *conf = &fixture->heritage.conf.game[0];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(4201)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(vault_make(&fixture->vault, SLOTS), 0);
    assert_int_equal(vault_reserve_slots(&fixture->vault, SLOTS), 0);
    fixture->heritage.conf.n_games = 1;
    snprintf(conf->name, sizeof conf->name, "mush");
    conf->connect = (char *)"tcp:127.0.0.1:4201";
    memcpy(&conf->sockaddr, &at, sizeof at);
    conf->shutdown_wait_ms = JUDGED_MS;
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    for (unsigned i = 0; i < SLOTS; i++) {
        fixture->vault.slots[i].game_fd = -1;
        fixture->game[i] = -1;
    }
    kernel = (struct listener){.inode = 1, .uid = geteuid()};
    *state = fixture;
    return 0;
}

static void unlink_slot(struct fixture *fixture, unsigned i)
{
    struct slot *slot = &fixture->vault.slots[i];
    if (slot->game_fd >= 0)
        close(slot->game_fd);
    if (fixture->game[i] >= 0)
        close(fixture->game[i]);
    slot->game_fd = fixture->game[i] = -1;
    fixture->players.conns[i].ended_ms = 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < SLOTS; i++)
        unlink_slot(fixture, i);
    crowd_stop(&fixture->players);
    event_base_free(fixture->players.base);
    crowd_forget(&fixture->players);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    free(fixture);
    return 0;
}

// The slot is linked to whoever listens.
static void link_slot(struct fixture *fixture, unsigned i)
{
    struct slot *slot = &fixture->vault.slots[i];
    struct link_terms terms;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(games_may_ask(&fixture->players, 0));
    assert_true(games_meet(&fixture->players, 0, pair[0], &terms));
    slot->state = SLOT_LIVE;
    slot->game_fd = pair[0];
    fixture->game[i] = pair[1];
    slot->game_pid = terms.pid;
    slot->game_start = terms.start;
    games_note_link(&fixture->players, slot, 0);
    now_ms++;
}

// The game's end is closed, and the worker has read that.
static void end_link(struct fixture *fixture, unsigned i)
{
    close(fixture->game[i]);
    fixture->game[i] = -1;
    fixture->players.conns[i].ended_ms = now_ms;
}

static enum games_verdict judge(struct fixture *fixture, unsigned i)
{
    uint64_t wait_ms = 0;
    uint64_t since_ms = now_ms - fixture->players.conns[i].ended_ms;
    return games_judge(&fixture->players, &fixture->vault.slots[i], since_ms, &wait_ms);
}

enum what { DEATH, START, LOOK, END, JUDGE, EVENTS };

// The next order of the events, as std::next_permutation has it. False: that was the last one.
static bool go_on(enum what order[EVENTS])
{
    int i = EVENTS - 2;
    while (i >= 0 && order[i] >= order[i + 1])
        i--;
    if (i < 0)
        return false;
    int j = EVENTS - 1;
    while (order[j] <= order[i])
        j--;
    enum what swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
    for (int a = i + 1, b = EVENTS - 1; a < b; a++, b--) {
        swapped = order[a];
        order[a] = order[b];
        order[b] = swapped;
    }
    return true;
}

static bool can_be(const enum what order[EVENTS])
{
    unsigned at[EVENTS];
    for (unsigned i = 0; i < EVENTS; i++)
        at[order[i]] = i;
    return at[DEATH] < at[START] && at[DEATH] < at[END] && at[END] < at[JUDGE];
}

// The game dies and comes back as a socket that has this inode; the steps are so far apart.
static void live_through(struct fixture *fixture, const enum what order[EVENTS], uint64_t inode,
                         uint64_t step_ms)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        now_ms += step_ms;
        switch (order[i]) {
        case DEATH:
            kernel = LISTENER_NONE;
            break;
        case START:
            kernel = (struct listener){.inode = inode, .uid = geteuid()};
            break;
        case LOOK: // for another player: who comes, or whose link has ended
            games_may_ask(&fixture->players, 0);
            break;
        case END:
            end_link(fixture, 0);
            break;
        case JUDGE:
            now_ms += JUDGED_MS;
            assert_int_equal(judge(fixture, 0), GAMES_DEAD);
            break;
        case EVENTS:
            break;
        }
    }
}

static void test_a_games_death_is_seen_in_every_order_each_time_it_dies(void **state)
{
    static const uint64_t steps_ms[] = {1, 30, 60, 300};
    struct fixture *fixture = *state;
    enum what order[EVENTS] = {DEATH, START, LOOK, END, JUDGE};
    uint64_t inode = 1;
    unsigned n = 0;
    link_slot(fixture, 0);
    do {
        for (unsigned i = 0; can_be(order) && i < sizeof steps_ms / sizeof steps_ms[0]; i++, n++) {
            live_through(fixture, order, ++inode, steps_ms[i]);
            unlink_slot(fixture, 0);
            link_slot(fixture, 0);
            assert_int_equal(fixture->vault.slots[0].game_start, inode);
        }
    } while (go_on(order));
    assert_int_equal(n, 15 * 4);
}

static void test_one_who_is_closed_by_the_living_game_is_let_go_whenever_was_looked(void **state)
{
    struct fixture *fixture = *state;
    link_slot(fixture, 1);
    for (uint64_t looked_ms = 0; looked_ms < 400; looked_ms += 20) {
        link_slot(fixture, 0);
        end_link(fixture, 0);
        for (uint64_t i = 0; i < 400; i += 20, now_ms += 20)
            if (i == looked_ms)
                games_listener(&fixture->players, 0, UINT64_MAX);
        assert_int_equal(judge(fixture, 0), GAMES_PLAYER);
        unlink_slot(fixture, 0);
    }
    assert_false(game_now(fixture->vault.head, 0).flags & GAME_AWAY);
}

static void test_nothing_is_judged_by_what_was_seen_before_the_end(void **state)
{
    struct fixture *fixture = *state;
    link_slot(fixture, 0);
    games_listener(&fixture->players, 0, UINT64_MAX);
    end_link(fixture, 0);
    assert_int_equal(judge(fixture, 0), GAMES_LATER);
    kernel.inode = 2;
    now_ms += JUDGED_MS;
    assert_int_equal(judge(fixture, 0), GAMES_DEAD);
}

static void test_who_listens_after_the_connect_and_not_before_may_not_have_taken_it(void **state)
{
    struct fixture *fixture = *state;
    struct link_terms terms;
    assert_true(games_may_ask(&fixture->players, 0));
    kernel.inode = 2;
    assert_false(games_meet(&fixture->players, 0, -1, &terms));
    assert_int_equal(errno, EAGAIN);
    assert_true(games_may_ask(&fixture->players, 0));
    assert_true(games_meet(&fixture->players, 0, -1, &terms));
    assert_int_equal(terms.start, 2);
}

// As a proxy's, or systemd's.
static void test_behind_a_listener_that_stays_all_links_that_end_together_are_a_death(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 3; i++)
        link_slot(fixture, i);
    end_link(fixture, 0);
    now_ms += JUDGED_MS;
    assert_int_equal(judge(fixture, 0), GAMES_PLAYER);
    unlink_slot(fixture, 0);
    link_slot(fixture, 0);
    for (unsigned i = 0; i < 3; i++)
        end_link(fixture, i);
    close(fixture->vault.slots[2].game_fd); // its end has not been read yet
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    fixture->vault.slots[2].game_fd = pair[0];
    fixture->players.conns[2].ended_ms = 0;
    now_ms += JUDGED_MS;
    assert_int_equal(judge(fixture, 0), GAMES_DEAD);
    unlink_slot(fixture, 0);
    link_slot(fixture, 0); // to the next one, before the others are judged
    assert_int_equal(judge(fixture, 1), GAMES_DEAD);
    fixture->players.conns[2].ended_ms = now_ms;
    now_ms += JUDGED_MS;
    assert_int_equal(judge(fixture, 2), GAMES_DEAD);
}

static void test_a_game_that_closes_its_players_one_by_one_and_ends_later_has_died(void **state)
{
    struct fixture *fixture = *state;
    fixture->heritage.conf.game[0].shutdown_wait_ms = 2000;
    for (unsigned i = 0; i < 2; i++)
        link_slot(fixture, i);
    for (unsigned i = 0; i < 2; i++) {
        end_link(fixture, i);
        now_ms += JUDGED_MS + 1;
        assert_int_equal(judge(fixture, i), GAMES_LATER);
        now_ms += JUDGED_MS;
    }
    kernel = LISTENER_NONE;
    now_ms += JUDGED_MS;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(judge(fixture, i), GAMES_DEAD);
}

static void test_who_quits_one_after_the_other_within_a_games_time_to_end_is_let_go(void **state)
{
    struct fixture *fixture = *state;
    fixture->heritage.conf.game[0].shutdown_wait_ms = 2000;
    for (unsigned i = 0; i < 2; i++)
        link_slot(fixture, i);
    for (unsigned i = 0; i < 2; i++) {
        end_link(fixture, i);
        now_ms += 2 * JUDGED_MS;
    }
    assert_int_equal(judge(fixture, 0), GAMES_LATER);
    now_ms += 2000;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(judge(fixture, i), GAMES_PLAYER);
}

// Their programs have not closed their ends yet, so that the slots are still there.
static void test_who_lingers_after_a_quit_makes_no_death_of_the_next_one(void **state)
{
    static const struct {
        enum flow_dir dir;
        struct flow_state end;
    } ends[] = {
        {TO_PLAYER, {.phase = FLOW_SHUT}}, // closed by the game
        {TO_GAME, {.phase = FLOW_ENDING}}, // the player has left
    };
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 2; i++) {
        link_slot(fixture, 0);
        link_slot(fixture, 1);
        end_link(fixture, 0);
        now_ms += JUDGED_MS;
        assert_int_equal(judge(fixture, 0), GAMES_PLAYER);
        flow_commit(&fixture->vault.slots[0], ends[i].dir, &ends[i].end);
        now_ms += JUDGED_MS;
        end_link(fixture, 1);
        now_ms += JUDGED_MS;
        assert_int_equal(judge(fixture, 1), GAMES_PLAYER);
        assert_false(game_now(fixture->vault.head, 0).flags & GAME_AWAY);
        unlink_slot(fixture, 0);
        unlink_slot(fixture, 1);
        flow_commit(&fixture->vault.slots[0], ends[i].dir, &(struct flow_state){0});
    }
}

static void test_each_process_that_has_not_attached_is_given_its_own_time(void **state)
{
    struct fixture *fixture = *state;
    struct slot *waiting = &fixture->vault.slots[1];
    struct link_terms terms;
    waiting->state = SLOT_LIVE;
    waiting->flags = SLOT_FLAG_LINKED | SLOT_FLAG_RESUMES;
    games_note_held(&fixture->players, waiting);
    for (uint64_t inode = 1; inode < 4; inode++) {
        kernel.inode = inode;
        assert_true(games_may_ask(&fixture->players, 0));
        assert_false(games_meet(&fixture->players, 0, -1, &terms));
        now_ms += 4000;
        assert_false(games_meet(&fixture->players, 0, -1, &terms));
        now_ms += 2000;
        assert_true(games_meet(&fixture->players, 0, -1, &terms));
    }
}

static void test_the_games_user_is_the_first_ones_or_the_configured_one(void **state)
{
    struct fixture *fixture = *state;
    struct conf_game *conf = &fixture->heritage.conf.game[0];
    static const struct step {
        uid_t uid;
        bool is_admitted;
        uid_t user; // configured from now on; 0: none
    } steps[] = {
        {12345, true, 0},  {12346, false, 0},          {65534, false, 0},    {0, true, 0},
        {12345, true, 0},  {12345, false, 12346},      {12346, true, 12346}, {0, true, 12346},
        {12346, true, 0}, // the user is gone from the configuration, and remembered
        {12345, false, 0}, {LISTENER_NO_UID, true, 0},
    };
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        conf->has_user = steps[i].user != 0;
        conf->user_uid = steps[i].user;
        kernel.uid = steps[i].uid;
        assert_int_equal(games_may_ask(&fixture->players, 0), steps[i].is_admitted);
        if (!steps[i].is_admitted)
            assert_int_equal(errno, EPERM);
        struct link_terms terms;
        assert_int_equal(games_meet(&fixture->players, 0, -1, &terms), steps[i].is_admitted);
    }
}

static void test_another_address_may_have_another_user(void **state)
{
    struct fixture *fixture = *state;
    struct conf_game *conf = &fixture->heritage.conf.game[0];
    kernel.uid = 12345;
    link_slot(fixture, 0);
    kernel.uid = 12346;
    assert_false(games_may_ask(&fixture->players, 0));
    conf->connect = (char *)"tcp:127.0.0.1:4202";
    link_slot(fixture, 1);
    kernel.uid = 12345;
    assert_false(games_may_ask(&fixture->players, 0));
}

// Process 1 has called listen(2) for it, and outlives every game.
static void test_a_game_whose_socket_systemd_has_made_is_of_an_unknown_process(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/no/such/game.sock"};
    memcpy(&fixture->heritage.conf.game[0].sockaddr, &at, sizeof at);
    credentials = (struct ucred){.pid = 1};
    link_slot(fixture, 0);
    link_slot(fixture, 1);
    assert_int_equal(fixture->vault.slots[0].game_pid, 0);
    assert_int_equal(fixture->vault.slots[0].game_start, kernel.inode);
    for (unsigned i = 0; i < 2; i++)
        end_link(fixture, i);
    now_ms += JUDGED_MS;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(judge(fixture, i), GAMES_DEAD);
}

static void test_a_listener_of_our_own_is_not_asked(void **state)
{
    struct fixture *fixture = *state;
    fixture->players.loops->own[0] = 7;
    fixture->players.loops->n_own = 1;
    kernel.inode = 7;
    assert_false(games_may_ask(&fixture->players, 0));
    assert_int_equal(errno, ELOOP);
    kernel.inode = 8;
    assert_true(games_may_ask(&fixture->players, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_games_death_is_seen_in_every_order_each_time_it_dies),
        TEST(test_one_who_is_closed_by_the_living_game_is_let_go_whenever_was_looked),
        TEST(test_nothing_is_judged_by_what_was_seen_before_the_end),
        TEST(test_who_listens_after_the_connect_and_not_before_may_not_have_taken_it),
        TEST(test_behind_a_listener_that_stays_all_links_that_end_together_are_a_death),
        TEST(test_a_game_that_closes_its_players_one_by_one_and_ends_later_has_died),
        TEST(test_who_quits_one_after_the_other_within_a_games_time_to_end_is_let_go),
        TEST(test_who_lingers_after_a_quit_makes_no_death_of_the_next_one),
        TEST(test_each_process_that_has_not_attached_is_given_its_own_time),
        TEST(test_the_games_user_is_the_first_ones_or_the_configured_one),
        TEST(test_another_address_may_have_another_user),
        TEST(test_a_game_whose_socket_systemd_has_made_is_of_an_unknown_process),
        TEST(test_a_listener_of_our_own_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
