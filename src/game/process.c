// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Looking into /proc (process.h). Errors: as there.
#include "game/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define EXITING 0x4ull // PF_EXITING, include/linux/sched.h

struct stat_line {
    char state;
    uint64_t flags;
    uint64_t n_threads;
    uint64_t start;
};

// A small file as a string. False with errno.
static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    int error = errno;
    close(fd);
    errno = error;
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool read_stat_file(const char *path, struct stat_line *line)
{
    char text[1024];
    if (!read_text(path, text, sizeof text))
        return false;
    // The name, in parentheses, may hold anything; the last one closes it.
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ')
        return false;
    line->state = at[2];
    char *save = NULL;
    int field = 3;
    for (char *word = strtok_r(at + 2, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if (field == 9)
            line->flags = strtoull(word, NULL, 10);
        if (field == 20)
            line->n_threads = strtoull(word, NULL, 10);
        if (field == 22)
            line->start = strtoull(word, NULL, 10);
        field++;
    }
    return field > 22;
}

static bool read_stat(pid_t pid, struct stat_line *line)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return read_stat_file(path, line);
}

static bool is_thread_living(const struct stat_line *line)
{
    return line->state != 'Z' && line->state != 'X' && !(line->flags & EXITING);
}

// The first thread may have ended, and others go on with the descriptors.
static bool has_living_thread(pid_t pid)
{
    char path[64];
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return false;
    for (struct dirent *one; !is_found && (one = readdir(threads));) {
        struct stat_line line = {0};
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, atoi(one->d_name));
        is_found = read_stat_file(path, &line) && is_thread_living(&line);
    }
    closedir(threads);
    return is_found;
}

static bool is_living(pid_t pid, const struct stat_line *line)
{
    return is_thread_living(line) || (line->n_threads > 1 && has_living_thread(pid));
}

uint64_t process_start(pid_t pid)
{
    struct stat_line line = {0};
    return pid > 0 && read_stat(pid, &line) && is_living(pid, &line) ? line.start : 0;
}

enum process_life process_look(pid_t pid, uint64_t start)
{
    struct stat_line line = {0};
    if (pid <= 0 || start == 0)
        return PROCESS_UNKNOWN;
    if (read_stat(pid, &line))
        return line.start == start && is_living(pid, &line) ? PROCESS_ALIVE : PROCESS_DEAD;
    // /proc may be closed to us (hidepid); a signal that is not sent asks the same question.
    if (kill(pid, 0) == 0 || errno == EPERM)
        return PROCESS_UNKNOWN;
    return PROCESS_DEAD;
}

// A pidfd is readable when the last thread is gone, and with it the descriptors.
bool process_is_dying(pid_t pid)
{
    struct stat_line line = {0};
    if (pid <= 0 || !read_stat(pid, &line) || is_living(pid, &line))
        return false;
    struct pollfd poll_fd = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    if (poll_fd.fd < 0)
        return false;
    bool is_there = poll(&poll_fd, 1, 0) == 0;
    close(poll_fd.fd);
    return is_there;
}

pid_t process_read_file(const char *path)
{
    char text[32];
    if (!read_text(path, text, sizeof text))
        return 0;
    char *end;
    long pid = strtol(text, &end, 10);
    bool is_number = end != text && strspn(end, " \t\r\n") == strlen(end);
    return is_number && pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}
