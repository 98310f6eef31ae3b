// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The lock of a `control` (lock.h).
#include "guard/lock.h"

#include "base/obstacle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_PATH_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path) + 8)
// Only the folder of the default is made: any other path may be a mistake in writing.
#define DEFAULT_FOLDER "/run/stayd"

static void name_lock(char path[LOCK_PATH_BYTES], const struct conf *conf)
{
    snprintf(path, LOCK_PATH_BYTES, "%s.lock", conf->control);
}

static void name_folder(char folder[LOCK_PATH_BYTES], const char *path)
{
    snprintf(folder, LOCK_PATH_BYTES, "%s", path);
    *strrchr(folder, '/') = '\0';
}

static void complain_path(const char *what, const char *path)
{
    int error = errno;
    char fix[OBSTACLE_BYTES];
    obstacle_explain(fix, path, error);
    fprintf(stderr, "stayd: %s: %s: %s%s%s\n", what, path, strerror(error), *fix ? "; " : "", fix);
}

static int open_file(const char *path, int more)
{
    return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | more, 0600);
}

// Not another file's second name, and no pipe or device.
static bool is_own_file(int fd, const char *path)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1)
        return true;
    fprintf(stderr, "stayd: %s is not a file of its own; remove it\n", path);
    return false;
}

// The number in a lock may be one of another pid namespace, where it is another process.
static bool is_guard_here(const char *pid)
{
    char path[sizeof "/proc//comm" + 16];
    char name[16] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *file = fopen(path, "re");
    bool is_guard = file && fgets(name, sizeof name, file) && strcmp(name, "stayd: guard\n") == 0;
    if (file)
        fclose(file);
    return is_guard;
}

static void tell_second(int fd, const char *path)
{
    char pid[16] = "";
    if (pread(fd, pid, sizeof pid - 1, 0) > 0)
        pid[strcspn(pid, "\n")] = '\0';
    if (is_guard_here(pid))
        fprintf(stderr, "stayd: already running with this `control` (pid %s, lock %s)\n", pid,
                path);
    else
        fprintf(stderr,
                "stayd: already running with this `control` (lock %s; its process cannot be seen "
                "from here: it may be in another container, or just starting)\n",
                path);
}

int lock_take(const struct conf *conf)
{
    char path[LOCK_PATH_BYTES];
    char folder[LOCK_PATH_BYTES];
    name_lock(path, conf);
    name_folder(folder, path);
    if (strcmp(folder, DEFAULT_FOLDER) == 0)
        mkdir(folder, 0755); // what is wrong with it is said when the lock is opened
    int fd = open_file(path, O_CREAT);
    if (fd < 0) {
        complain_path("cannot open the lock file (see `control`)", path);
        return -1;
    }
    if (is_own_file(fd, path)) {
        fchmod(fd, 0600); // an earlier version's; it fails if it is another user's
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        if (errno == EWOULDBLOCK)
            tell_second(fd, path);
        else
            complain_path("cannot lock", path);
    }
    close(fd);
    return -1;
}

// Could one be made?
static bool may_make(const char *path)
{
    char folder[LOCK_PATH_BYTES];
    name_folder(folder, path);
    if (access(*folder ? folder : "/", W_OK | X_OK) == 0)
        return true;
    return strcmp(folder, DEFAULT_FOLDER) == 0 && errno == ENOENT && access("/run", W_OK) == 0;
}

bool lock_check(const struct conf *conf)
{
    char path[LOCK_PATH_BYTES];
    name_lock(path, conf);
    int fd = open_file(path, 0);
    if (fd < 0 && errno == ENOENT && may_make(path))
        return true;
    if (fd < 0) {
        complain_path("cannot open the lock file (see `control`)", path);
        return false;
    }
    bool is_good = is_own_file(fd, path);
    close(fd);
    return is_good;
}

bool lock_is_held(const struct conf *conf)
{
    char path[LOCK_PATH_BYTES];
    name_lock(path, conf);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return is_held;
}
