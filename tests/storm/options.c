// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See options.h.
#include "options.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char usage[] =
    "usage: storm --stayd PATH [options]\n"
    "  --players N           verified TLS players who stay (50)\n"
    "  --visitors N          places for players who come and go meanwhile (6)\n"
    "  --kills N             processes to kill (500)\n"
    "  --seed S              repeat a run's choices (random)\n"
    "  --seconds-limit S     fail when it takes longer (kills / 2 + 120)\n"
    "  --reboot-game-every MS  mean time between exec reboots of the game, 0: none (700)\n"
    "  --kill-pause MS       mean pause before the next kill (90)\n"
    "  --talk-pause MS       mean pause between two bursts of one player (60)\n"
    "  --mode mix|1.2|1.3    TLS versions (mix)\n"
    "  --no-telnet           stayd is told that the game is no telnet\n"
    "  --expect-failure      succeed only if damage is seen: the control run\n"
    "  --keep                keep the folder of configuration and log\n";

enum {
    PLAYERS = 256,
    VISITORS,
    KILLS,
    SEED,
    LIMIT,
    REBOOT,
    KILL_PAUSE,
    TALK_PAUSE,
    MODE,
    STAYD,
    NO_TELNET,
    EXPECT,
    KEEP
};

static const struct option names[] = {
    {"stayd", required_argument, NULL, STAYD},
    {"players", required_argument, NULL, PLAYERS},
    {"visitors", required_argument, NULL, VISITORS},
    {"kills", required_argument, NULL, KILLS},
    {"seed", required_argument, NULL, SEED},
    {"seconds-limit", required_argument, NULL, LIMIT},
    {"reboot-game-every", required_argument, NULL, REBOOT},
    {"kill-pause", required_argument, NULL, KILL_PAUSE},
    {"talk-pause", required_argument, NULL, TALK_PAUSE},
    {"mode", required_argument, NULL, MODE},
    {"no-telnet", no_argument, NULL, NO_TELNET},
    {"expect-failure", no_argument, NULL, EXPECT},
    {"keep", no_argument, NULL, KEEP},
    {NULL, 0, NULL, 0},
};

static _Noreturn void refuse(const char *what)
{
    fprintf(stderr, "storm: %s\n%s", what, usage);
    exit(2);
}

static uint64_t read_number(const char *text, uint64_t max)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 0);
    if (end == text || *end != '\0' || value > max)
        refuse("a number is wrong");
    return value;
}

static enum options_mode read_mode(const char *text)
{
    if (strcmp(text, "mix") == 0)
        return OPTIONS_MIX;
    if (strcmp(text, "1.2") == 0)
        return OPTIONS_TLS12;
    if (strcmp(text, "1.3") == 0)
        return OPTIONS_TLS13;
    refuse("--mode is mix, 1.2 or 1.3");
}

static void take(struct options *options, int name, const char *value)
{
    switch (name) {
    case STAYD:
        options->stayd = value;
        break;
    case PLAYERS:
        options->n_players = (unsigned)read_number(value, 900);
        break;
    case VISITORS:
        options->n_visitors = (unsigned)read_number(value, 64);
        break;
    case KILLS:
        options->n_kills = (unsigned)read_number(value, 10000000);
        break;
    case SEED:
        options->seed = read_number(value, UINT64_MAX);
        break;
    case LIMIT:
        options->limit_s = (unsigned)read_number(value, 1000000);
        break;
    case REBOOT:
        options->reboot_every_ms = (unsigned)read_number(value, 1000000);
        break;
    case KILL_PAUSE:
        options->kill_pause_ms = (unsigned)read_number(value, 10000);
        break;
    case TALK_PAUSE:
        options->talk_pause_ms = (unsigned)read_number(value, 10000);
        break;
    case MODE:
        options->mode = read_mode(value);
        break;
    case NO_TELNET:
        options->is_telnet = false;
        break;
    case EXPECT:
        options->expects_failure = true;
        break;
    case KEEP:
        options->keeps_folder = true;
        break;
    default:
        refuse("an option is not known");
    }
}

void options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.n_players = 50,
                                .n_visitors = 6,
                                .n_kills = 500,
                                .reboot_every_ms = 700,
                                .kill_pause_ms = 90,
                                .talk_pause_ms = 60,
                                .is_telnet = true};
    if (getrandom(&options->seed, sizeof options->seed, 0) != sizeof options->seed)
        refuse("no random seed could be had");
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(options, name, optarg);
    if (optind != argc || options->stayd == NULL)
        refuse(options->stayd == NULL ? "--stayd is missing" : "too many arguments");
    if (options->limit_s == 0)
        options->limit_s = options->n_kills / 2 + 120;
}

void options_print(const struct options *options, const char *program)
{
    static const char *const modes[] = {"mix", "1.2", "1.3"};
    printf("%s --stayd %s --players %u --visitors %u --kills %u --seconds-limit %u "
           "--reboot-game-every %u --kill-pause %u --talk-pause %u --mode %s%s%s --seed %" PRIu64
           "\n",
           program, options->stayd, options->n_players, options->n_visitors, options->n_kills,
           options->limit_s, options->reboot_every_ms, options->kill_pause_ms,
           options->talk_pause_ms, modes[options->mode], options->is_telnet ? "" : " --no-telnet",
           options->expects_failure ? " --expect-failure" : "", options->seed);
    fflush(stdout);
}
