// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A game that dies while a player is being linked to it (players/games.h). What it said of itself
// when it attached decides whether the player can be resumed, so it must not be taken for another
// one then. The link is what the kernel lets be: a connect that came just before the death.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/link.h"
#include "game/proc.h"
#include "players/crowd.h"
#include "players/games.h"
#include "players/orders.h"
#include "players/players.h"
#include "vault/game.h"
#include "vault/slot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
    pid_t game;
    int link;
};

static bool dies_when_looked_at;
static pid_t victim;

enum proc_life __real_proc_look(pid_t pid, uint64_t start);
enum proc_life __wrap_proc_look(pid_t pid, uint64_t start);

// It dies just behind the look.
enum proc_life __wrap_proc_look(pid_t pid, uint64_t start)
{
    enum proc_life life = __real_proc_look(pid, start);
    if (dies_when_looked_at && pid == victim) {
        kill(victim, SIGKILL);
        waitpid(victim, NULL, 0);
        dies_when_looked_at = false;
    }
    return life;
}

// The game listens, accepts nobody, and waits for its death.
static pid_t start_game(const struct sockaddr_un *at)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 5) != 0 ||
            write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    struct conf_game *conf = &fixture->heritage.conf.game[0];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/stayd-games-test.%d", (int)getpid());
    assert_int_equal(vault_make(&fixture->vault, 4), 0);
    conf->connect = "unix:/mush";
    fixture->heritage.conf.n_games = 1;
    snprintf(conf->name, sizeof conf->name, "mush");
    memcpy(&conf->sockaddr, &at, sizeof at);
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    fixture->game = victim = start_game(&at);
    fixture->link = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fixture->link, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(unlink(at.sun_path), 0);
    assert_int_equal(order_attach(players, 0, fixture->game, true, true), ORDER_DONE);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    crowd_stop(&fixture->players);
    event_base_free(fixture->players.base);
    close(fixture->link);
    kill(fixture->game, SIGKILL);
    waitpid(fixture->game, NULL, 0);
    crowd_forget(&fixture->players);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    free(fixture);
    return 0;
}

static void test_a_player_is_linked_on_the_terms_of_the_game_that_has_attached(void **state)
{
    struct fixture *fixture = *state;
    struct link_terms terms;
    assert_true(games_meet(&fixture->players, 0, fixture->link, &terms));
    assert_int_equal(terms.pid, fixture->game);
    assert_true(terms.flags & SLOT_FLAG_RESUMES);
}

// It will be found dead, and the player held for the next one.
static void test_so_is_one_whose_game_dies_in_that_moment(void **state)
{
    struct fixture *fixture = *state;
    struct link_terms terms;
    dies_when_looked_at = true;
    assert_true(games_meet(&fixture->players, 0, fixture->link, &terms));
    assert_false(dies_when_looked_at);
    assert_int_equal(terms.pid, fixture->game);
    assert_true(terms.flags & SLOT_FLAG_RESUMES);
    assert_int_equal(game_now(fixture->vault.head, 0).pid, fixture->game);
}

// Nobody has noticed yet that it is dead, and no player waits who was in it.
static void test_nobody_is_linked_to_a_game_that_has_just_died(void **state)
{
    struct fixture *fixture = *state;
    struct link_terms terms;
    kill(fixture->game, SIGKILL);
    waitpid(fixture->game, NULL, 0);
    assert_false(games_meet(&fixture->players, 0, fixture->link, &terms));
    struct game_state now = game_now(fixture->vault.head, 0);
    assert_int_equal(now.pid, fixture->game);
    assert_true(now.flags & GAME_AWAY && now.flags & GAME_RESUMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_player_is_linked_on_the_terms_of_the_game_that_has_attached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_so_is_one_whose_game_dies_in_that_moment, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_is_linked_to_a_game_that_has_just_died, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
