// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Questions to name servers, without blocking: which names has an address, and does a name lead
// back to it? By c-ares on libevent's loop (why: doc/decisions/0004-names-by-c-ares.md). The
// servers are the configuration's or the system's; when /etc/resolv.conf changes it is read again,
// and the servers that it names then are asked what is under way, too.
//
// Errors: no answer is an answer without a name, at the latest after RESOLVER_TRIES times
// RESOLVER_TIMEOUT_MS, doubled once, a server.
#ifndef STAYD_GAME_RESOLVER_H
#define STAYD_GAME_RESOLVER_H

#include "conf/conf.h"
#include <event2/event.h>

#define RESOLVER_TIMEOUT_MS 2000
#define RESOLVER_TRIES 2

struct resolver;

// NULL: it cannot be had; logged.
struct resolver *resolver_make(struct event_base *base, const struct conf *conf);

// Questions that are under way are never answered.
void resolver_free(struct resolver *resolver);

// Called for each name that an address leads to, then once at the end; maybe before the function
// that asks returns. A name is as the server has it: it may hold anything.
typedef void resolver_name_fn(void *arg, const char *name);
typedef void resolver_end_fn(void *arg);
void resolver_reverse(struct resolver *resolver, const uint8_t address[16], resolver_name_fn *name,
                      resolver_end_fn *end, void *arg);

typedef void resolver_back_fn(void *arg, bool leads_back);
void resolver_forward(struct resolver *resolver, const char *name, const uint8_t address[16],
                      resolver_back_fn *back, void *arg);

#endif
