// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Is a game's process alive? A process is its id and the time at which it was started, so that
// another one that got the same id is not taken for it. exec(2) changes neither.
//
// When a process dies, the kernel closes its sockets before its pidfd becomes readable. What tells
// at that moment is the flag PF_EXITING (0x4) in /proc/PID/stat, field 9 (proc(5)): it is set
// before the first descriptor is closed. Of a process with threads, all must have it.
//
// Errors: what cannot be found out is PROC_UNKNOWN. Who cannot be found dead, lives.
#ifndef STAYD_GAME_PROC_H
#define STAYD_GAME_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum proc_life { PROC_ALIVE, PROC_DEAD, PROC_UNKNOWN };

// start: as proc_see gave it.
enum proc_life proc_look(pid_t pid, uint64_t start);

// What one look at a process shows.
struct proc_view {
    uint64_t start;  // when it was started, in the clock ticks of /proc/PID/stat, field 22
    bool is_manager; // it is process 1, or systemd for a user's units: it listens for others, and
                     // outlives them
};

// False, with errno: EAGAIN: this cannot be found out now, or the process is dead already but still
// closing its descriptors, so that a connect to it may yet succeed; another one: there is no such
// process that lives, or none that we may see. start is 0 then.
bool proc_see(pid_t pid, struct proc_view *view);

// Is this process the one that is looked for? It lives, or has just ended.
typedef bool proc_is_fn(pid_t pid, void *arg);

// Has this user a process that was started in the last `within_ms`, lives, and is the one that is
// looked for? One that cannot be seen (hidepid) does not count.
bool proc_find_new(uid_t uid, uint64_t within_ms, proc_is_fn *is_it, void *arg);

// The process id that stands in a file; 0: there is none.
pid_t proc_read_file(const char *path);

#endif
