// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Closing a connection so that the last words arrive. Who closes a socket with input that nobody
// has read has the kernel send a reset, and that overtakes what was said before: the player's
// program hears of a broken connection and not why it was refused.
//
//   linger_close: words sent, sending shut ──▶ READING ──▶ closed
//                                                           the other side ends, or LINGER_MS
//
// What is read is thrown away; after LINGER_BYTES nothing is, and the rest of the time is waited
// for. At most LINGER_MAX are under way: then the oldest, which has had the most time, is closed.
//
// Errors: none; where something is short the connection is closed at once.
#ifndef STAYD_ENTRY_LINGER_H
#define STAYD_ENTRY_LINGER_H

#include <event2/event.h>
#include <stddef.h>

#define LINGER_MS 1000u
#define LINGER_BYTES (256u * 1024)
#define LINGER_MAX 64u

struct lingering;

// NULL: no memory.
struct lingering *lingering_make(struct event_base *base);

// Closes all. NULL is none.
void lingering_free(struct lingering *lingering);

unsigned lingering_count(const struct lingering *lingering);

// Say these bytes (as far as they go out at once; none if n_bytes is 0) and close. Takes fd over.
// No event of the caller's may be waiting for fd. With NULL for lingering it is closed at once.
void linger_close(struct lingering *lingering, int fd, const void *bytes, size_t n_bytes);

#endif
