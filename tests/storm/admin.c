// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See admin.h. It speaks with stayd as stayctl does, by the same function (stayctl/ask.h).
#include "admin.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "probe.h"
#include "stayctl/ask.h"
#include "verdict.h"

#define ADMIN_STUCK_US 60000000u // an order that was not obeyed by then is not
#define ADMIN_AGAIN_US 50000u
#define ADMIN_SIGNAL_US 2000000u // a signal can die with the guard: then it is given again
#define ADMIN_RETIRED_ONE_IN 4u
#define ADMIN_AT_ONCE_ONE_IN 4u
#define ADMIN_AT_ONCE_US 2000u // while new processes are still taking up their work

static bool is_over(void)
{
    return verdict_now() != VERDICT_NONE;
}

// What is done, and how orders end, for who looks for the cause of something.
static void note(const struct admin *admin, const char *what, const char *how)
{
    char path[SITE_PATH_BYTES];
    char time[VERDICT_TIME_BYTES];
    FILE *file = fopen(site_path(admin->site, path, LOG_OF_STORM), "ae");
    if (file == NULL)
        return;
    fprintf(file, "%s %s%s%s\n", verdict_time(time), what, *how ? ": " : "", how);
    fclose(file);
}

static void complain(const char *doing, const char *why)
{
    verdict_give(VERDICT_HANG, "%s: %s", doing, why);
}

// False: it has lasted too long, or the verdict is out.
static bool may_go_on(uint64_t since_us, const char *doing)
{
    if (now_us() - since_us > ADMIN_STUCK_US)
        complain(doing, "not done in time");
    sleep_us(ADMIN_AGAIN_US);
    return !is_over();
}

static enum ask_result ask_stayd(struct admin *admin, const char *words, struct ask_answer *answer)
{
    char control[SITE_PATH_BYTES];
    char id[32];
    char line[SITE_PATH_BYTES + 64];
    snprintf(id, sizeof id, "storm-%" PRIu64, admin->n_asked++);
    snprintf(line, sizeof line, "%s %s", id, words);
    return ask(site_path(admin->site, control, "control.sock"), id, line, ADMIN_STUCK_US / 1000,
               answer);
}

static bool wait_for_game(const struct admin *admin)
{
    while (!stage_has_game(admin->stage) && !is_over()) // the stage has patience
        sleep_us(1000);
    return !is_over();
}

static void kill_game(struct admin *admin)
{
    while (atomic_load(&admin->stage->wish) != STAGE_NOTHING && !is_over())
        sleep_us(1000);
    atomic_store(&admin->stage->wish, STAGE_KILL_GAME);
    admin->n_done[OPTIONS_GAME_KILL]++;
}

// Something is ordered: in the middle of half of it a process of stayd is killed (killer.h), and
// in the middle of a quarter the game, so that it comes back then.
static void begin_order(struct admin *admin, bool is_late)
{
    if (dice_one_in(&admin->dice, 4) && admin->stage->ledger->resumes)
        kill_game(admin);
    atomic_store(&admin->stage->is_ordered, true);
    if (dice_one_in(&admin->dice, 2)) // while an entry retires
        killer_rush(&admin->killer);
    killer_begin_amid(&admin->killer, is_late);
}

// How stands it with this version?
enum standing { STANDING_RUNS, STANDING_UNDER_WAY, STANDING_NOT };

static enum standing look(struct admin *admin, const char *version)
{
    enum standing standing = STANDING_NOT;
    struct ask_answer answer;
    if (ask_stayd(admin, "status", &answer) == ASK_OK && answer.n_items > 0) {
        const char *phase = reply_find(&answer.item[0], "upgrade");
        if (strcmp(phase, "trial") == 0 || strcmp(phase, "probation") == 0)
            standing = STANDING_UNDER_WAY;
        else if (strcmp(reply_find(&answer.item[0], "version"), version) == 0)
            standing = STANDING_RUNS;
    } else {
        complain("status", answer.end.why);
    }
    ask_free(&answer);
    return standing;
}

