// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading what the kernel and games have written about processes (proc_text.h).
#include "game/proc_text.h"

#include <stdlib.h>
#include <string.h>

bool proc_parse_stat(char *text, struct proc_stat *stat)
{
    *stat = (struct proc_stat){0};
    // The name, in parentheses, may hold anything; the last one closes it.
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ')
        return false;
    static const char systemd[] = "(systemd";
    const char *name = strchr(text, '(');
    stat->is_systemd = name && (size_t)(at - name) == sizeof systemd - 1 &&
                       strncmp(name, systemd, sizeof systemd - 1) == 0;
    stat->state = at[2];
    char *save = NULL;
    int field = 3;
    for (char *word = strtok_r(at + 2, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (field == 9)
            stat->flags = strtoull(word, NULL, 10);
        if (field == 20)
            stat->n_threads = strtoull(word, NULL, 10);
        if (field == 22)
            stat->start = strtoull(word, NULL, 10);
        field++;
    }
    return field > 22;
}

pid_t proc_parse_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    bool is_number = end != text && strspn(end, " \t\r\n") == strlen(end);
    return is_number && pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}
