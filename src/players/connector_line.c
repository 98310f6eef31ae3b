// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lines of a connector's connection (connector_line.h).
#include "players/connector_line.h"

#include "base/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAST_ERRNO 133 // EHWPOISON, errno(3)

size_t connector_print_ask(char line[CONNECTOR_ASK_BYTES], const struct connector_ask *ask)
{
    int n = snprintf(line, CONNECTOR_ASK_BYTES, "connect %" PRIu64 " ", ask->number);
    strcpy(hex_write(line + n, ask->header, ask->n_header), "\n");
    return (size_t)n + 2 * ask->n_header + 1;
}

size_t connector_print_answer(char line[CONNECTOR_ANSWER_BYTES],
                              const struct connector_answer *answer)
{
    const char *name = answer->error ? strerrorname_np(answer->error) : NULL;
    return (size_t)snprintf(line, CONNECTOR_ANSWER_BYTES, "%" PRIu64 " %s%s\n", answer->number,
                            answer->error ? "error " : "ok",
                            name            ? name
                            : answer->error ? "EIO"
                                            : "");
}

// Reads a number of up to 19 digits and the one blank after it. NULL: there is none.
static const char *read_number(uint64_t *number, const char *at)
{
    int n = 0;
    size_t n_digits = strspn(at, "0123456789");
    if (n_digits == 0 || n_digits > 19 || sscanf(at, "%" SCNu64 " %n", number, &n) != 1)
        return NULL;
    return at[n_digits] == ' ' && (size_t)n == n_digits + 1 ? at + n : NULL;
}

bool connector_parse_ask(struct connector_ask *ask, const char *line)
{
    if (strncmp(line, "connect ", 8) != 0)
        return false;
    const char *at = read_number(&ask->number, line + 8);
    size_t n = at ? strlen(at) : 0;
    if (n == 0 || n % 2 || n / 2 > sizeof ask->header || strspn(at, HEX_LOWER) != n)
        return false;
    ask->n_header = n / 2;
    return hex_read(ask->header, at, ask->n_header);
}

// What this system has no name for is EIO.
static int read_errno(const char *name)
{
    for (int error = 1; error <= LAST_ERRNO; error++) {
        const char *its_name = strerrorname_np(error);
        if (its_name && strcmp(its_name, name) == 0)
            return error;
    }
    return EIO;
}

bool connector_parse_answer(struct connector_answer *answer, const char *line)
{
    const char *at = read_number(&answer->number, line);
    answer->error = 0;
    if (!at)
        return false;
    if (strcmp(at, "ok") == 0)
        return true;
    if (strncmp(at, "error E", 7) != 0)
        return false;
    answer->error = read_errno(at + 6);
    return true;
}
