// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// `load PORT N` connects N players (players.h), says "connected", and then does what it reads
// from its standard input, one answer a command:
//
//   lines TOTAL  every player sends a line, waits for its echo and sends the next,
//                until TOTAL lines are back. Answer: "lines TOTAL MICROSECONDS".
//   paced TOTAL GAP  one line each GAP microseconds, from one player after the other,
//                its echo awaited. Answer: "paced TOTAL".
//   kill PID     kill that process with SIGKILL (0: nobody), send one line from
//                each player right after, and wait for all echoes. Answer:
//                "echoed LAST-MICROSECONDS MEDIAN-MICROSECONDS", since the kill.
//   watch SAMPLE GAP  a line each GAP microseconds from each of SAMPLE players. Answer, when each
//                has had an echo: "watching"; and after the next line that is read, whatever it
//                says, and after all echoes: "watched LINES LONGEST MIDDLE", of the players'
//                longest waits for an echo since then, in microseconds, the longest and the median.
//
// Errors: whatever goes wrong ends the program with a message and status 1.
#include "players.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note_time(struct player *player)
{
    player->echoed_us = now_us();
}

static uint64_t lines_to_send;

static void send_next(struct player *player)
{
    if (lines_to_send == 0)
        return;
    lines_to_send--;
    player_send(player);
}

static void do_lines(uint64_t total)
{
    uint64_t begin = now_us();
    unsigned n_first = total < n_players ? (unsigned)total : n_players;
    lines_to_send = total - n_first;
    for (unsigned i = 0; i < n_first; i++)
        player_send(&players[i]);
    players_run(total, send_next);
    printf("lines %" PRIu64 " %" PRIu64 "\n", total, now_us() - begin);
}

static void do_paced(uint64_t total, uint64_t gap_us)
{
    uint64_t begin = now_us();
    for (uint64_t i = 0; i < total; i++) {
        uint64_t now = now_us();
        uint64_t due = begin + i * gap_us;
        if (due > now)
            usleep((useconds_t)(due - now));
        player_send(&players[i % n_players]);
        players_run(1, note_time);
    }
    printf("paced %" PRIu64 "\n", total);
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void do_kill(pid_t pid)
{
    uint64_t *times = calloc(n_players, sizeof *times);
    if (times == NULL)
        die("memory");
    uint64_t begin = now_us();
    if (pid > 0 && kill(pid, SIGKILL) != 0)
        die("kill");
    for (unsigned i = 0; i < n_players; i++)
        player_send(&players[i]);
    players_run(n_players, note_time);
    for (unsigned i = 0; i < n_players; i++)
        times[i] = players[i].echoed_us - begin;
    qsort(times, n_players, sizeof *times, compare_times);
    printf("echoed %" PRIu64 " %" PRIu64 "\n", times[n_players - 1], times[n_players / 2]);
    free(times);
}

int main(int argc, char **argv)
{
    char command[64];
    uint64_t total;
    uint64_t gap_us;
    if (argc != 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    players_connect((unsigned)atoi(argv[2]), (uint16_t)atoi(argv[1]));
    printf("connected\n");
    while (fgets(command, sizeof command, stdin) != NULL)
        if (strncmp(command, "lines ", 6) == 0)
            do_lines(strtoull(command + 6, NULL, 10));
        else if (sscanf(command, "paced %" SCNu64 " %" SCNu64, &total, &gap_us) == 2)
            do_paced(total, gap_us);
        else if (strncmp(command, "kill ", 5) == 0)
            do_kill((pid_t)atoi(command + 5));
        else if (sscanf(command, "watch %" SCNu64 " %" SCNu64, &total, &gap_us) == 2)
            watch_lines((unsigned)total, gap_us);
        else
            die("a command that is not known");
    return 0;
}
