// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which program may be upgraded to (program.h). The way to it is walked by hand, folder by folder
// and link by link, each one opened and then looked at, so that nothing can be put in between.
#include "guard/upgrade/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAX_LINKS 40u // as the kernel follows, path_resolution(7)

struct walk {
    int fd;              // where it is
    char at[PATH_MAX];   // ... in words
    char rest[PATH_MAX]; // the way from here
    unsigned n_links;
    const char *present;
    char *why;
};

// For words, of which there is room for a line.
static bool fail(const struct walk *walk, const char *name, const char *what)
{
    snprintf(walk->why, VAULT_WHY_BYTES, "it cannot be run: %.60s: %.100s/%.60s", what, walk->at,
             name);
    return false;
}

static bool refuse(const struct walk *walk, const char *name)
{
    snprintf(walk->why, VAULT_WHY_BYTES,
             "others than root can change %.60s/%.40s; put the new program at %.64s, or name it "
             "in upgrade-programs",
             walk->at, name, walk->present);
    return false;
}

// Only root can change it, or what it leads to. In a sticky folder nobody else can move what is
// root's.
static bool is_roots(const struct stat *status)
{
    bool is_folder = S_ISDIR(status->st_mode);
    if (status->st_uid != 0)
        return false;
    return S_ISLNK(status->st_mode) || (is_folder && status->st_mode & S_ISVTX) ||
           !(status->st_mode & (S_IWGRP | S_IWOTH));
}

// Any user may mount such a file system, and then says whose its files are: fusermount(1).
static bool is_of_hearsay(int fd)
{
    struct statfs system;
    return fstatfs(fd, &system) == 0 && system.f_type == FUSE_SUPER_MAGIC;
}

// What has been opened is good to go on with. False: said.
static bool look(const struct walk *walk, int fd, const char *name, struct stat *status)
{
    if (fd >= 0 && is_of_hearsay(fd))
        return refuse(walk, name);
    if (fd < 0 || fstat(fd, status) < 0)
        return fail(walk, name, strerror(errno));
    return is_roots(status) || refuse(walk, name);
}

static bool begin(struct walk *walk)
{
    struct stat status;
    if (walk->fd >= 0)
        close(walk->fd);
    walk->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    walk->at[0] = '\0';
    return look(walk, walk->fd, "", &status);
}

// The link's text comes before the rest of the way.
static bool follow(struct walk *walk, int link, const char *name)
{
    char target[PATH_MAX];
    char rest[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof target - 1);
    if (n < 0)
        return fail(walk, name, strerror(errno));
    target[n] = '\0';
    if (++walk->n_links > MAX_LINKS)
        return fail(walk, name, strerror(ELOOP));
    if ((size_t)snprintf(rest, sizeof rest, "%s/%s", target, walk->rest) >= sizeof rest)
        return fail(walk, name, strerror(ENAMETOOLONG));
    memcpy(walk->rest, rest, sizeof rest);
    return target[0] != '/' || begin(walk);
}

static void note_name(struct walk *walk, const char *name)
{
    size_t n = strlen(walk->at);
    if (strcmp(name, "..") != 0)
        snprintf(walk->at + n, sizeof walk->at - n, "/%s", name);
    else if (n > 0)
        *strrchr(walk->at, '/') = '\0';
}

static bool enter(struct walk *walk, const char *name)
{
    struct stat status;
    int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool is_good = look(walk, fd, name, &status);
    if (is_good && S_ISLNK(status.st_mode)) {
        is_good = follow(walk, fd, name);
    } else if (is_good) {
        close(walk->fd);
        walk->fd = fd;
        note_name(walk, name);
        return true;
    }
    if (fd >= 0)
        close(fd);
    return is_good;
}

// The next name of the way goes into `name`. False: the way is over.
static bool take_name(struct walk *walk, char name[PATH_MAX])
{
    char *from = walk->rest + strspn(walk->rest, "/");
    size_t n = strcspn(from, "/");
    memcpy(name, from, n);
    name[n] = '\0';
    memmove(walk->rest, from + n, strlen(from + n) + 1);
    return n > 0;
}

static int open_roots(const char *path, const char *present, char *why)
{
    struct walk walk = {.fd = -1, .present = present, .why = why};
    char name[PATH_MAX];
    snprintf(walk.rest, sizeof walk.rest, "%s", path);
    bool is_good = begin(&walk);
    while (is_good && take_name(&walk, name))
        is_good = strcmp(name, ".") == 0 || enter(&walk, name);
    if (!is_good && walk.fd >= 0)
        close(walk.fd);
    return is_good ? walk.fd : -1;
}

// One of "PATH,PATH".
static bool is_named(const char *paths, const char *path)
{
    size_t n = strlen(path);
    for (; paths && *paths; paths += strcspn(paths, ","), paths += *paths == ',')
        if (strcspn(paths, ",") == n && memcmp(paths, path, n) == 0)
            return true;
    return false;
}

const char *program_choose(const struct heritage *heritage, const char *path)
{
    struct stat asked;
    struct stat present;
    bool is_same =
        *path == '\0' || (stat(path, &asked) == 0 && stat(heritage->program, &present) == 0 &&
                          asked.st_dev == present.st_dev && asked.st_ino == present.st_ino);
    return is_same ? heritage->program : path;
}

int program_open(const struct heritage *heritage, const char *path, char why[VAULT_WHY_BYTES])
{
    const char *present = heritage->program;
    if (strcmp(path, present) != 0 && !is_named(heritage->conf.upgrade_programs, path))
        return open_roots(path, present, why);
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        snprintf(why, VAULT_WHY_BYTES, "it cannot be run: %s: %s", strerror(errno), path);
    return fd;
}
