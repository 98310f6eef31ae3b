// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See log.h.
#include "log.h"

#include <stdio.h>
#include <string.h>

#define LOG_TAIL_BYTES 8000

static void print_tail(const struct site *site, const char *name)
{
    char path[SITE_PATH_BYTES];
    FILE *file = fopen(site_path(site, path, name), "re");
    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    if (size > 0)
        printf("--- the end of %s\n", path);
    fseek(file, size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0, SEEK_SET);
    char line[1000];
    while (fgets(line, sizeof line, file) != NULL)
        fputs(line, stdout);
    fclose(file);
}

void log_print(const struct site *site)
{
    print_tail(site, "game.err");
    print_tail(site, "stayd.err");
    print_tail(site, "stayd.log");
    print_tail(site, LOG_OF_STORM);
    fflush(stdout);
}

static bool has_event(const char *line)
{
    static const char *const events[] = {" panic ", " quarantine ", " poison ", " system "};
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
        if (strstr(line, events[i]) != NULL)
            return true;
    return false;
}

static bool has_bad_end(const char *line)
{
    return (strstr(line, "how=\"signal ") != NULL && strstr(line, "how=\"signal 9 ") == NULL) ||
           (strstr(line, "how=\"exit ") != NULL && strstr(line, "how=\"exit 0\"") == NULL);
}

bool log_find_complaint(const struct site *site, char *line, int line_size)
{
    char path[SITE_PATH_BYTES];
    FILE *file = fopen(site_path(site, path, "stayd.log"), "re");
    bool is_found = false;
    bool is_on_probation = false;
    while (file != NULL && !is_found && fgets(line, line_size, file) != NULL) {
        if (strstr(line, " phase=probation ") != NULL)
            is_on_probation = true;
        if (strstr(line, " phase=good ") != NULL || strstr(line, " phase=back ") != NULL)
            is_on_probation = false;
        is_found = has_event(line) || (!is_on_probation && has_bad_end(line));
    }
    if (file != NULL)
        fclose(file);
    return is_found;
}

unsigned log_count_settled(const struct site *site)
{
    char path[SITE_PATH_BYTES];
    char line[500];
    unsigned n = 0;
    FILE *file = fopen(site_path(site, path, "stayd.log"), "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        n += strstr(line, " settled=yes") != NULL;
    if (file != NULL)
        fclose(file);
    return n;
}
