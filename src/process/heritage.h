// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the processes are born with: configuration and sockets. Made at start, before
// anything is cloned, and only read afterwards; a reload makes another one in the guard, from
// which another spare and another worker are cloned (guard/reload/reload.h). The vault is the one
// part that is shared memory; the rest is each process' own copy.
#ifndef STAYD_PROCESS_HERITAGE_H
#define STAYD_PROCESS_HERITAGE_H

#include "conf/conf.h"
#include "vault/vault.h"
#include <stdbool.h>

#define HERITAGE_MAX_SOCKETS 128u

// Keeps its place from one heritage to the next, because the place is its claim, too.
struct heritage_socket {
    int fd;            // -1: none
    uint16_t listener; // index into conf.listener
    uint16_t address;  // index into its addresses
};

struct heritage {
    const char *conf_path; // as in the arguments: a link may come to lead elsewhere
    struct conf conf;
    struct heritage_socket socket[HERITAGE_MAX_SOCKETS];
    unsigned n_sockets; // places in use are below this
    struct vault vault;
    struct vault_view *view; // NULL: this is one process, which has no other to show it to
    char *program;           // path of the program that runs
    int program_fd;          // ... and it itself, open (open(2), O_PATH)
    int wallet_fd;           // certificates to begin with (entry/wallet.h); -1: none
    int lock_fd;
    int control_fd;      // listening
    uint64_t started_ms; // boottime
    int ready_fd;        // --daemon: where to say that players can connect; -1: nowhere
    bool is_alone;       // one process, no guard: for valgrind
    uint32_t id;         // never given twice; a worker whose heritage has another is out of date
    uint64_t order;      // the last order to reload that this obeys (vault/asked.h)
    uint64_t stamp;      // of the certificates' files that are served (guard/reload/watch.h)
    bool has_kept;       // ... with some of which something was wrong
    char remarks[VAULT_ORDER_TEXT_BYTES]; // what to answer to the order
};

// Places in vault_guard_fds.
enum heritage_fd {
    HERITAGE_STDIN,
    HERITAGE_STDOUT,
    HERITAGE_STDERR,
    HERITAGE_LOG,
    HERITAGE_LOCK,
    HERITAGE_VAULT,
    HERITAGE_READY,
    HERITAGE_SPARE_PIDFD,
    HERITAGE_WORKER_PIDFD,
    HERITAGE_CONTROL,
    HERITAGE_TRIAL,           // what a program on trial says
    HERITAGE_REHEARSAL_PIDFD, // reads what is to be reloaded
    HERITAGE_CLAIMS,   // eventfd(2): slots' claims have changed (guard/store/store.h); -1: nobody
                       // asks
    HERITAGE_POLL,     // the worker's epoll (guard/remains.h)
    HERITAGE_OLD_POLL, // ... of the worker before, not cleared away yet
    HERITAGE_PROGRAM,  // of an upgrade, open (guard/upgrade/program.h)
    HERITAGE_OWN_PROGRAM,   // the one that runs, of which entries are made (guard/entries.h)
    HERITAGE_VIEW,          // what entries are shown of the vault (vault/view.h)
    HERITAGE_WALLET,        // certificates that are served (entry/wallet.h)
    HERITAGE_ENTRY_SENDING, // the end that an entry gets, until it has it
    HERITAGE_ENTRY_QUEUE =
        VAULT_ENTRY_QUEUES,                  // and following, one for each entry; so the next three
    HERITAGE_ENTRY_PAGE = VAULT_ENTRY_PAGES, // entry/page.h
    HERITAGE_ENTRY_PIDFD = HERITAGE_ENTRY_PAGE + VAULT_ENTRIES,
    HERITAGE_ENTRY_WALLET =
        HERITAGE_ENTRY_PIDFD + VAULT_ENTRIES, // until it is the one that is served
    HERITAGE_SOCKETS = 48,                    // and following
};

// What was ordered of the processes before is answered, and this one has read the files as they are.
void heritage_begin(struct heritage *heritage);

void heritage_free(struct heritage *heritage);

// Claim a descriptor for whoever holds the table: what nobody claims is swept. -1: the claim is
// given up.
void heritage_claim(const struct vault *vault, unsigned place, int fd);

// The same in the place of another one, which gives up its claim first and then is closed.
void heritage_renew(const struct vault *vault, unsigned place, int fd);

// By a new worker: this is its epoll. Nothing happens if it is none.
void heritage_claim_poll(struct vault *vault, int fd);

#endif