static void check_version(struct admin *admin)
{
    const uint64_t since = now_us();
    const char *version = site_good[admin->running].version;
    while (look(admin, version) != STANDING_RUNS)
        if (!may_go_on(since, version))
            return;
}

// Renewed files are found without an order, too, so that one may come in the middle of something.
static bool is_busy(const char *why)
{
    return strstr(why, "under way") != NULL || strstr(why, "ask again") != NULL;
}

// An order to upgrade. False: not obeyed; *why says why not.
static bool order_upgrade(struct admin *admin, bool *was_struck, bool is_late, char why[512])
{
    struct ask_answer answer;
    char words[SITE_PATH_BYTES + 16] = "upgrade";
    char path[SITE_PATH_BYTES];
    if (dice_one_in(&admin->dice, 2))
        snprintf(words, sizeof words, "upgrade %s", site_path(admin->site, path, "stayd"));
    begin_order(admin, is_late);
    const bool is_obeyed = ask_stayd(admin, words, &answer) == ASK_OK;
    *was_struck = killer_end_amid(&admin->killer);
    snprintf(why, 512, "%s", is_obeyed ? "" : answer.end.why);
    ask_free(&answer);
    struct family family;
    killer_wait_whole(&admin->killer, &family);
    return is_obeyed;
}

// Give the guard a signal: each guard once, for one may die with it; and again after a while.
static void give_signal(struct admin *admin, int signal_number)
{
    struct family family;
    family_read(&family);
    const pid_t guard = family_find(&family, FAMILY_GUARD);
    if (guard == 0 || (guard == admin->signalled && now_us() < admin->signal_again_us))
        return;
    kill(guard, signal_number);
    admin->signalled = guard;
    admin->signal_again_us = now_us() + ADMIN_SIGNAL_US;
}

// By SIGUSR2, which says nothing in return. Nothing of it is left when it is done.
static void signal_upgrade(struct admin *admin, const struct site_program *program)
{
    const uint64_t since = now_us();
    struct family family;
    enum standing standing = STANDING_NOT;
    admin->signalled = 0;
    begin_order(admin, false);
    do {
        if (standing == STANDING_NOT)
            give_signal(admin, SIGUSR2);
        standing = look(admin, program->version);
    } while (standing != STANDING_RUNS && may_go_on(since, "upgrade by signal"));
    killer_end_amid(&admin->killer);
    killer_wait_whole(&admin->killer, &family);
}

static void ask_upgrade(struct admin *admin)
{
    const uint64_t since = now_us();
    bool was_struck;
    char why[512];
    while (!order_upgrade(admin, &was_struck, false, why)) {
        note(admin, "not upgraded", why);
        if (!was_struck && !is_busy(why))
            complain("an upgrade was refused", why);
        admin->n_given_up += was_struck;
        check_version(admin);
        if (!may_go_on(since, "upgrade"))
            return;
    }
}

static void upgrade(struct admin *admin)
{
    const unsigned next = 1 - admin->running;
    if (!site_put(admin->site, &site_good[next]))
        return;
    if (dice_one_in(&admin->dice, 3))
        signal_upgrade(admin, &site_good[next]);
    else
        ask_upgrade(admin);
    admin->running = next;
    admin->n_done[OPTIONS_UPGRADE]++;
    check_version(admin);
}

static void try_broken(struct admin *admin)
{
    const struct site_program *program =
        &site_broken[admin->n_done[OPTIONS_BROKEN] % site_n_broken];
    const uint64_t since = now_us();
    bool was_struck;
    char why[512];
    if (!site_put(admin->site, program))
        return;
    atomic_store(&admin->stage->is_failing, true);
    do {
        if (order_upgrade(admin, &was_struck, program->is_late, why))
            complain("a program that fails was taken", program->name);
        note(admin, program->name, why);
        admin->n_given_up += was_struck;
    } while ((was_struck || is_busy(why)) && may_go_on(since, program->name));
    if (strstr(why, program->why) == NULL)
        complain(program->name, why);
    admin->n_done[OPTIONS_BROKEN]++;
    admin->n_back += program->is_late;
    admin->n_refused += !program->is_late;
    check_version(admin);
    site_put(admin->site, &site_good[admin->running]);
}

