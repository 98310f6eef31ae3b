// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The storm's game, on libstay: `storm_game LEDGER-FD`. It takes players and serves
// each (seat.h). On SIGHUP it reboots as games do, by exec; loading takes a random
// moment in which nobody reads or writes. It may be killed at any instruction if it
// resumes: what it has acted on stands in the ledger first and is acknowledged
// then.
//
// Errors: what a player's stream suffered is written into the ledger; a call that
// fails for other reasons ends the game, which the storm reports.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "seat.h"

#define GAME_MAX_SEATS 1024u
#define GAME_LOADING_MS 150u
#define GAME_TURN_MS 50u
#define GAME_HEADER_MS 60000u
#define GAME_UNACKNOWLEDGED_BYTES 8192u // then it is said at once

static struct ledger *ledger;
static struct stay *stay;
static struct seat seats[GAME_MAX_SEATS];
static unsigned n_seats;
static struct dice dice;
static uint64_t deaths; // of processes before this one
static volatile sig_atomic_t reboot_asked;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "storm_game: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct seat *find_seat(const uint8_t id[STAY_ID_BYTES])
{
    for (unsigned i = 0; i < n_seats; i++)
        if (seats[i].player.fd >= 0 && memcmp(seats[i].player.id, id, STAY_ID_BYTES) == 0)
            return &seats[i];
    return NULL;
}

static void take_all(void)
{
    struct stay_player player;
    while (n_seats < GAME_MAX_SEATS && stay_accept(stay, &player) > 0) {
        struct seat *seat = &seats[n_seats];
        n_seats += seat_take(seat, ledger, &player, find_seat(player.id), deaths);
        if (seat->link == NULL) {
            errno = ENOSPC;
            die("the ledger");
        }
    }
}

static void forget_gone(void)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n_seats; i++)
        if (seats[i].player.fd >= 0)
            seats[kept++] = seats[i];
    n_seats = kept;
}

static void acknowledge_some(void)
{
    for (unsigned i = 0; i < n_seats; i++) {
        struct seat *seat = &seats[i];
        const uint64_t at = seat->link->at;
        if (at == seat->acknowledged || atomic_load(&seat->link->state) != LEDGER_LIVE ||
            (at - seat->acknowledged < GAME_UNACKNOWLEDGED_BYTES && !dice_one_in(&dice, 4)))
            continue;
        if (stay_acknowledge(stay, &seat->player, at) != 0)
            die("acknowledge");
        seat->acknowledged = at;
    }
    stay_work(stay);
}

static int wait_for_events(struct pollfd *polled, uint64_t now)
{
    uint64_t next = now + GAME_TURN_MS;
    polled[0] = (struct pollfd){.fd = stay_fd(stay), .events = POLLIN};
    for (unsigned i = 0; i < n_seats; i++) {
        const short events = seat_wants(&seats[i], ledger, now, &next);
        polled[i + 1] = (struct pollfd){.fd = seats[i].player.fd, .events = events};
    }
    struct timespec timeout = {.tv_nsec = next > now ? (long)(next - now) * 1000000 : 0};
    sigset_t none;
    sigemptyset(&none);
    return ppoll(polled, n_seats + 1, &timeout, &none);
}

static void on_hup(int signal_number)
{
    (void)signal_number;
    reboot_asked = 1;
}

// SIGHUP stays blocked outside ppoll, also over the exec, so that none can come
// before its handler is there again; the storm starts the game so.
static void prepare_signals(void)
{
    struct sigaction action = {.sa_handler = on_hup};
    sigaction(SIGHUP, &action, NULL);
}

static _Noreturn void reboot(char **argv)
{
    for (unsigned i = 0; i < n_seats; i++) {
        seats[i].player.n_input = seats[i].link->at;
        if (stay_keep(stay, &seats[i].player, NULL, 0) != 0)
            die("keep");
    }
    stay_exec(stay, "/proc/self/exe", argv);
    die("exec");
}

static void load(void)
{
    deaths = atomic_load(&ledger->deaths);
    dice.state = ledger->seed ^ atomic_load(&ledger->reboots) ^ deaths << 32;
    const struct timespec loading = {.tv_nsec = (long)dice_below(&dice, GAME_LOADING_MS) * 1000000};
    nanosleep(&loading, NULL);
}

static void open_stay(void)
{
    char control[sizeof ledger->directory + sizeof "/control.sock"];
    char error[STAY_ERROR_BYTES];
    snprintf(control, sizeof control, "%s/control.sock", ledger->directory);
    const struct stay_options options = {.game = "g",
                                         .directory = ledger->directory,
                                         .stayd = "",
                                         .header_timeout_ms = GAME_HEADER_MS,
                                         .resumes = ledger->resumes,
                                         .acknowledges = ledger->resumes,
                                         .control = control};
    stay = stay_open(&options, error, sizeof error);
    if (stay == NULL) {
        fprintf(stderr, "storm_game: %s\n", error);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static struct pollfd polled[GAME_MAX_SEATS + 1];
    if (argc != 2)
        return 2;
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
    if (ledger == MAP_FAILED)
        die("mmap");
    prepare_signals();
    load();
    open_stay();
    take_all();
    if (stay_how_started(stay) == STAY_KEPT)
        atomic_fetch_add(&ledger->reboots, 1);
    atomic_store(&ledger->is_rebooting, 0);
    for (;;) {
        uint64_t before = now_ms();
        const unsigned n_polled = n_seats;
        if (wait_for_events(polled, before) < 0 && errno != EINTR)
            die("ppoll");
        if (reboot_asked)
            reboot(argv);
        uint64_t now = now_ms();
        for (unsigned i = 0; i < n_polled; i++)
            if (seats[i].player.fd >= 0)
                seat_serve(&seats[i], ledger, polled[i + 1].revents, now);
        take_all();
        forget_gone();
        if (ledger->resumes)
            acknowledge_some();
    }
}
