// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How long players wait for their echoes (watch_lines in players.h). Lines are sent when they are
// due, whether or not the last one is back: a stall is not hidden by who waits for its end. Each
// line is another one, so that one that is lost, doubled or another player's is seen; and who is
// not in the sample must hear nothing.
//
// Errors: as in players.h.
#include "players.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_AWAITED 1024u // lines of one player that are under way
#define PATIENCE_MS 20000

struct watched {
    struct player *player;
    uint32_t n_said;
    uint32_t n_heard;
    uint64_t longest_us;
    uint64_t said_us[MAX_AWAITED]; // of line n at n % MAX_AWAITED
};

static struct watched *sample;
static unsigned n_sample;
static unsigned next;    // whose turn it is
static unsigned n_fresh; // those who have had no echo
static uint64_t n_lines;

static void write_line(char line[PLAYER_LINE_BYTES + 1], const struct watched *it, uint32_t number)
{
    int n = snprintf(line, PLAYER_LINE_BYTES + 1, "say %6u %10u ", (unsigned)(it - sample), number);
    memset(line + n, 'x', (size_t)(PLAYER_LINE_BYTES - n));
    memcpy(line + PLAYER_LINE_BYTES - 2, "\r\n", 2);
}

static void say_next(void)
{
    struct watched *it = &sample[next];
    char line[PLAYER_LINE_BYTES + 1];
    next = (next + 1) % n_sample;
    if (it->n_said - it->n_heard == MAX_AWAITED)
        die("echoes do not come");
    write_line(line, it, it->n_said);
    it->said_us[it->n_said++ % MAX_AWAITED] = now_us();
    player_say(it->player, line);
}

static void hear(struct player *player)
{
    struct watched *it = player->watched;
    char line[PLAYER_LINE_BYTES + 1];
    for (;;) {
        memset(line, 0, sizeof line); // what nobody has said
        if (it && it->n_heard < it->n_said)
            write_line(line, it, it->n_heard);
        if (!player_hear(player, line))
            return;
        player->n_back = 0;
        n_lines++;
        n_fresh -= it->n_heard == 0;
        uint64_t waited_us = now_us() - it->said_us[it->n_heard++ % MAX_AWAITED];
        if (waited_us > it->longest_us)
            it->longest_us = waited_us;
    }
}

// One wait for events; what is due is said. True: there is something to read on standard input.
static bool turn(int timer)
{
    struct epoll_event events[256];
    uint64_t n_due;
    bool is_over = false;
    int n = epoll_wait(players_epoll, events, 256, PATIENCE_MS);
    if (n <= 0)
        die("no echo for a long time");
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == &sample)
            is_over = true;
        else if (events[i].data.ptr != &next)
            hear(events[i].data.ptr);
        else if (read(timer, &n_due, sizeof n_due) == (ssize_t)sizeof n_due)
            for (; n_due > 0; n_due--)
                say_next();
    }
    return is_over;
}

static int start_timer(uint64_t gap_us)
{
    struct timespec gap = {.tv_sec = (time_t)(gap_us / 1000000),
                           .tv_nsec = (long)(gap_us % 1000000 * 1000)};
    struct itimerspec times = {.it_interval = gap, .it_value = gap};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &next};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer < 0 || timerfd_settime(timer, 0, &times, NULL) != 0 ||
        epoll_ctl(players_epoll, EPOLL_CTL_ADD, timer, &event) != 0)
        die("timer");
    return timer;
}

static void choose_sample(void)
{
    sample = calloc(n_sample, sizeof *sample);
    if (sample == NULL)
        die("memory");
    for (unsigned i = 0; i < n_sample; i++) {
        sample[i].player = &players[(uint64_t)i * n_players / n_sample];
        sample[i].player->watched = &sample[i];
    }
    for (unsigned i = 0; i < n_players; i++)
        players[i].n_back = 0; // whoever hears something is listened to
    next = 0;
    n_fresh = n_sample;
}

static void drop_sample(void)
{
    for (unsigned i = 0; i < n_players; i++) {
        players[i].watched = NULL;
        players[i].n_back = PLAYER_LINE_BYTES;
    }
    free(sample);
}

static void begin_counting(void)
{
    n_lines = 0;
    for (unsigned i = 0; i < n_sample; i++)
        sample[i].longest_us = 0;
}

static bool is_echo_awaited(void)
{
    for (unsigned i = 0; i < n_sample; i++)
        if (sample[i].n_heard < sample[i].n_said)
            return true;
    return false;
}

static int compare_longest(const void *a, const void *b)
{
    uint64_t x = ((const struct watched *)a)->longest_us;
    uint64_t y = ((const struct watched *)b)->longest_us;
    return x < y ? -1 : x > y;
}

void watch_lines(unsigned n, uint64_t gap_us)
{
    char line[64];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &sample};
    n_sample = n < n_players ? n : n_players;
    choose_sample();
    if (n_sample == 0 || epoll_ctl(players_epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        die("watch");
    int timer = start_timer(gap_us / n_sample);
    while (n_fresh > 0)
        turn(timer);
    begin_counting();
    printf("watching\n");
    while (!turn(timer))
        continue;
    epoll_ctl(players_epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
    close(timer);
    if (fgets(line, sizeof line, stdin) == NULL)
        die("the end of standard input");
    while (is_echo_awaited())
        turn(timer);
    qsort(sample, n_sample, sizeof *sample, compare_longest);
    printf("watched %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n_lines,
           sample[n_sample - 1].longest_us, sample[n_sample / 2].longest_us);
    drop_sample();
}
