// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stands in /proc/PID/stat (proc(5)) and in pid files. Sans-I/O.
//
// Errors: false, 0.
#ifndef STAYD_GAME_PROC_TEXT_H
#define STAYD_GAME_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
    bool is_systemd;    // field 2, the name
    char state;         // field 3
    uint64_t flags;     // 9
    uint64_t n_threads; // 20
    uint64_t start;     // 22
};

// The text is changed. False: it is not a line of that form.
bool proc_parse_stat(char *text, struct proc_stat *stat);

// A number above 1 with nothing but white space around it; 0: it is none.
pid_t proc_parse_pid(const char *text);

#endif
