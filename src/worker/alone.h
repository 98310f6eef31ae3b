// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// With --alone there is one process, for a debugger or valgrind: the entry runs on the worker's loop. Its
// players come by a queue all the same.
//
// Errors: NULL, said in the log.
#ifndef STAYD_WORKER_ALONE_H
#define STAYD_WORKER_ALONE_H

struct alone;
struct players;

struct alone *alone_make(struct players *players);
void alone_free(struct alone *alone);

// An orderly end has begun: nobody is let in any more. NULL is none.
void alone_end(struct alone *alone);

// Now and then.
void alone_tick(const struct players *players);

#endif
