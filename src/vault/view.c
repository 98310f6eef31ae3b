// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Views (view.h). Errors: -1 or NULL with errno.
#include "vault/view.h"

#include "base/memfd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 // Linux 5.1
#endif
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

int view_make(struct vault_view **view)
{
    int fd = memfd_make("stayd-view");
    if (fd < 0)
        return -1;
    // Memory is reserved, so that its want is an error code and no signal.
    void *mapped = fallocate(fd, 0, 0, sizeof **view) < 0
                       ? MAP_FAILED
                       : mmap(NULL, sizeof **view, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
        if (mapped != MAP_FAILED)
            munmap(mapped, sizeof **view);
        close(fd);
        return -1;
    }
    madvise(mapped, sizeof **view, MADV_DONTDUMP);
    *view = mapped;
    return fd;
}

const struct vault_view *view_map(int fd)
{
    const struct vault_view *view = mmap(NULL, sizeof *view, PROT_READ, MAP_SHARED, fd, 0);
    if (view == MAP_FAILED)
        return NULL;
    madvise((void *)(uintptr_t)view, sizeof *view, MADV_DONTDUMP);
    return view;
}

static void copy_key(struct vault_ticket_key *to, const struct vault_ticket_key *from)
{
    if (memcmp(to, from, sizeof *to) == 0)
        return;
    __atomic_store_n(&to->made_s, 0, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    memcpy(to->name, from->name, sizeof to->name);
    memcpy(to->aes, from->aes, sizeof to->aes);
    memcpy(to->hmac, from->hmac, sizeof to->hmac);
    __atomic_store_n(&to->made_s, from->made_s, __ATOMIC_RELEASE);
}

void view_copy(struct vault_view *to, const struct vault_view *from)
{
    for (unsigned i = 0; i < 2; i++)
        copy_key(&to->ticket_keys[i], &from->ticket_keys[i]);
    atomic_store_explicit(&to->ticket_current, from->ticket_current, memory_order_release);
    memcpy(to->suspects, from->suspects, sizeof to->suspects);
}
