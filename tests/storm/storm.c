// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The storm: "kill anything, at any instruction: no player notices".
//
// Players on TLS and without, with verified streams in both directions, talk through stayd with a
// game, while all is done to both that an admin does, and a few things that no admin would: see
// admin.h. Not one connection may drop, not one byte be lost, doubled or moved. At the end both
// ends must agree on every total, and stayd must end orderly: close_notify to all, exit code 0.
//
// Everything random comes from the seed, which is printed first. The moments of
// the kills are real ones, so a seed repeats the choices and not the run.
//
// Errors: exit code 0: nobody noticed (with --expect-failure: somebody did);
// 1: the opposite; 2: the test could not be done.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "admin.h"
#include "crowd.h"
#include "log.h"
#include "options.h"
#include "site.h"
#include "stage.h"
#include "verdict.h"

// Bounds on what hangs, not on what is slow.
#define STORM_START_US 60000000u
#define STORM_DRAIN_US 120000000u
#define STORM_END_US 60000000u

struct storm {
    struct options options;
    struct site site;
    struct stage stage;
    struct crowd crowd;
    struct admin admin;
    bool has_admin;
    uint64_t began_us;
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    is_interrupted = 1;
}

// One turn of everybody but the admin. False: the verdict is out.
static bool turn(struct storm *storm)
{
    crowd_turn(&storm->crowd);
    stage_turn(&storm->stage, now_us());
    if (is_interrupted)
        verdict_give(VERDICT_SETUP, "interrupted");
    if (now_us() - storm->began_us > (uint64_t)storm->options.limit_s * 1000000)
        verdict_give(VERDICT_HANG, "not done after %u s, %u processes killed",
                     storm->options.limit_s, atomic_load(&storm->admin.killer.n_killed));
    return verdict_now() == VERDICT_NONE;
}

static bool turn_until(struct storm *storm, bool (*is_reached)(const struct crowd *),
                       uint64_t limit_us, enum verdict verdict, const char *what)
{
    const uint64_t until = now_us() + limit_us;
    while (!is_reached(&storm->crowd)) {
        if (!turn(storm))
            return false;
        if (now_us() > until) {
            verdict_give(verdict, "%s within %" PRIu64 " s", what, limit_us / 1000000);
            return false;
        }
    }
    return true;
}

static bool begin(struct storm *storm)
{
    struct family family;
    struct stage *stage = &storm->stage;
    if (!site_make(&storm->site, &storm->options) ||
        !stage_make(stage, &storm->options, &storm->site) || !stage_start_game(stage) ||
        !stage_start_stayd(stage))
        return false;
    if (!crowd_init(&storm->crowd, &storm->options, stage->ledger, &storm->site.ports)) {
        verdict_give(VERDICT_SETUP, "no memory");
        return false;
    }
    storm->crowd.world.is_failing = &stage->is_failing;
    admin_init(&storm->admin, stage, &storm->crowd.world);
    if (!killer_wait_whole(&storm->admin.killer, &family))
        return false;
    crowd_start(&storm->crowd);
    return turn_until(storm, crowd_all_playing, STORM_START_US, VERDICT_SETUP,
                      "not all players were connected");
}

static bool rage(struct storm *storm)
{
    storm->crowd.takes_visitors = true;
    storm->has_admin = admin_start(&storm->admin);
    if (!storm->has_admin) {
        verdict_give(VERDICT_SETUP, "no thread");
        return false;
    }
    while (!atomic_load(&storm->admin.is_finished))
        if (!turn(storm))
            return false;
    return true;
}

// Everybody falls silent, and what was said arrives.
static bool calm(struct storm *storm)
{
    storm->crowd.takes_visitors = false;
    const uint64_t until = now_us() + STORM_DRAIN_US;
    bool has_visitors = true;
    while (has_visitors && now_us() < until) { // they finish their visits first
        has_visitors = false;
        for (unsigned i = storm->crowd.n_staying; i < storm->crowd.n_places; i++)
            has_visitors |= storm->crowd.players[i].state != PLAYER_NONE;
        if (!turn(storm))
            return false;
    }
    storm->crowd.world.is_stopping = true;
    atomic_store(&storm->stage.ledger->is_stopping, 1);
    return turn_until(storm, crowd_all_quiet, STORM_DRAIN_US, VERDICT_DAMAGE,
                      "the ends do not agree on the totals");
}

static bool end(struct storm *storm)
{
    storm->crowd.world.is_ending = true;
    stage_end_stayd(&storm->stage);
    if (!turn_until(storm, crowd_all_done, STORM_END_US, VERDICT_DAMAGE,
                    "close_notify did not come to all players"))
        return false;
    const uint64_t until = now_us() + STORM_END_US;
    while (!stage_is_empty(&storm->stage) && turn(storm))
        if (now_us() > until)
            verdict_give(VERDICT_HANG, "stayd's processes are still there after SIGTERM");
    if (verdict_now() != VERDICT_NONE)
        return false;
    if (storm->stage.guard_status != 0)
        verdict_give(VERDICT_HANG, "the guard has ended with wait status 0x%x",
                     (unsigned)storm->stage.guard_status);
    char line[500];
    if (log_find_complaint(&storm->site, line, sizeof line))
        verdict_give(VERDICT_HANG, "the log has a line that should not be: %s", line);
    return verdict_now() == VERDICT_NONE;
}

