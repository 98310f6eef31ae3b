// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See options.h. Options with a number are a table.
#include "options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct number {
    const char *name;
    size_t offset; // of an unsigned in struct options
    unsigned preset;
    unsigned max;
    const char *help;
};

#define DEED(deed) (offsetof(struct options, n_deeds) + (deed) * sizeof(unsigned))

static const struct number numbers[] = {
    {"players", offsetof(struct options, n_players), 50, 900, "verified players who stay"},
    {"visitors", offsetof(struct options, n_visitors), 24, 64,
     "places for players who come and go meanwhile"},
    {"kills", DEED(OPTIONS_KILL), 300, 10000000,
     "strikes at worker, spare, guard and entry in turn, and often at others with it"},
    {"reboots", DEED(OPTIONS_REBOOT), 60, 1000000, "reboots of the game, by exec"},
    {"game-kills", DEED(OPTIONS_GAME_KILL), 0, 1000000,
     "kills of the game; it then attaches, resumes and acknowledges"},
    {"reloads", DEED(OPTIONS_RELOAD), 0, 1000000,
     "reloads of a changed configuration: limits, a listener, a game"},
    {"renewals", DEED(OPTIONS_RENEWAL), 0, 1000000, "new certificates and keys"},
    {"upgrades", DEED(OPTIONS_UPGRADE), 0, 1000000, "upgrades to another program, to and fro"},
    {"broken", DEED(OPTIONS_BROKEN), 0, 1000000, "orders to upgrade to programs that fail"},
    {"seconds", offsetof(struct options, seconds), 0, 1000000,
     "go on for so long, with as many decks of all these as it takes; 0: one deck"},
    {"seconds-limit", offsetof(struct options, limit_s), 0, 2000000,
     "fail when it takes longer; 0: by what there is to do"},
    {"pause", offsetof(struct options, pause_ms), 90, 10000, "mean ms before the next deed"},
    {"talk-pause", offsetof(struct options, talk_pause_ms), 60, 10000,
     "mean ms between two bursts of one player"},
    {"visit-pause", offsetof(struct options, visit_pause_ms), 60, 10000,
     "mean ms before the next visitor comes; before kills some come at once"},
};

#define N_NUMBERS (sizeof numbers / sizeof *numbers)

enum { SEED = 256, MODE, STAYD, NO_TELNET, EXPECT, KEEP };

static const struct option words[] = {
    {"seed", required_argument, NULL, SEED},       {"mode", required_argument, NULL, MODE},
    {"stayd", required_argument, NULL, STAYD},     {"no-telnet", no_argument, NULL, NO_TELNET},
    {"expect-failure", no_argument, NULL, EXPECT}, {"keep", no_argument, NULL, KEEP},
};

#define N_WORDS (sizeof words / sizeof *words)

static const char *const modes[] = {"mix", "1.2", "1.3"};

static _Noreturn void refuse(const char *what)
{
    fprintf(stderr, "storm: %s\nusage: storm --stayd PATH [options]\n", what);
    for (unsigned i = 0; i < N_NUMBERS; i++)
        fprintf(stderr, "  --%s N  %s (%u)\n", numbers[i].name, numbers[i].help, numbers[i].preset);
    fprintf(stderr,
            "  --seed S  repeat a run's choices (random)\n"
            "  --mode mix|1.2|1.3  players' protocols: both versions of TLS and none (mix)\n"
            "  --no-telnet  stayd is told that the game is no telnet\n"
            "  --expect-failure  succeed only if damage is seen: the control run\n"
            "  --keep  keep the folder of configuration and log\n"
            "Programs to upgrade to stand beside stayd: stayd-this, stayd-next and so on.\n");
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
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(text, modes[i]) == 0)
            return (enum options_mode)i;
    refuse("--mode is mix, 1.2 or 1.3");
}

static unsigned *find(const struct options *options, const struct number *number)
{
    return (unsigned *)((char *)options + number->offset);
}

static void take(struct options *options, int name, const char *value)
{
    if (name >= 0 && (unsigned)name < N_NUMBERS) {
        *find(options, &numbers[name]) = (unsigned)read_number(value, numbers[name].max);
        return;
    }
    switch (name) {
    case SEED:
        options->seed = read_number(value, UINT64_MAX);
        break;
    case MODE:
        options->mode = read_mode(value);
        break;
    case STAYD:
        options->stayd = value;
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

// Generous: only what hangs is to be found.
static unsigned choose_limit(const struct options *options)
{
    unsigned n = 0;
    for (unsigned i = 0; i < OPTIONS_N_DEEDS; i++)
        n += options->n_deeds[i] * (i == OPTIONS_KILL || i == OPTIONS_REBOOT ? 1 : 10);
    return options->seconds ? options->seconds + 300 : n + 120;
}

void options_read(struct options *options, int argc, char **argv)
{
    struct option names[N_NUMBERS + N_WORDS + 1] = {{NULL, 0, NULL, 0}};
    *options = (struct options){.is_telnet = true};
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        names[i] = (struct option){numbers[i].name, required_argument, NULL, (int)i};
        *find(options, &numbers[i]) = numbers[i].preset;
    }
    memcpy(names + N_NUMBERS, words, sizeof words);
    if (getrandom(&options->seed, sizeof options->seed, 0) != sizeof options->seed)
        refuse("no random seed could be had");
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(options, name, optarg);
    if (optind != argc || options->stayd == NULL)
        refuse(options->stayd == NULL ? "--stayd is missing" : "too many arguments");
    if (options->limit_s == 0)
        options->limit_s = choose_limit(options);
}

void options_print(const struct options *options, const char *program)
{
    printf("%s --stayd %s", program, options->stayd);
    for (unsigned i = 0; i < N_NUMBERS; i++)
        printf(" --%s %u", numbers[i].name, *find(options, &numbers[i]));
    printf(" --mode %s%s%s --seed %" PRIu64 "\n", modes[options->mode],
           options->is_telnet ? "" : " --no-telnet",
           options->expects_failure ? " --expect-failure" : "", options->seed);
    fflush(stdout);
}
