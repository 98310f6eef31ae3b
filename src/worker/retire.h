// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A worker that is to be replaced after a reload: it accepts nobody any more, lets those finish who
// are in their TLS handshake, for they could not be handed on, and ends. Connections that come
// meanwhile wait in the listening sockets for the next worker. Players are served until the end,
// which is as any other death to them.
//
// The guard says so by a word in the vault, and SIGUSR1; when its patience is over it kills.
//
// Errors: without memory for a timer it ends at once.
#ifndef STAYD_WORKER_RETIRE_H
#define STAYD_WORKER_RETIRE_H

struct worker;

// Is this worker to be replaced? Then begin.
void retire_look(struct worker *worker);

#endif
