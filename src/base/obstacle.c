// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Walking down a path until something is missing or closed (obstacle.h).
// Errors: none.
#include "base/obstacle.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_BYTES 64u

static const char *name_user(char out[USER_BYTES], uid_t uid)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *one;
    snprintf(out, USER_BYTES, "%u", (unsigned)uid);
    while (file && (one = fgetpwent(file)))
        if (one->pw_uid == uid) {
            snprintf(out, USER_BYTES, "%s", one->pw_name);
            break;
        }
    if (file)
        fclose(file);
    return out;
}

// Say which right this process' user lacks on a path: `needs`, a letter as chmod(1) has it.
static void tell_closed(char out[OBSTACLE_BYTES], const char *path, const struct stat *status,
                        char needs)
{
    char owner[USER_BYTES];
    char us[USER_BYTES];
    name_user(owner, status->st_uid);
    name_user(us, geteuid());
    snprintf(out, OBSTACLE_BYTES,
             "user %s, as which stayd runs, needs %c on %s (of user %s, mode %04o): chmod o+%c, a "
             "common group, or setfacl -m u:%s:%c",
             us, needs, path, owner, (unsigned)(status->st_mode & 07777), needs, us, needs);
}

// Can this folder on the way be passed? False: it is the obstacle, and out says so.
static bool pass_folder(char out[OBSTACLE_BYTES], const char *folder)
{
    struct stat status;
    if (stat(folder, &status) != 0) {
        if (errno == ENOENT)
            snprintf(out, OBSTACLE_BYTES, "the folder %s does not exist: make it (mkdir -p)",
                     folder);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        snprintf(out, OBSTACLE_BYTES, "%s is no folder", folder);
        return false;
    }
    if (access(folder, X_OK) == 0)
        return true;
    tell_closed(out, folder, &status, 'x');
    return false;
}

// All folders on the way can be passed, so the obstacle is the file itself, or the last folder, in
// which the file would be made.
static void tell_end(char out[OBSTACLE_BYTES], const char *path, const char *folder)
{
    struct stat status;
    char us[USER_BYTES];
    const char *closed = stat(path, &status) == 0     ? path
                         : stat(folder, &status) == 0 ? folder
                                                      : NULL;
    if (!closed)
        return;
    if (access(closed, W_OK) != 0)
        tell_closed(out, closed, &status, 'w');
    else
        snprintf(out, OBSTACLE_BYTES,
                 "by owner and mode user %s may use %s: see what else forbids it (AppArmor, "
                 "SELinux, an ACL)",
                 name_user(us, geteuid()), path);
}

const char *obstacle_explain(char out[OBSTACLE_BYTES], const char *path, int error)
{
    char folder[PATH_MAX] = "/";
    out[0] = '\0';
    if (*path != '/' || strlen(path) >= sizeof folder ||
        (error != ENOENT && error != ENOTDIR && error != EACCES))
        return out;
    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(at - path), path);
        if (!pass_folder(out, folder))
            return out;
    }
    if (error == EACCES)
        tell_end(out, path, folder);
    return out;
}
