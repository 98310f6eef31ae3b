// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Process titles (title.h): prctl(2) PR_SET_NAME, and the memory of argv, which is
// what /proc/PID/cmdline shows. Errors: none.
#include "base/title.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

static char *area;
static size_t area_bytes;

void title_init(int argc, char **argv)
{
    char *end = argv[0];
    // The strings follow each other in memory; stop where they do not.
    for (int i = 0; i < argc && argv[i] == end; i++)
        end = argv[i] + strlen(argv[i]) + 1;
    area = argv[0];
    area_bytes = (size_t)(end - argv[0]);
}

void title_set(const char *title)
{
    prctl(PR_SET_NAME, title, 0, 0, 0);
    if (!area_bytes)
        return;
    memset(area, 0, area_bytes);
    snprintf(area, area_bytes, "%s", title);
}
