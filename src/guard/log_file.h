// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The log's file after a rotation (logrotate(8)): at a reload, after an upgrade, and when one is
// taken back, it is opened anew by its path.
//
// Errors: words, also in the log, and the former file goes on.
#ifndef STAYD_GUARD_LOG_FILE_H
#define STAYD_GUARD_LOG_FILE_H

#include <stddef.h>

// Only the guard calls it. What could not be done, as a line, or "", goes to remark.
void log_file_renew(char *remark, size_t n_remark);
#define LOG_FILE_REMARK_BYTES 1024u

#endif
