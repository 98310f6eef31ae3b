// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One log line is one event: a time (unless the target adds its own), the level,
// an event word from base/events.def, then key=value pairs. Whatever comes from a
// peer goes through log_quote first. A flood of one event is cut: after
// LOG_BURST lines of it within a second the rest are counted and said once.
//
// Errors: none are returned; a line that cannot be written is lost.
#ifndef STAYD_BASE_LOG_H
#define STAYD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_event {
#define X(name, word, level, meaning) LOG_##name,
#include "base/events.def"
#undef X
    LOG_N_EVENTS,
};

#define LOG_BURST 50u
#define LOG_ID_BYTES 33u

// Open the target: "stderr", "syslog" or a file's absolute path (appended to,
// mode 0640). Returns the descriptor that is now used (2 for stderr, -1 for
// syslog's own), or -2 with errno. Replaces an earlier target without closing it.
int log_open(const char *target, enum log_level level);

// Write one event. fmt gives "key=value key=value"; may be "".
void log_event(enum log_event event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Is a line of this level written at all? To spare costly arguments.
bool log_wants(enum log_level level);

// Quote bytes of a peer: printable ASCII stays, everything else becomes \xHH,
// and it is cut ("...") when it does not fit. Returns out.
const char *log_quote(char *out, size_t out_size, const void *bytes, size_t n_bytes);

// A connection id as 32 hex digits. Returns out.
const char *log_id(char out[LOG_ID_BYTES], const uint8_t id[16]);

#endif
