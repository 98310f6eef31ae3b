// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the processes are born with: made once at start, before anything is cloned,
// and only read afterwards. The vault is the one part that is shared memory; the
// rest is each process' own copy.
#ifndef STAYD_GUARD_HERITAGE_H
#define STAYD_GUARD_HERITAGE_H

#include "conf/conf.h"
#include "entry/certs.h"
#include "vault/vault.h"
#include <stdbool.h>

#define HERITAGE_MAX_SOCKETS 128u

struct heritage_socket {
    int fd;
    uint16_t listener; // index into conf.listener
};

struct heritage {
    struct conf conf;
    struct certs *certs[CONF_MAX_LISTENERS]; // NULL: a plain listener
    struct heritage_socket socket[HERITAGE_MAX_SOCKETS];
    unsigned n_sockets;
    struct vault vault;
    char *program; // path of the program that runs
    int lock_fd;
    int control_fd;      // listening
    uint64_t started_ms; // boottime
    int ready_fd;        // --daemon: where to say that players can connect; -1: nowhere
    bool is_alone;       // one process, no guard: for valgrind
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
    HERITAGE_GUARD_PIDFD, // the present guard, for its spare to watch
    HERITAGE_SPARE_PIDFD,
    HERITAGE_WORKER_PIDFD,
    HERITAGE_CONTROL,
    HERITAGE_TRIAL,        // what a program on trial says
    HERITAGE_SOCKETS = 16, // and following
};

#endif