// The reason why a reload was refused.
static const char *find_reason(const struct ask_answer *answer)
{
    return answer->n_items > 0 ? reply_find(&answer->item[0], "text") : answer->end.why;
}

// An order to reload is obeyed, whoever is killed meanwhile, but for the process that tries out the
// files: it counts as one that the files have crashed (doc/crash.md).
static void order_reload(struct admin *admin)
{
    const unsigned n_trials_killed = admin->killer.by_role[FAMILY_OTHER];
    const uint64_t since = now_us();
    struct ask_answer answer;
    bool is_obeyed = false;
    do {
        begin_order(admin, false);
        is_obeyed = ask_stayd(admin, "reload", &answer) == ASK_OK;
        killer_end_amid(&admin->killer);
        if (!is_obeyed) {
            note(admin, "not reloaded", find_reason(&answer));
            if (admin->killer.by_role[FAMILY_OTHER] == n_trials_killed &&
                !is_busy(find_reason(&answer)))
                complain("a reload was refused", find_reason(&answer));
        }
        ask_free(&answer);
    } while (!is_obeyed && may_go_on(since, "reload"));
}

static void reload(struct admin *admin)
{
    struct site *site = admin->site;
    atomic_store(&admin->world->has_extra, false);
    if (!site_change(site, &admin->dice))
        return;
    order_reload(admin);
    if (probe_listens(PORTS_EXTRA_ADDRESS, site->ports.tls) != site->has_extra)
        complain("after a reload", site->has_extra ? "the listener that was added is not there"
                                                   : "the listener that was removed is there");
    atomic_store(&admin->world->has_extra, site->has_extra);
    admin->n_done[OPTIONS_RELOAD]++;
}

// By SIGHUP, which says nothing in return. One that is obeyed late is behind us when the order that
// follows is.
static void signal_reload(struct admin *admin)
{
    const uint64_t since = now_us();
    admin->signalled = 0;
    begin_order(admin, false);
    do
        give_signal(admin, SIGHUP);
    while (probe_serial(admin->site->ports.tls) != admin->site->serial &&
           may_go_on(since, "renewal by signal"));
    killer_end_amid(&admin->killer);
    order_reload(admin);
}

static void check_certificate(struct admin *admin)
{
    const uint64_t since = now_us();
    long serial;
    while ((serial = probe_serial(admin->site->ports.tls)) < 0)
        if (!may_go_on(since, "a look at the certificate"))
            return;
    if (serial != admin->site->serial)
        complain("after a renewal", "the old certificate is shown");
}

static void renew(struct admin *admin)
{
    if (!site_renew(admin->site))
        return;
    if (dice_one_in(&admin->dice, 2))
        signal_reload(admin);
    else
        order_reload(admin);
    check_certificate(admin);
    admin->n_done[OPTIONS_RENEWAL]++;
}

static void strike(struct admin *admin)
{
    killer_strike(&admin->killer,
                  (enum family_role)(admin->n_done[OPTIONS_KILL]++ % FAMILY_N_ROLES));
}

static void reboot_game(struct admin *admin)
{
    if (!wait_for_game(admin))
        return;
    atomic_store(&admin->stage->wish, STAGE_REBOOT_GAME);
    admin->n_done[OPTIONS_REBOOT]++;
}

// Also one that is still taking up its players.
static void kill_game_at_some_time(struct admin *admin)
{
    if (dice_one_in(&admin->dice, 4) || wait_for_game(admin))
        kill_game(admin);
}

static void shuffle(struct admin *admin)
{
    for (unsigned i = admin->n_deck; i > 1; i--) {
        const unsigned other = (unsigned)dice_below(&admin->dice, i);
        const uint8_t deed = admin->deck[i - 1];
        admin->deck[i - 1] = admin->deck[other];
        admin->deck[other] = deed;
    }
}

