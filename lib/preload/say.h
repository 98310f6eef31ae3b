// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Words for who runs the game, on its standard error, which most games have in their log. Each
// thing is said once a process: a flood of refused players would not make it clearer.
//
// Errors: none; who has closed stderr does not want to hear it. What a game has opened in its place
// (the next socket or file gets the number 2) is left alone.
#ifndef STAYD_PRELOAD_SAY_H
#define STAYD_PRELOAD_SAY_H

#include <stdatomic.h>

// At the program's start, before it can have closed anything.
void say_begin(void);

// A line; its end is added. errno is unchanged.
__attribute__((format(printf, 2, 3))) void say_once(atomic_flag *is_said, const char *format, ...);

#endif
