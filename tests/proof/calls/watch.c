// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The vault, mapped by way of a process that has it, to be read only (watch.h).
#include "watch.h"

#include "vault/layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_BYTES (1u << 20)
#define NAME "/memfd:stayd-vault"

struct watch {
    size_t n_bytes;
    uint8_t bytes[MOST_BYTES];
};

static const uint8_t *vault;

// A process of stayd's may have it by any descriptor.
static int open_vault(pid_t pid)
{
    char path[300];
    char target[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    int fd = -1;
    for (struct dirent *entry; fd < 0 && folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
        ssize_t n = readlink(path, target, sizeof target);
        if (n >= (ssize_t)strlen(NAME) && memcmp(target, NAME, strlen(NAME)) == 0)
            fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (folder)
        closedir(folder);
    return fd;
}

bool watch_begin(pid_t pid)
{
    struct stat status;
    int fd = open_vault(pid);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0) {
        void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        vault = map == MAP_FAILED ? NULL : map;
    }
    close(fd);
    return vault;
}

struct watch *watch_make(void)
{
    return calloc(1, sizeof(struct watch));
}

void watch_free(struct watch *watch)
{
    free(watch);
}

static size_t used_bytes(void)
{
    const struct vault_head *head = (const void *)vault;
    size_t n = VAULT_HEAD_BYTES + head->slots_reserved * sizeof(struct slot);
    return n < MOST_BYTES ? n : MOST_BYTES;
}

void watch_note(struct watch *watch)
{
    watch->n_bytes = used_bytes();
    memcpy(watch->bytes, vault, watch->n_bytes);
}

bool watch_look(struct watch *watch)
{
    if (watch->n_bytes == used_bytes() && memcmp(watch->bytes, vault, watch->n_bytes) == 0)
        return false;
    watch_note(watch);
    return true;
}