// Each deed begins with dice of its own: what it throws does not hang on how long others took.
static void take_dice(struct admin *admin)
{
    const uint64_t seed = dice_mix(admin->options->seed ^ dice_mix(++admin->n_dice));
    admin->dice.state = dice_mix(seed ^ 0x61646d696e);
    admin->killer.dice.state = dice_mix(seed ^ 0x6b696c6c);
}

// All is in its place again, and the ends of all processes that have ended were looked at. Not
// always are the entries that retire awaited: they may pile up to as many as there may be.
static void finish_order(struct admin *admin)
{
    struct family family;
    killer_wait_whole(&admin->killer, &family);
    if (dice_one_in(&admin->dice, ADMIN_RETIRED_ONE_IN))
        killer_wait_retired(&admin->killer);
    const unsigned n = atomic_load(&admin->stage->n_reapings);
    while (atomic_load(&admin->stage->n_reapings) - n < 2 && !is_over())
        sleep_us(1000);
    atomic_store(&admin->stage->is_ordered, false);
    atomic_store(&admin->stage->is_failing, false);
}

static void do_deed(struct admin *admin, enum options_deed deed)
{
    static const struct {
        const char *name;
        void (*work)(struct admin *);
    } deeds[OPTIONS_N_DEEDS] = {
        [OPTIONS_KILL] = {"strike", strike},
        [OPTIONS_REBOOT] = {"reboot of the game", reboot_game},
        [OPTIONS_GAME_KILL] = {"kill of the game", kill_game_at_some_time},
        [OPTIONS_RELOAD] = {"reload", reload},
        [OPTIONS_RENEWAL] = {"renewal", renew},
        [OPTIONS_UPGRADE] = {"upgrade", upgrade},
        [OPTIONS_BROKEN] = {"broken program", try_broken},
    };
    struct family family;
    uint64_t pause_us = (uint64_t)admin->options->pause_ms * 1000;
    take_dice(admin);
    if (dice_one_in(&admin->dice, ADMIN_AT_ONCE_ONE_IN))
        pause_us = ADMIN_AT_ONCE_US;
    if (!killer_wait_whole(&admin->killer, &family))
        return;
    sleep_us(dice_wait(&admin->dice, pause_us));
    note(admin, deeds[deed].name, "");
    deeds[deed].work(admin);
    if (atomic_load(&admin->stage->is_ordered))
        finish_order(admin);
}

static void *run(void *argument)
{
    struct admin *admin = argument;
    const uint64_t until = now_us() + (uint64_t)admin->options->seconds * 1000000;
    do {
        take_dice(admin);
        shuffle(admin);
        for (unsigned i = 0; i < admin->n_deck && !is_over(); i++)
            if (admin->options->seconds == 0 || now_us() < until)
                do_deed(admin, (enum options_deed)admin->deck[i]);
    } while (now_us() < until && !is_over());
    killer_wait_retired(&admin->killer);
    wait_for_game(admin);
    atomic_store(&admin->is_finished, true);
    return NULL;
}

void admin_init(struct admin *admin, struct stage *stage, struct player_world *world)
{
    *admin = (struct admin){
        .options = stage->options, .stage = stage, .site = stage->site, .world = world};
    admin->killer.ledger = stage->ledger;
    admin->killer.rush = &world->rush;
    admin->killer.entry_deaths = &world->entry_deaths;
}

static bool make_deck(struct admin *admin)
{
    const unsigned *n_deeds = admin->options->n_deeds;
    unsigned n = 0;
    for (unsigned i = 0; i < OPTIONS_N_DEEDS; i++)
        n += n_deeds[i];
    admin->deck = malloc(n + 1);
    if (admin->deck == NULL)
        return false;
    for (unsigned i = 0; i < OPTIONS_N_DEEDS; i++)
        for (unsigned j = 0; j < n_deeds[i]; j++)
            admin->deck[admin->n_deck++] = (uint8_t)i;
    return true;
}

bool admin_start(struct admin *admin)
{
    return make_deck(admin) && pthread_create(&admin->thread, NULL, run, admin) == 0;
}

void admin_join(struct admin *admin)
{
    pthread_join(admin->thread, NULL);
    free(admin->deck);
}
