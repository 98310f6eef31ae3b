// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Words for who runs the game, on its standard error, which most games have in their log. Each
// thing is said once a process: a flood of refused players would not make it clearer.
//
// Errors: none; who has closed stderr does not want to hear it.
#ifndef STAYD_PRELOAD_SAY_H
#define STAYD_PRELOAD_SAY_H

#include <stdatomic.h>

// A line; its end is added. errno is unchanged.
__attribute__((format(printf, 2, 3))) void say_once(atomic_flag *is_said, const char *format, ...);

#endif
