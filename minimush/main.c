// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush: a small MUSH whose players stay connected, see README.md beside this file.
//
// Errors: words on stderr and exit status 1; 2 for a wrong command line.
#include "game.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void print_help(void)
{
    printf("minimush -c FILE           run the game in the foreground\n"
           "minimush --check -c FILE   only check the configuration\n"
           "minimush --help, --version\n\n"
           "SIGTERM and SIGINT end the game in order, SIGUSR1 reboots it.\n\n"
           "The configuration is KEY = VALUE, a line each [without it]:\n");
    settings_print(stdout);
}

// Each player needs a descriptor; the soft limit is there for programs that use select(2).
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run(struct settings *settings)
{
    struct mush mush;
    char *program = realpath("/proc/self/exe", NULL);
    if (!program) {
        fprintf(stderr, "minimush: cannot tell where this program is\n");
        return 1;
    }
    raise_descriptor_limit();
    bool is_started = game_start(&mush, settings, program);
    if (is_started)
        game_run(&mush);
    game_free(&mush);
    free(program);
    return is_started ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    const char *path = "minimush.conf";
    bool is_check = false;
    for (int option; (option = getopt_long(argc, argv, "c:hv", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            is_check = true;
            break;
        case 'h':
            print_help();
            return 0;
        case 'v':
            printf("minimush %s\n", STAYD_VERSION);
            return 0;
        default:
            return 2;
        }
    }
    struct settings settings;
    int status = 1;
    if (optind < argc) {
        fprintf(stderr, "minimush: what is \"%s\"? See minimush --help\n", argv[optind]);
        return 2;
    }
    if (settings_load(&settings, path, stderr))
        status = is_check ? 0 : run(&settings);
    settings_free(&settings);
    return status;
}