static void print_kills(const struct killer *killer)
{
    printf(
        "storm: %u processes killed (worker %u, spare %u, guard %u, entry %u, unnamed or on trial "
        "%u; newborn %u, amid an order %u, game away %u), longest recovery %" PRIu64
        " ms, longest retiring %" PRIu64 " ms\n",
        atomic_load(&killer->n_killed), killer->by_role[FAMILY_WORKER],
        killer->by_role[FAMILY_SPARE], killer->by_role[FAMILY_GUARD], killer->by_role[FAMILY_ENTRY],
        killer->by_role[FAMILY_OTHER], killer->newborn, killer->amid, killer->while_rebooting,
        killer->longest_recovery_us / 1000, killer->longest_retiring_us / 1000);
    printf("storm: strikes at once at");
    for (unsigned n = 1; n <= KILLER_MAX_VICTIMS; n++)
        if (killer->together[n] > 0)
            printf(" %u: %u,", n, killer->together[n]);
    printf(" processes\n");
}

static void print_deeds(const struct admin *admin)
{
    const unsigned *n = admin->n_done;
    printf(
        "storm: %u strikes, %u reboots and %u kills of the game, %u reloads, %u renewals, %u "
        "upgrades, %u broken programs (%u refused, %u rolled back); %u orders to upgrade given up "
        "for a kill\n",
        n[OPTIONS_KILL], n[OPTIONS_REBOOT], n[OPTIONS_GAME_KILL], n[OPTIONS_RELOAD],
        n[OPTIONS_RENEWAL], n[OPTIONS_UPGRADE], n[OPTIONS_BROKEN], admin->n_refused, admin->n_back,
        admin->n_given_up);
}

static void print_players(const struct storm *storm)
{
    const struct player_world *world = &storm->crowd.world;
    uint64_t to_game = world->bytes_to_game;
    uint64_t to_player = world->bytes_to_player;
    for (unsigned i = 0; i < storm->crowd.n_places; i++) {
        to_game += storm->crowd.players[i].sent;
        to_player += storm->crowd.players[i].received;
    }
    printf("storm: %u players, %" PRIu64 " visits (%" PRIu64 " with tickets, %" PRIu64
           " left a game that died; handshakes lost: %" PRIu64 " with an entry that was killed, "
           "%" PRIu64 " with their listener), %.1f MB to "
           "the game, %.1f MB to players, KeyUpdates %" PRIu64 " said and %" PRIu64 " heard\n",
           storm->options.n_players, storm->crowd.visits, world->resumed, world->unheard,
           world->handshakes_lost[false], world->handshakes_lost[true], (double)to_game / 1e6,
           (double)to_player / 1e6, world->key_updates, world->keys_updated);
    const uint64_t(*stall)[2] = world->longest_stall_us;
    printf("storm: players dropped: %" PRIu64 ", bytes wrong: %" PRIu64 "; longest stall %" PRIu64
           " ms to a player (%" PRIu64 " ms while a broken program had its time), %" PRIu64
           " ms (%" PRIu64 " ms) to the game, its own pauses and deaths included\n",
           world->n_dropped, world->n_wrong_bytes, stall[STREAM_TO_PLAYER][false] / 1000,
           stall[STREAM_TO_PLAYER][true] / 1000, stall[STREAM_TO_GAME][false] / 1000,
           stall[STREAM_TO_GAME][true] / 1000);
}

static void print_game(const struct ledger *ledger)
{
    printf("storm: the game: %" PRIu64 " reboots, %" PRIu64 " deaths, %" PRIu64
           " players resumed, %.1f kB said again to it, %" PRIu64 " links made anew\n",
           atomic_load(&ledger->reboots), atomic_load(&ledger->deaths),
           atomic_load(&ledger->resumed), (double)atomic_load(&ledger->said_again) / 1e3,
           atomic_load(&ledger->superseded));
}

static void print_summary(const struct storm *storm)
{
    print_kills(&storm->admin.killer);
    print_deeds(&storm->admin);
    if (storm->stage.ledger != NULL)
        print_game(storm->stage.ledger);
    if (storm->crowd.players != NULL)
        print_players(storm);
    printf("storm: seed %" PRIu64 ", %u receipts settled, %.1f s\n", storm->options.seed,
           log_count_settled(&storm->site), (double)(now_us() - storm->began_us) / 1e6);
}

static int judge(struct storm *storm, const char *program)
{
    const enum verdict verdict = verdict_now();
    const bool expects = storm->options.expects_failure;
    print_summary(storm);
    if (expects && verdict == VERDICT_DAMAGE) {
        printf("storm: damage was seen, as it must be here\n");
        return 0;
    }
    if (!expects && verdict == VERDICT_NONE) {
        printf("storm: no player noticed\n");
        return 0;
    }
    if (verdict == VERDICT_NONE)
        printf("storm: no damage was seen, but there should have been some\n");
    if (storm->stage.ledger != NULL && atomic_load(&storm->stage.ledger->damaged))
        printf("  %s\n", storm->stage.ledger->damage_text);
    if (verdict != VERDICT_NONE && storm->crowd.players != NULL)
        crowd_print_behind(&storm->crowd);
    log_print(&storm->site);
    printf("storm: to repeat its choices: ");
    options_print(&storm->options, program);
    return verdict == VERDICT_SETUP ? 2 : 1;
}

int main(int argc, char **argv)
{
    static struct storm storm;
    options_read(&storm.options, argc, argv);
    options_print(&storm.options, argv[0]);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    storm.began_us = now_us();
    if (begin(&storm) && rage(&storm) && calm(&storm))
        end(&storm);
    if (storm.has_admin)
        admin_join(&storm.admin);
    int code = judge(&storm, argv[0]);
    stage_clear(&storm.stage);
    if (storm.options.keeps_folder || code != 0)
        printf("storm: configuration and log are in %s\n", storm.site.folder);
    else
        site_remove(&storm.site);
    if (storm.crowd.players != NULL)
        crowd_free(&storm.crowd);
    return code;
}
