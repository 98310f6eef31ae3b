// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What an entry says of itself, in a file in memory that it alone maps: that it lives, how far it is, whom
// it serves, what it counts. It reads what strangers send, so nobody believes what stands there:
// others read a copy with read(2), which a wrong size cannot hurt, and look at each value.
//
// Errors: as each says.
#ifndef STAYD_ENTRY_PAGE_H
#define STAYD_ENTRY_PAGE_H

#include "conf/conf.h"
#include "entry/certs.h"
#include "entry/refusals.h"
#include "vault/vault.h"

#include <stdbool.h>

enum page_phase {
    PAGE_STARTING,
    PAGE_READY, // it has its certificates, and has shaken hands with itself; nobody is accepted yet
    PAGE_OPEN,  // players are accepted
    PAGE_RETIRING, // nobody is accepted any more; what is under way is finished
    N_PAGE_PHASES
};

// What the guard looks at often.
struct page_pulse {
    _Atomic uint32_t phase;      // enum page_phase
    _Atomic uint32_t handshakes; // under way
    _Atomic uint64_t beats;      // rises while its loop runs
    _Atomic uint32_t serving_address_set;
    _Atomic uint32_t exec_error; // by its maker: why the program could not be run
    uint8_t serving_address[16]; // whose handshake is being gone on with
    struct death_note death;
};

struct page_certificate {
    uint16_t listener; // index
    struct certs_fact fact;
};

#define PAGE_CERTIFICATES (CONF_MAX_LISTENERS * CONF_MAX_CERTIFICATES)

struct entry_page {
    struct page_pulse pulse;
    _Atomic uint32_t changes; // odd while refusals are written
    struct refusals refusals;
    uint32_t n_certificates;
    struct page_certificate certificate[PAGE_CERTIFICATES];
};

// An empty one. Its descriptor; -1 with errno.
int page_make(void);

// For the entry, to write. NULL with errno.
struct entry_page *page_map(int fd);

void page_unmap(struct entry_page *page); // errno stays

// For others: false, it cannot be read. What has been read is within its limits.
bool page_read_pulse(int fd, struct page_pulse *pulse);
bool page_read(int fd, struct entry_page *page);

// The page of the entry of the wanted edition. False: there is none, or it is not ready.
bool page_read_present(const struct vault *vault, struct entry_page *page);

// The entry's.
void page_put_refusals(struct entry_page *page, const struct refusals *refusals);

const char *page_phase_name(enum page_phase phase);

#endif
