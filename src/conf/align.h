// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Make a configuration that was read anew follow the one in force: what only a restart can change
// stays as it is, and each listener and each game keeps the index by which slots name it.
//
//   in the file, and before       its index
//   before, not in the file       its index, gone: nobody new comes by it, its players stay
//   gone, and nobody names it     a hole
//   new in the file               a hole
//
// A listener or game that has left the file is kept as gone over one reload even if no slot names
// it, because until the worker is replaced a player may still come by it (I22).
//
// The bytes of the file (conf.text) are not touched, and so say what stands in it, not what was made
// of it here.
//
// Errors: complaints "FILE:LINE: what; what to do"; remarks, for the operator to know.
#ifndef STAYD_CONF_ALIGN_H
#define STAYD_CONF_ALIGN_H

#include "conf/conf.h"

// Which indices slots name.
struct conf_use {
    bool listener[CONF_MAX_LISTENERS];
    bool game[CONF_MAX_GAMES];
};

// False: there is no room; fresh is still whole, and to be freed. `before` is not changed.
bool conf_align(struct conf *fresh, const struct conf *before, const struct conf_use *use,
                FILE *complaints, FILE *remarks);

#endif
