// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Sitelock patterns: who may not connect. A pattern is an address (192.0.2.7), a prefix
// (192.0.2.0/24, 2001:db8::/32), or a wildcard with * and ? for the address's text or the host
// name (10.1.*, *.example.com). Sans-I/O.
//
// Errors: what is not a pattern matches nobody; sitelock_is_pattern tells.
#ifndef MINIMUSH_SITELOCK_H
#define MINIMUSH_SITELOCK_H

#include <stdbool.h>
#include <sys/socket.h>

#define SITELOCK_MAX_BYTES 255u

bool sitelock_is_pattern(const char *pattern);

// Does the pattern match a player from this address (ss_family 0: none), its text and its host name
// ("": not known)?
bool sitelock_matches(const char *pattern, const struct sockaddr_storage *sockaddr,
                      const char *address, const char *host);

#endif
