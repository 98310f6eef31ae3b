// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Made under another name, then renamed: at the path there is always a socket that somebody listens
// on, with the owner and the mode that it is to have (control_socket.h).
#include "guard/control_socket.h"

#include "base/log.h"
#include "base/obstacle.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64

static bool is_replaceable(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0 || S_ISSOCK(status.st_mode))
        return true;
    fprintf(stderr,
            "stayd: control = %s: this is not a socket; move it away, or write another path\n",
            path);
    return false;
}

// With a game's user others must be able to connect; who they are the worker sees.
static mode_t choose_mode(const struct conf *conf)
{
    for (unsigned i = 0; i < conf->n_games; i++)
        if (conf->game[i].has_user)
            return 0666;
    return 0600;
}

// stayd's user-to-be must be able to connect, as root can now. A user that does not exist is
// complained about where it is to be become.
static bool give_to_user(const char *path, const char *name)
{
    const struct passwd *user = name ? getpwnam(name) : NULL;
    if (!user || user->pw_uid == geteuid())
        return true;
    return lchown(path, user->pw_uid, (gid_t)-1) == 0;
}

// The mode is set before bind: Linux gives the file the socket's own mode, less the umask
// (net/unix/af_unix.c, unix_bind_bsd). So it never stands open to others, and by its path, where
// the folder's owner may have put a link, root changes the mode of nothing.
static bool open_at(int fd, const char *path, const struct conf *conf)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    mode_t mask = umask(0);
    bool is_bound = fchmod(fd, choose_mode(conf)) == 0 &&
                    bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    int error = errno;
    umask(mask);
    errno = error;
    return is_bound && give_to_user(path, conf->user) && listen(fd, BACKLOG) == 0;
}

void control_socket_set_mode(const struct conf *conf)
{
    if (chmod(conf->control, choose_mode(conf)) < 0)
        log_event(LOG_RELOAD_REMARK, "what=\"%s: its mode cannot be changed: %s\"", conf->control,
                  strerror(errno));
}

bool control_socket_can_open(const struct conf *conf)
{
    char fresh[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(fresh, sizeof fresh, "%s.new", conf->control);
    return is_replaceable(conf->control) && is_replaceable(fresh);
}

bool control_socket_open(struct heritage *heritage)
{
    const char *path = heritage->conf.control;
    char fresh[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    if (!is_replaceable(path) || !is_replaceable(fresh))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && open_at(fd, fresh, &heritage->conf) && rename(fresh, path) == 0) {
        heritage->control_fd = fd;
        return true;
    }
    int error = errno;
    char fix[OBSTACLE_BYTES];
    obstacle_explain(fix, path, error);
    fprintf(stderr, "stayd: control = %s: cannot listen there: %s%s%s\n", path, strerror(error),
            *fix ? "; " : "", fix);
    if (fd >= 0) {
        unlink(fresh);
        close(fd);
    }
    return false;
}
