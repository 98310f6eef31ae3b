// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Trying system calls (calls.h), each with the flags with which it is needed.
// Errors: words.
#include "guard/calls.h"

#include "base/fd.h"
#include "base/memfd.h"
#include "guard/store/manager.h"
#include "process/clone.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Close what a try has opened. True: it was opened, and `is_good`; errno is the try's.
static bool finish(int fd, bool is_good)
{
    fd_close(fd);
    return fd >= 0 && is_good;
}

static bool try_proc(void)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    return finish(fd, true);
}

static bool try_pidfd_open(void)
{
    int fd = pidfd_open(getpid(), 0);
    return finish(fd, true);
}

static bool try_pidfd_send_signal(void)
{
    int fd = pidfd_open(getpid(), 0);
    bool is_good = fd < 0 || pidfd_send_signal(fd, 0, NULL, 0) == 0;
    return fd < 0 || finish(fd, is_good); // pidfd_open is said by itself
}

static bool try_clone(void)
{
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return false;
    struct pollfd death = {.fd = pidfd, .events = POLLIN};
    bool is_told = pidfd >= 0 && poll(&death, 1, -1) == 1;
    waitpid(pid, NULL, 0);
    errno = ENOSYS; // a kernel that does not know CLONE_PIDFD passes over it
    return finish(pidfd, is_told);
}

static bool try_close_range(void)
{
    return close_range(~0u, ~0u, 0) == 0 && close_range(~0u, ~0u, CLOSE_RANGE_UNSHARE) == 0;
}

static bool try_memfd(void)
{
    int fd = memfd_make("stayd-try");
    return finish(fd, fd >= 0 && ftruncate(fd, 4096) == 0 && fallocate(fd, 0, 0, 4096) == 0);
}

static bool try_signalfd(void)
{
    sigset_t none;
    sigemptyset(&none);
    int fd = signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC);
    return finish(fd, true);
}

static bool try_eventfd(void)
{
    int fd = manager_has_store() ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    return !manager_has_store() || finish(fd, true);
}

static bool try_getrandom(void)
{
    char bytes[16];
    return getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
}

static bool try_parents_death(void)
{
    int number = 0; // whoever started us may have set it
    return prctl(PR_GET_PDEATHSIG, &number) == 0 && prctl(PR_SET_PDEATHSIG, number) == 0;
}

// The running program, as entries are made of it: it says its version, to nobody. Without the other calls
// that this takes, which are tried by themselves.
static bool try_exec(void)
{
    int status = 0;
    char *const argv[] = {(char *)"stayd", (char *)"--version", NULL};
    int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (program < 0)
        return errno == ENOENT; // without /proc, which is said by itself
    pid_t pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nowhere, STDOUT_FILENO);
        fexecve(program, argv, environ);
        _exit(errno);
    }
    int error = errno;
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        error = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    errno = error;
    return finish(program, pid > 0 && status == 0);
}

static bool try_seqpacket(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    fd_close(ends[0]);
    return finish(ends[1], true);
}

// The system calls themselves, as the receipts use them (vault/receipt.c).
static bool try_receipts(void)
{
    char byte = 0;
    struct iovec iovec = {&byte, 1};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &iovec, .msg_iovlen = 1}};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return false;
    bool is_good = syscall(SYS_sendmmsg, ends[0], &message, 1, MSG_DONTWAIT) == 1 &&
                   syscall(SYS_recvmmsg, ends[1], &message, 1, MSG_DONTWAIT, NULL) == 1;
    finish(ends[0], true);
    return finish(ends[1], is_good);
}

static void note(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

// Whatever libevent takes: epoll(7), or poll(2) where that cannot be had.
static bool try_event_loop(void)
{
    int ends[2];
    bool is_called = false;
    struct event_base *base = event_base_new();
    if (!base || pipe2(ends, O_CLOEXEC) < 0)
        return false;
    struct event *event = event_new(base, ends[0], EV_READ, note, &is_called);
    errno = 0;
    if (event && write(ends[1], "", 1) == 1 && event_add(event, NULL) == 0)
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    int error = errno;
    if (event)
        event_free(event);
    event_base_free(base);
    close(ends[0]);
    close(ends[1]);
    errno = error;
    return is_called;
}

static const struct {
    const char *name;
    const char *use;
    bool (*try)(void);
} calls[] = {
    {"/proc", "tell a player who quits from a game that has died", try_proc},
    {"pidfd_open(2)", "notice the death of a process", try_pidfd_open},
    {"pidfd_send_signal(2)", "end a worker", try_pidfd_send_signal},
    {"clone(2) with CLONE_FILES and CLONE_PIDFD", "make a worker", try_clone},
    {"execveat(2) of the running program", "make the process that lets players in", try_exec},
    {"socketpair(2) with SOCK_SEQPACKET", "let players in", try_seqpacket},
    {"close_range(2)", "close what a dead worker has left, and reload", try_close_range},
    {"memfd_create(2) and fallocate(2)", "keep the connections", try_memfd},
    {"signalfd(2)", "take orders", try_signalfd},
    {"eventfd(2)", "keep the service manager's store up to date", try_eventfd},
    {"getrandom(2)", "make keys", try_getrandom},
    {"prctl(2) with PR_SET_PDEATHSIG", "notice the death of the guard", try_parents_death},
    {"sendmmsg(2) and recvmmsg(2)", "keep account of every byte", try_receipts},
    {"epoll_wait(2)", "wait for events", try_event_loop},
};

// Not a shortage, which passes.
static bool is_refusal(int error)
{
    return error == EPERM || error == ENOSYS || error == EACCES || error == EINVAL ||
           error == EOPNOTSUPP || error == ENOENT;
}

bool calls_try(FILE *complaints)
{
    bool is_good = true;
    bool is_refused = false;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        errno = 0;
        if (calls[i].try())
            continue;
        is_good = false;
        is_refused |= is_refusal(errno);
        fprintf(complaints, "stayd: cannot use %s, which is needed to %s: %s\n", calls[i].name,
                calls[i].use, strerror(errno));
    }
    if (is_refused)
        fprintf(complaints,
                "stayd: stayd needs Linux 6.1 or later with /proc mounted, and these calls "
                "allowed: in a container, update what runs it or give it another seccomp profile; "
                "as a unit, see SystemCallFilter=\n");
    return is_good;
}
