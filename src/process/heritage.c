// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A heritage's beginning and end, and claims of the processes' own descriptors (heritage.h).
#include "process/heritage.h"

#include "record/record.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

void heritage_begin(struct heritage *heritage)
{
    struct vault_reload *reload = &heritage->vault.head->reload;
    heritage->id = ++reload->heritages;
    heritage->order = reload->done;
}

void heritage_free(struct heritage *heritage)
{
    record_free();
    free(heritage->program);
    conf_free(&heritage->conf);
}

void heritage_claim(const struct vault *vault, unsigned place, int fd)
{
    vault_guard_fds(vault)[place] = fd;
}

void heritage_renew(const struct vault *vault, unsigned place, int fd)
{
    int old = vault_guard_fds(vault)[place];
    heritage_claim(vault, place, fd);
    if (old >= 0 && old != fd)
        close(old);
}

void heritage_claim_poll(struct vault *vault, int fd)
{
    struct epoll_event event;
    if (epoll_wait(fd, &event, 1, 0) >= 0) // of anything else it is EINVAL
        heritage_claim(vault, HERITAGE_POLL, fd);
}
