// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See family.h. /proc/PID/task/TID/children gives the descendants without a walk
// over all of /proc (proc(5)).
#include "family.h"

#include "vault/layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAMILY_MAX_DEPTH 8

static const char *const names[FAMILY_OTHER + 1] = {
    "stayd: worker", "stayd: spare", "stayd: guard", "stayd: entry", "", "other"};

const char *family_role_name(enum family_role role)
{
    return names[role];
}

static bool read_file(const char *path, char *out, size_t out_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, out_size - 1);
    close(fd);
    if (n < 0)
        return false;
    out[n] = '\0';
    return true;
}

// False: the process is dead or none of stayd's.
static bool read_role(pid_t pid, enum family_role *role)
{
    char path[64];
    char stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_file(path, stat, sizeof stat))
        return false;
    char *name = strchr(stat, '(');
    char *end = strrchr(stat, ')');
    if (name == NULL || end == NULL || end[1] == '\0' || strchr("ZXx", end[2]) != NULL)
        return false;
    *end = '\0';
    name++;
    *role = FAMILY_OTHER;
    for (unsigned i = 0; i < FAMILY_N_ROLES; i++)
        if (strcmp(name, names[i]) == 0)
            *role = (enum family_role)i;
    return strncmp(name, "stayd", 5) == 0;
}

bool family_is_ours(pid_t pid)
{
    enum family_role role;
    return read_role(pid, &role);
}

bool family_is_busy(pid_t pid)
{
    char path[64];
    char stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *end = read_file(path, stat, sizeof stat) ? strrchr(stat, ')') : NULL;
    return end != NULL && strncmp(end, ") R", 3) == 0;
}

static bool is_guard(const struct family *family, pid_t pid)
{
    for (unsigned i = 0; i < family->n; i++)
        if (family->pid[i] == pid)
            return family->role[i] == FAMILY_GUARD;
    return false;
}

static void add_children(struct family *family, pid_t pid, int depth);

static void add(struct family *family, pid_t pid, pid_t parent, int depth)
{
    enum family_role role;
    if (family_has(family, pid) || family->n == FAMILY_MAX)
        return;
    if (read_role(pid, &role)) {
        if (role == FAMILY_GUARD && is_guard(family, parent)) // it has not said yet who it is
            role = FAMILY_OTHER;
        family->pid[family->n] = pid;
        family->role[family->n++] = role;
    }
    add_children(family, pid, depth + 1);
}

static void add_children_of_thread(struct family *family, pid_t pid, const char *thread, int depth)
{
    char path[320];
    char list[2048];
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    if (!read_file(path, list, sizeof list))
        return;
    char *rest = list;
    char *word;
    while ((word = strtok_r(rest, " \n", &rest)) != NULL)
        add(family, (pid_t)atoi(word), pid, depth);
}

static void add_children(struct family *family, pid_t pid, int depth)
{
    char path[64];
    if (depth > FAMILY_MAX_DEPTH)
        return;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(threads)) != NULL)
        if (entry->d_name[0] != '.')
            add_children_of_thread(family, pid, entry->d_name, depth);
    closedir(threads);
}

void family_read(struct family *family)
{
    family->n = 0;
    add_children(family, getpid(), 0);
}

bool family_is_whole(const struct family *family)
{
    const unsigned n_entries = family_count(family, FAMILY_ENTRY);
    unsigned n_others = 0;
    for (unsigned role = 0; role < FAMILY_N_ROLES; role++) {
        if (!family_has_table((enum family_role)role))
            continue;
        if (family_count(family, (enum family_role)role) != 1)
            return false;
        n_others++;
    }
    return n_entries > 0 && n_entries <= VAULT_ENTRIES && family->n == n_others + n_entries;
}

bool family_has_table(enum family_role role)
{
    return role == FAMILY_WORKER || role == FAMILY_SPARE || role == FAMILY_GUARD;
}

unsigned family_count(const struct family *family, enum family_role role)
{
    unsigned n = 0;
    for (unsigned i = 0; i < family->n; i++)
        n += family->role[i] == role;
    return n;
}

int family_index(const struct family *family, enum family_role role)
{
    for (unsigned i = 0; i < family->n; i++)
        if (family->role[i] == role)
            return (int)i;
    return -1;
}

pid_t family_find(const struct family *family, enum family_role role)
{
    const int index = family_index(family, role);
    return index < 0 ? 0 : family->pid[index];
}

bool family_has(const struct family *family, pid_t pid)
{
    for (unsigned i = 0; i < family->n; i++)
        if (family->pid[i] == pid)
            return true;
    return false;
}

bool family_can_be_read(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    return access(path, R_OK) == 0;
}
