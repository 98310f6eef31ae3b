// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stands in the way to a file or a Unix socket: after "No such file" or "Permission denied",
// which folder it is, whose, and what this process' user would need. No directory service is asked
// for names, only /etc/passwd.
//
// Errors: none; what cannot be looked at is not spoken of.
#ifndef STAYD_BASE_OBSTACLE_H
#define STAYD_BASE_OBSTACLE_H

#include <stddef.h>

#define OBSTACLE_BYTES 512u

// What to do, in words without quotes, after this absolute path could not be opened, made or
// connected to, for this error number; "" if there is nothing to be said. Returns out.
const char *obstacle_explain(char out[OBSTACLE_BYTES], const char *path, int error);

#endif
