// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One log line is one event: a time (unless the target adds its own), the level,
// an event word from base/events.def, then key=value pairs. Whatever comes from a
// peer goes through log_quote first. A flood of one event is cut: after
// LOG_BURST lines of it within a second the rest are counted and said once
// ("suppressed=N", a line of the next second), with the next line of any event or
// the next log_tick. All events together, but for debug's, have LOG_BURST_ALL lines a
// second, so that who can cause many kinds of them does not cause many lines; beside these
// each has LOG_BURST_LEAST, so that nobody can keep another event from being said.
//
// Each line is one write(2), so the lines of several processes that share the
// descriptor do not mix. A target that does not keep up (a full pipe) is not
// waited for: the line is lost, and the next one says how many were ("lost=N").
// After log_open the descriptor keeps its number, also when log_reopen puts a new
// file behind it, so processes that share a descriptor table may all log.
//
// Errors: none are returned; a line that cannot be written is lost.
#ifndef STAYD_BASE_LOG_H
#define STAYD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_event {
#define X(name, word, level, meaning) LOG_##name,
#include "base/events.def"
#undef X
    LOG_N_EVENTS,
};

#define LOG_BURST 50u
#define LOG_BURST_ALL 100u
#define LOG_BURST_LEAST 5u
#define LOG_ID_BYTES 33u
// The longest line, newline included; longer ones are cut. Not more than PIPE_BUF, up to which
// pipe(7) promises that a write is not torn.
#define LOG_LINE_BYTES 2048u

// Open the target: "stderr", "syslog" or a file's absolute path (appended to,
// mode 0640). Returns the descriptor that is now used (2 for stderr), or -1 with
// errno, and then goes on as before. Replaces an earlier target without closing it.
int log_open(const char *target, enum log_level level);

// The same by root, who is to become this user: a symbolic link, or a file that has another name,
// may be that user's trap and is refused (ELOOP, EMLINK), and a file that is made belongs to the
// user, who can then open it anew. /dev/stdout and /dev/stderr are links, and nobody's trap.
int log_open_for(const char *target, enum log_level level, uid_t uid, gid_t gid);

// Could log_open, or log_open_for, open it now? Nothing is made, so a file that is not there yet
// fails with ENOENT. False: with errno.
bool log_can_open(const char *target, bool is_for_other);

// The file that is logged to; NULL: it is none, or what /dev/stdout or /dev/stderr led to.
const char *log_path(void);

// A file may have been moved away meanwhile: open its path anew, under the number that the
// descriptor has, for all processes of the table at once. Returns 0, or an error number, and then
// the former file goes on. *is_new: it is another file now.
int log_reopen(bool *is_new);

// Go on with a descriptor that log_open of an earlier program has opened for this target.
void log_take(const char *target, enum log_level level, int fd);
void log_set_level(enum log_level level);

// Write one event. fmt gives "key=value key=value"; may be "".
void log_event(enum log_event event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Say what floods have suppressed so far, where their second is over. Call it now and then.
void log_tick(void);

// Is a line of this level written at all? To spare costly arguments.
bool log_wants(enum log_level level);

// Quote bytes of a peer: graphic ASCII stays, everything else (blanks, quotes and
// backslashes too, so that no pair can be forged) becomes \xHH, and it is cut
// ("...") when it does not fit. Returns out; out_size is at least 4.
const char *log_quote(char *out, size_t out_size, const void *bytes, size_t n_bytes);

// What becomes of a whole line before it is written: control characters, in values that are not a
// peer's (a file's line, what another program said), become blanks.
void log_clean(char *line, size_t n);

// A connection id as 32 hex digits. Returns out.
const char *log_id(char out[LOG_ID_BYTES], const uint8_t id[16]);

const char *log_level_name(enum log_level level);

// Print every event with its level and meaning: for a terminal (stayd --events), and as the
// table in doc/man/stayd.8.
void log_print_events(FILE *out);
void log_print_events_mdoc(FILE *out);

#endif
