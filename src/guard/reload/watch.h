// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The certificates' files and dates, as the guard watches them: have the files changed, and have
// they settled since; does a certificate end soon. By looking every WATCH_MS, because what certbot
// and its like replace is a link in a folder of links.
//
// Errors: a file that cannot be seen is as one that has changed.
#ifndef STAYD_GUARD_RELOAD_WATCH_H
#define STAYD_GUARD_RELOAD_WATCH_H

#include "process/heritage.h"

#define WATCH_MS 2000u
#define WATCH_SETTLED_MS 1000u // without a change, until what changed is read
#define WATCH_AGAIN_MS (5 * 60 * 1000u)

struct watch {
    uint64_t look_ms;  // when to look again
    uint64_t seen;     // stamp of the last look
    uint64_t refused;  // stamp of what was read and not good
    uint64_t again_ms; // when to read that again
    uint64_t words;    // a number for what was said of it
};

// One number for all certificate, key and client-ca files: it is another one when any of them is
// another file, or was written to.
uint64_t watch_stamp(const struct conf *conf);

// Look, if it is time. True: the files are others than those of the heritage, and have settled.
bool watch_look(struct watch *watch, const struct heritage *heritage, uint64_t now_ms);

// What was read was not good: not again, before something changes, or WATCH_AGAIN_MS later, because
// a certificate may not have begun yet by this machine's clock. Takes the stamp. False: the same
// words have been said of it before.
bool watch_refuse(struct watch *watch, uint64_t stamp, const char *words, uint64_t now_ms);

// Is it time to look at dates? Once a day; now_wall_s: wall clock.
bool watch_is_due(const struct heritage *heritage, uint64_t now_wall_s);

// Warn of the certificates of this page that end soon.
struct entry_page;
void watch_dates(const struct heritage *heritage, const struct entry_page *page,
                 uint64_t now_wall_s);

#endif
