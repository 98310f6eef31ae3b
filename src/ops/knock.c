// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Accepting on the control channel (knock.h). Not by libevent's listener, which accepts until nobody
// is left.
#include "ops/knock.h"

#include "base/clock.h"
#include "base/log.h"
#include "ops/answer.h"
#include "ops/patience.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 100 // after an accept that failed for want of descriptors or memory
#define TAKE_WORK 4u // of KNOCK_WORK

struct knock {
    struct event *listener;
    struct event *resume; // accepting, after a pause
    knock_fn take;
    void *arg;
    struct patience patience;
};

static void resume_later(struct knock *knock)
{
    static const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    event_add(knock->resume, &pause);
}

// Returns how much of KNOCK_WORK that was.
static unsigned let_in(struct knock *knock, int fd)
{
    struct ucred cred = {.uid = (uid_t)-1};
    socklen_t n_cred = sizeof cred;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n_cred);
    const struct task_asker asker = {cred.uid, cred.pid, cred.uid == 0 || cred.uid == geteuid()};
    return knock->take(knock->arg, fd, &asker) ? TAKE_WORK : 1;
}

static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED;
}

// Whoever is left is in the loop's next turn: the socket stays readable.
static void on_knock(evutil_socket_t listener_fd, short what, void *arg)
{
    struct knock *knock = arg;
    (void)what;
    for (unsigned n = 0; n < KNOCK_WORK;) {
        int fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            n += let_in(knock, fd);
            continue;
        }
        if (errno != EAGAIN && !is_passing(errno)) {
            log_event(LOG_CONTROL_REFUSED, "why=\"%s\"", strerror(errno));
            event_del(knock->listener); // it would repeat at once
            resume_later(knock);
        }
        return;
    }
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct knock *knock = arg;
    (void)fd;
    (void)what;
    if (event_add(knock->listener, NULL) < 0)
        resume_later(knock);
}

void knock_check(struct knock *knock)
{
    if (!event_pending(knock->resume, EV_TIMEOUT, NULL))
        on_resume(-1, EV_TIMEOUT, knock);
}

// What the peer has sent is read first: closing a socket with unread input makes the peer's next
// call an error, and it might never see the line.
void knock_refuse(struct knock *knock, int fd, const struct task_asker *asker,
                  enum request_error error, const char *why)
{
    struct answer answer;
    char sink[4096];
    if (!asker->is_admin && !patience_take(&knock->patience, asker->uid, clock_boot_ms())) {
        close(fd);
        return;
    }
    log_event(LOG_CONTROL_REFUSED, "uid=%u pid=%d why=\"%s\"", (unsigned)asker->uid,
              (int)asker->pid, why);
    answer_error(&answer, NULL, error, why);
    if (send(fd, answer.bytes, answer.n, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        shutdown(fd, SHUT_WR);
    for (int i = 0; i < 4 && recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0; i++)
        continue;
    close(fd);
}

struct knock *knock_make(struct event_base *base, int listener_fd, knock_fn take, void *arg)
{
    struct knock *knock = calloc(1, sizeof *knock);
    if (!knock)
        return NULL;
    knock->take = take;
    knock->arg = arg;
    knock->listener = event_new(base, listener_fd, EV_READ | EV_PERSIST, on_knock, knock);
    knock->resume = evtimer_new(base, on_resume, knock);
    if (knock->listener && knock->resume) {
        on_resume(-1, EV_TIMEOUT, knock);
        return knock;
    }
    knock_free(knock);
    return NULL;
}

void knock_free(struct knock *knock)
{
    if (!knock)
        return;
    if (knock->listener)
        event_free(knock->listener);
    if (knock->resume)
        event_free(knock->resume);
    free(knock);
}
