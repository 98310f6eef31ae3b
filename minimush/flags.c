// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of flags (flags.h). Errors: none.
#include "flags.h"

#include "world.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    unsigned flag;
} flags[] = {{"DARK", WORLD_DARK},
             {"WIZARD", WORLD_WIZARD},
             {"LINK_OK", WORLD_LINK_OK},
             {"QUIET", WORLD_QUIET},
             {"FIXED", WORLD_FIXED}};

#define N_FLAGS (sizeof flags / sizeof flags[0])

const char *flag_names(unsigned set, char *out, size_t out_size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_FLAGS; i++)
        if ((set & flags[i].flag) != 0 && n < out_size)
            n += (size_t)snprintf(out + n, out_size - n, "%s%s", n > 0 ? " " : "", flags[i].name);
    return out[0] != '\0' ? out : "none";
}

unsigned flag_of(const char *name)
{
    for (size_t i = 0; i < N_FLAGS; i++)
        if (strcasecmp(flags[i].name, name) == 0)
            return flags[i].flag;
    return 0;
}
