// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Copying what may be seen of the vault (likeness.h).
#include "vault/likeness.h"

#include "base/fd.h"
#include "base/memfd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS_A_WRITE 32u
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static bool put(int fd, const void *bytes, size_t n_bytes, uint64_t offset)
{
    const char *at = bytes;
    while (n_bytes > 0) {
        ssize_t n = pwrite(fd, at, n_bytes, (off_t)offset);
        if (n <= 0)
            return false;
        at += n;
        offset += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static bool put_head(int fd, const struct vault *vault)
{
    static struct vault_head head;
    memcpy(&head, vault->head, sizeof head);
    explicit_bzero(head.view.ticket_keys, sizeof head.view.ticket_keys);
    return put(fd, &head, sizeof head, 0);
}

static bool put_slots(int fd, const struct vault *vault)
{
    static struct slot some[SLOTS_A_WRITE];
    uint32_t n_all = vault->head->slots_reserved;
    for (uint32_t i = 0; i < n_all; i += SLOTS_A_WRITE) {
        uint32_t n = n_all - i < SLOTS_A_WRITE ? n_all - i : SLOTS_A_WRITE;
        memcpy(some, &vault->slots[i], n * sizeof *some);
        for (uint32_t j = 0; j < n; j++)
            explicit_bzero(some[j].keys, sizeof some[j].keys);
        if (!put(fd, some, n * sizeof *some, VAULT_HEAD_BYTES + (uint64_t)i * sizeof *some))
            return false;
    }
    return true;
}

int vault_likeness(const struct vault *vault)
{
    int fd = memfd_make("stayd-likeness");
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)vault->head->total_bytes) == 0 && put_head(fd, vault) &&
        put_slots(fd, vault) && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    fd_close(fd);
    return -1;
}
