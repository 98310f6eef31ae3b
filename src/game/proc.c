// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Looking into /proc (proc.h).
#include "game/proc.h"

#include "base/clock.h"
#include "base/fd.h"
#include "game/proc_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXITING 0x4ull // PF_EXITING, include/linux/sched.h

// A small file as a string. False: it cannot be read, is empty, or does not fit (EINVAL).
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    if (n >= 0)
        errno = EINVAL;
    fd_close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 && (size_t)n < size - 1;
}

// Does this error say that something is short, and nothing of the file?
static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS ||
           error == EMFILE || error == ENFILE;
}

static bool read_stat_file(const char *path, struct proc_stat *stat)
{
    char text[1024];
    return read_text(path, text, sizeof text) && proc_parse_stat(text, stat);
}

static bool read_stat(pid_t pid, struct proc_stat *stat)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return read_stat_file(path, stat);
}

static bool is_thread_living(const struct proc_stat *stat)
{
    return stat->state != 'Z' && stat->state != 'X' && !(stat->flags & EXITING);
}

// The first thread may have ended, and others go on with the descriptors.
static bool has_living_thread(pid_t pid)
{
    char path[64];
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return is_passing(errno);
    for (struct dirent *one; !is_found && (one = readdir(threads));) {
        struct proc_stat stat = {0};
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, atoi(one->d_name));
        is_found = read_stat_file(path, &stat) && is_thread_living(&stat);
    }
    closedir(threads);
    return is_found;
}

static bool is_living(pid_t pid, const struct proc_stat *stat)
{
    return is_thread_living(stat) || (stat->n_threads > 1 && has_living_thread(pid));
}

// A pidfd is readable when the last thread is gone, and with it the descriptors.
static bool has_descriptors(pid_t pid)
{
    struct pollfd poll_fd = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    if (poll_fd.fd < 0)
        return is_passing(errno);
    bool is_there = poll(&poll_fd, 1, 0) != 1;
    close(poll_fd.fd);
    return is_there;
}

bool proc_see(pid_t pid, struct proc_view *view)
{
    struct proc_stat stat = {0};
    *view = (struct proc_view){.is_manager = pid == 1};
    errno = ESRCH;
    if (pid <= 0 || !read_stat(pid, &stat)) {
        errno = is_passing(errno) ? EAGAIN : errno;
        return false;
    }
    view->is_manager = pid == 1 || stat.is_systemd;
    if (!is_living(pid, &stat)) {
        errno = has_descriptors(pid) ? EAGAIN : ESRCH;
        return false;
    }
    view->start = stat.start;
    return true;
}

enum proc_life proc_look(pid_t pid, uint64_t start)
{
    struct proc_stat stat = {0};
    if (pid <= 0 || start == 0)
        return PROC_UNKNOWN;
    if (read_stat(pid, &stat))
        return stat.start == start && is_living(pid, &stat) ? PROC_ALIVE : PROC_DEAD;
    // /proc may be closed to this user (hidepid); signal 0, which sends nothing, finds out as well.
    if (kill(pid, 0) == 0 || errno == EPERM)
        return PROC_UNKNOWN;
    return PROC_DEAD;
}

static bool is_of_user(pid_t pid, uid_t uid)
{
    char path[32];
    struct stat file = {0};
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &file) == 0 && file.st_uid == uid;
}

bool proc_find_new(uid_t uid, uint64_t within_ms, proc_is_fn *is_it, void *arg)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t after_ms = now_ms > within_ms ? now_ms - within_ms : 0;
    uint64_t after = after_ms * (uint64_t)sysconf(_SC_CLK_TCK) / 1000;
    bool is_found = false;
    DIR *processes = opendir("/proc");
    if (!processes)
        return false;
    for (struct dirent *one; !is_found && (one = readdir(processes));) {
        struct proc_view view;
        pid_t pid = proc_parse_pid(one->d_name);
        if (pid > 0 && is_of_user(pid, uid) && proc_see(pid, &view) && view.start >= after)
            is_found = is_it(pid, arg) && proc_look(pid, view.start) == PROC_ALIVE;
    }
    closedir(processes);
    return is_found;
}

pid_t proc_read_file(const char *path)
{
    char text[32];
    return read_text(path, text, sizeof text) ? proc_parse_pid(text) : 0;
}
