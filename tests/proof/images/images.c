// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// images SCRIPT [--steps] [--twice] [--one-of N] [--first N] [--workers N]
//
// Has the workers of a script die in every state (explore.h), and prints its name, the number of
// states, of lives with a death or two, of faults, and the seconds it took, with tabs between.
// Without a script: the names of all.
//
// Errors: exit status 1 if there was a fault, 2 for what it does not understand.
#include "scripts.h"

#include "base/log.h"
#include "record/record.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct script *find(const char *name)
{
    for (const struct script *script = scripts; script->name; script++)
        if (!name)
            puts(script->name);
        else if (strcmp(script->name, name) == 0)
            return script;
    return NULL;
}

static const struct option names[] = {
    {"steps", no_argument, NULL, 's'},         {"twice", no_argument, NULL, 't'},
    {"one-of", required_argument, NULL, 'o'},  {"first", required_argument, NULL, 'f'},
    {"workers", required_argument, NULL, 'w'}, {0},
};

// Large copies by vector stores: by "rep movsb" each byte would be a state (glibc's tunables).
static void use_vector_stores(char **argv)
{
    static const char want[] = "glibc.cpu.x86_rep_movsb_threshold=100000000:"
                               "glibc.cpu.x86_rep_stosb_threshold=100000000";
    const char *have = getenv("GLIBC_TUNABLES");
    if (have && strcmp(have, want) == 0)
        return;
    setenv("GLIBC_TUNABLES", want, 1);
    execv("/proc/self/exe", argv);
    perror("images: execv");
    exit(1);
}

int main(int argc, char **argv)
{
    use_vector_stores(argv);
    struct explore_options options = {.one_of = 1, .n = FILM_EVER};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
        unsigned n = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;
        if (option == '?')
            return 2;
        options.is_stepped |= option == 's';
        options.is_twice |= option == 't';
        options.one_of = option == 'o' && n > 0 ? n : options.one_of;
        options.first = option == 'f' ? n : options.first;
        options.n = option == 'w' ? n : options.n;
    }
    const struct script *script = find(argv[optind]);
    if (!script)
        return argv[optind] ? 2 : 0;
    close_range(3, ~0u, 0); // whatever was inherited: no descriptor is open that nobody claims
    log_set_level(LOG_LEVEL_ERROR);
    if (!record_init())
        return 1;
    struct timespec begin, end;
    timespec_get(&begin, TIME_UTC);
    struct explore_counts counts = explore(script->life, &options);
    timespec_get(&end, TIME_UTC);
    printf("%s\t%u\t%u\t%u\t%.1f\n", script->name, counts.n_images, counts.n_deaths,
           counts.n_faults,
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    return counts.n_faults > 0 || counts.n_workers == 0;
}
