// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The entry as a process of its own: the running program, executed with these descriptors and nothing
// else. It has OpenSSL's contexts, the private keys and the handshakes; it has no vault, no player
// who is in, and no control channel. So whoever breaks it gains less (doc/threat-model.md), and its death costs the
// handshakes that are under way and no player.
//
// Errors: logged, and the end of the process with status 1; the guard makes another one.
#ifndef STAYD_ENTRY_RUN_H
#define STAYD_ENTRY_RUN_H

#include "conf/conf.h"
#include "entry/accept.h"
#include "entry/linger.h"

#include <stdbool.h>

// Its descriptors, beside the standard ones.
enum entry_fd {
    ENTRY_FD_ORDERS = 3, // struct entry_orders, then the configuration (conf/copy.h)
    ENTRY_FD_SENDING,    // the end of the queue (vault/handover.h)
    ENTRY_FD_PAGE,       // page.h
    ENTRY_FD_VIEW,       // vault/view.h
    ENTRY_FD_BEFORE,     // wallet of the entry before (wallet.h), if there is one
    ENTRY_FD_WALLET,     // its own, to be written
    ENTRY_FD_LOG,        // if the log is a file
    ENTRY_FD_SOCKETS,    // the listening sockets
};

// As it is written by the same program, it is plain data.
struct entry_orders {
    uint32_t layout;    // VAULT_LAYOUT
    uint32_t is_silent; // what is wrong with certificates was said already
    uint32_t n_sockets;
    struct {
        uint32_t listener; // index, as the slots have it
        char name[CONF_NAME_BYTES];
    } socket[ACCEPT_MAX_SOCKETS];
};

// The argument by which main knows it.
#define ENTRY_OPTION "entry"
#define ENTRY_ARGUMENT "--" ENTRY_OPTION

// Descriptors that an entry may need beside those of handshakes: named, sockets, epoll, lingerers, a log that
// is opened anew.
#define ENTRY_OTHER_FDS (ENTRY_FD_SOCKETS + ACCEPT_MAX_SOCKETS + LINGER_MAX + 16u)

// Take max-handshakes down to what RLIMIT_NOFILE has room for; returns it.
uint32_t entry_fit_handshakes(struct conf *conf);

_Noreturn void entry_run(void);

#endif
