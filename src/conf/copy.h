// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A configuration as bytes, for a process that is executed and has to have the very configuration
// that the guard has read, whatever has become of its files since. What travels is the files' texts
// as they were read, and the reader parses them anew: a copy has no form of its own for options.
//
//   what there is                 bytes
//   "stayd's configuration 1\n"   its mark: the number changes with what follows
//   path                          length (4 bytes, big endian), and so many bytes
//   the file's text               the same
//   texts of allow, deny, exempt  the same, each only if the file's text names a file for it
//   sum                           8 bytes: FNV-1a (base/hash.h) of all before
//
// What was made of a configuration after it had been read does not travel: indices and fixed
// options (conf/align.h), addresses that the kernel lacks, limits that were lowered. Users are
// looked up anew.
//
// Errors: complaints as of conf_load; false.
#ifndef STAYD_CONF_COPY_H
#define STAYD_CONF_COPY_H

#include "conf/conf.h"

#include <stddef.h>

// Of a configuration whose lists were read. False: they were not all, or `out` has not taken it
// whole (errno).
bool conf_copy_write(const struct conf *conf, FILE *out);

// As conf_load and conf_read_lists, from a copy; no file is opened, and no user looked up (has_user is
// false). Complaints name the files that
// were read, or the copy if it is damaged, not whole or of another stayd. Returns the number of
// mistakes; unless it is 0, *conf is empty.
int conf_copy_read(struct conf *conf, const char *bytes, size_t n, FILE *complaints);

// Were both read from the same bytes, at the same path, lists included? What was made of them then
// is not compared. Nothing is the same as a configuration that is empty.
bool conf_is_same(const struct conf *a, const struct conf *b);

#endif
