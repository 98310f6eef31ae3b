// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The program of an upgrade as an open file: what is judged here is the very file that is tried
// and run, whatever becomes of its path meanwhile.
//
// It will have the vault, and so all keys. A game may have the same user as stayd, and then may
// order upgrades. So only these are run: the program that is at the present one's path; what the
// configuration names (`upgrade-programs`); and what only root can put there, because file, links
// and all folders on the way are root's, and no other user can write to them. In a file system that
// a program shows by FUSE nothing is root's.
//
// Errors: -1, with words in *why.
#ifndef STAYD_GUARD_UPGRADE_PROGRAM_H
#define STAYD_GUARD_UPGRADE_PROGRAM_H

#include "process/heritage.h"

// What `path` means: the present program's path, if that is the same file, so that a link of
// somebody's does not become the path of the next upgrade; "" means it, too.
const char *program_choose(const struct heritage *heritage, const char *path);

// `path` is absolute. A descriptor for fexecve(3) alone, closed on exec; the caller's.
int program_open(const struct heritage *heritage, const char *path, char why[VAULT_WHY_BYTES]);

#endif
