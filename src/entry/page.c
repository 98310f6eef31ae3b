// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// An entry's page (page.h). Errors: as there.
#include "entry/page.h"

#include "base/memfd.h"
#include "entry/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define READ_TRIES 3 // while the entry writes

int page_make(void)
{
    int fd = memfd_make("stayd-entry");
    if (fd >= 0 &&
        (fallocate(fd, 0, 0, sizeof(struct entry_page)) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

struct entry_page *page_map(int fd)
{
    void *page = mmap(NULL, sizeof(struct entry_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

void page_unmap(struct entry_page *page)
{
    int error = errno;
    if (page)
        munmap(page, sizeof *page);
    errno = error;
}

bool page_read_pulse(int fd, struct page_pulse *pulse)
{
    if (pread(fd, pulse, sizeof *pulse, 0) != (ssize_t)sizeof *pulse)
        return false;
    if (pulse->phase >= N_PAGE_PHASES)
        pulse->phase = PAGE_STARTING;
    if (pulse->death.n_frames > VAULT_FRAMES)
        pulse->death.n_frames = 0;
    return true;
}

static void limit_refusals(struct refusals *refusals)
{
    unsigned n = 0;
    for (unsigned i = 0; i < refusals->n && i < REFUSALS_KEPT; i++)
        if (refusals->refusal[i].network.bits <= 128 && refusals->refusal[i].why < GATE_N_VERDICTS)
            refusals->refusal[n++] = refusals->refusal[i];
    refusals->n = n;
}

// Of the years 1970 to 9999.
static int64_t limit_date(int64_t wall_s)
{
    const int64_t last_s = 253402300799;
    return wall_s < 0 ? 0 : wall_s > last_s ? last_s : wall_s;
}

static void limit_certificates(struct entry_page *page)
{
    unsigned n = 0;
    for (unsigned i = 0; i < page->n_certificates && i < PAGE_CERTIFICATES; i++) {
        struct page_certificate *it = &page->certificate[i];
        it->fact.name[sizeof it->fact.name - 1] = '\0';
        for (char *at = it->fact.name; *at; at++)
            if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
                *at = '?';
        if (it->fact.kind >= CERTS_N_KINDS)
            it->fact.kind = CERTS_OTHER_KEY;
        it->fact.begins_s = limit_date(it->fact.begins_s);
        it->fact.expires_s = limit_date(it->fact.expires_s);
        if (it->listener < CONF_MAX_LISTENERS)
            page->certificate[n++] = *it;
    }
    page->n_certificates = n;
}

// What is read before is read before, and what is read after, after.
static bool read_changes(int fd, uint32_t *changes)
{
    atomic_thread_fence(memory_order_acquire);
    ssize_t n = pread(fd, changes, sizeof *changes, offsetof(struct entry_page, changes));
    atomic_thread_fence(memory_order_acquire);
    return n == (ssize_t)sizeof *changes;
}

bool page_read(int fd, struct entry_page *page)
{
    bool is_whole = false;
    for (int i = 0; i < READ_TRIES && !is_whole; i++) {
        // Read on their own: in what order the kernel copies a page's words is not said.
        uint32_t before, after;
        if (!read_changes(fd, &before) ||
            pread(fd, page, sizeof *page, 0) != (ssize_t)sizeof *page || !read_changes(fd, &after))
            return false;
        is_whole = before % 2 == 0 && before == after;
    }
    if (!is_whole)
        page->refusals.n = 0;
    limit_refusals(&page->refusals);
    limit_certificates(page);
    return page_read_pulse(fd, &page->pulse);
}

bool page_read_present(const struct vault *vault, struct entry_page *page)
{
    const struct vault_entries *all = vault_entries(vault);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        int fd = vault_guard_fds(vault)[VAULT_ENTRY_PAGES + i];
        if (all->place[i].state == ENTRY_MADE && all->place[i].edition == all->wanted && fd >= 0 &&
            page_read(fd, page) && page->pulse.phase >= PAGE_READY)
            return true;
    }
    return false;
}

void page_put_refusals(struct entry_page *page, const struct refusals *refusals)
{
    atomic_fetch_add(&page->changes, 1);
    // On aarch64 an addition does not hold back the stores behind it.
    atomic_thread_fence(memory_order_release);
    page->refusals = *refusals;
    atomic_fetch_add(&page->changes, 1);
}

const char *page_phase_name(enum page_phase phase)
{
    static const char *const names[N_PAGE_PHASES] = {
        [PAGE_STARTING] = "starting",
        [PAGE_READY] = "ready",
        [PAGE_OPEN] = "open",
        [PAGE_RETIRING] = "retiring",
    };
    return phase < N_PAGE_PHASES ? names[phase] : "?";
}
