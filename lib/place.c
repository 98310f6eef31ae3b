// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The run directory (place.h). Errors: words, naming the file and what the system said.
#include "place.h"

#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void stay_place_path(char path[STAY_PATH_BYTES], const char *directory, const char *name)
{
    snprintf(path, STAY_PATH_BYTES, "%s/%s", directory, name);
}

bool stay_place_is_short(const char *directory)
{
    return strlen(directory) + sizeof "/" STAY_CONTROL STAY_LOCK_ENDING <= STAY_PATH_BYTES;
}

bool stay_place_make(const char *directory, char *error, size_t error_size)
{
    struct stat status;
    if (!directory || directory[0] != '/')
        return stay_words(error, error_size, "the run directory must be an absolute path");
    if (!stay_place_is_short(directory))
        return stay_words(error, error_size,
                          "%s: this path is too long for a run directory; a socket's may have %zu "
                          "bytes in all",
                          directory, STAY_PATH_BYTES - 1);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return stay_words(error, error_size, "%s: cannot make the run directory: %s", directory,
                          strerror(errno));
    if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))
        return stay_words(error, error_size, "%s: not a directory", directory);
    bool is_ours = status.st_uid == geteuid() || status.st_uid == 0;
    if (!is_ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return stay_words(error, error_size,
                          "%s: others can write here; it must be owned by the game's user and not "
                          "be writable by anybody else (chmod 700)",
                          directory);
    return true;
}

// The holder's pid is for people to read; the lock itself is what counts.
static void sign_lock(int fd)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) != n)
        ftruncate(fd, 0);
}

static pid_t read_pid(int fd)
{
    char text[16] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    char *end;
    long pid = n > 0 ? strtol(text, &end, 10) : 0;
    return pid > 0 && pid <= INT32_MAX && (*end == '\n' || *end == '\0') ? (pid_t)pid : 0;
}

int stay_place_lock(const char *directory, char *error, size_t error_size)
{
    char path[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_GAME_LOCK);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        stay_words(error, error_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        sign_lock(fd);
        return fd;
    }
    if (errno == EWOULDBLOCK) {
        stay_words(error, error_size, "%s: this game is running already, as process %d", path,
                   (int)read_pid(fd));
    } else {
        stay_words(error, error_size, "%s: cannot lock it: %s", path, strerror(errno));
    }
    close(fd);
    return -1;
}

// What is in the way is taken away only if it can be nothing but a dead game's socket.
static bool is_replaceable(const char *path, char *error, size_t error_size)
{
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
        return stay_words(error, error_size, "%s: this is not a socket; take it away", path);
    return true;
}

// The mode is set before bind: Linux gives the file the socket's own mode, less the umask
// (unix(7) leaves it open; net/unix/af_unix.c, unix_bind_bsd). So it never stands open to others.
static bool open_at(int fd, const char *path, mode_t mode)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    return fchmod(fd, mode) == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           chmod(path, mode) == 0 && listen(fd, STAY_BACKLOG) == 0;
}

int stay_place_listen(const char *directory, mode_t mode, char *error, size_t error_size)
{
    char path[STAY_PATH_BYTES];
    char fresh[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_GAME_SOCKET);
    stay_place_path(fresh, directory, STAY_GAME_SOCKET_NEW);
    if (!is_replaceable(path, error, error_size) || !is_replaceable(fresh, error, error_size))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && open_at(fd, fresh, mode))
        return fd;
    stay_words(error, error_size, "%s: cannot listen there: %s", path, strerror(errno));
    if (fd >= 0) {
        unlink(fresh);
        close(fd);
    }
    return -1;
}

bool stay_place_show(const char *directory, char *error, size_t error_size)
{
    char path[STAY_PATH_BYTES];
    char fresh[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_GAME_SOCKET);
    stay_place_path(fresh, directory, STAY_GAME_SOCKET_NEW);
    return rename(fresh, path) == 0 ||
           stay_words(error, error_size, "%s: cannot give the socket this name: %s", path,
                      strerror(errno));
}

// Opens stayd's lock; -1 unless somebody holds it. A shared lock is tried, so that two who look at
// the same time do not take each other for stayd.
static int open_held_lock(const char *control)
{
    char path[STAY_PATH_BYTES + sizeof STAY_LOCK_ENDING];
    snprintf(path, sizeof path, "%s" STAY_LOCK_ENDING, control);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

// Does somebody listen there? EACCES: yes, and not for us.
static bool is_listened_on(const char *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(control) >= sizeof address.sun_path)
        return false;
    strcpy(address.sun_path, control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ||
                                errno == EAGAIN || errno == EACCES);
    if (fd >= 0)
        close(fd);
    return is_there;
}

// Another user's lock is closed to us; then the socket tells.
static bool has_others_stayd(const char *control)
{
    char path[STAY_PATH_BYTES + sizeof STAY_LOCK_ENDING];
    snprintf(path, sizeof path, "%s" STAY_LOCK_ENDING, control);
    return access(path, R_OK) != 0 && errno == EACCES && is_listened_on(control);
}

bool stay_place_has_stayd(const char *control)
{
    int fd = open_held_lock(control);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || has_others_stayd(control);
}

// The number may be one of another pid namespace, where it is another process: a guard has its
// name. Where that cannot be read (hidepid), it is enough that there is somebody.
static bool is_guard(pid_t pid)
{
    char path[sizeof "/proc//comm" + 16];
    char name[16] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kill(pid, 0) == 0 || errno == EPERM;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n > 0 && strcmp(name, "stayd: guard\n") == 0;
}

pid_t stay_place_guard(const char *control)
{
    int fd = open_held_lock(control);
    pid_t pid = fd >= 0 ? read_pid(fd) : 0;
    if (fd >= 0)
        close(fd);
    return pid > 0 && (is_guard(pid) || !is_listened_on(control)) ? pid : 0;
}
