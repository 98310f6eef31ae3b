// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Fork, exec, wait (spawn.h). The game may have threads, so the child calls nothing but
// async-signal-safe functions (signal-safety(7)) until it execs.
//
// Errors: -1 with errno; a failed exec is reported through a pipe that a successful one closes.
#include "spawn.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLEAR_OF_STANDARD 10 // descriptors from here on
#define FAILURE 3            // the descriptor on which a child says that it has failed
#define LOOK_MS 10           // without a pidfd

struct pipes {
    int text[2];    // the program's stderr
    int failure[2]; // errno of a failed exec
};

static void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static bool open_pipes(struct pipes *pipes)
{
    if (pipe2(pipes->text, O_CLOEXEC) != 0)
        return false;
    if (pipe2(pipes->failure, O_CLOEXEC) != 0) {
        close_both(pipes->text);
        return false;
    }
    return true;
}

static void default_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL); // fails for SIGKILL and SIGSTOP, which cannot be changed
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// The ends are first moved out of the way of 0 to 3, where the caller may have had nothing open.
static void become(const struct pipes *pipes, const char *path, char *const argv[])
{
    int text = fcntl(pipes->text[1], F_DUPFD_CLOEXEC, CLEAR_OF_STANDARD);
    int failure = fcntl(pipes->failure[1], F_DUPFD_CLOEXEC, CLEAR_OF_STANDARD);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    default_signals();
    if (dup2(nothing, 0) == 0 && dup2(nothing, 1) == 1 && dup2(text, 2) == 2 &&
        dup3(failure, FAILURE, O_CLOEXEC) == FAILURE && chdir("/") == 0) {
        failure = FAILURE;
        close_range(FAILURE + 1, ~0u, 0); // where it is refused, stayd says so and ends
        execv(path, argv);
    }
    int reason = errno;
    _exit(write(failure, &reason, sizeof reason) == sizeof reason ? 127 : 126);
}

// Reads what is there. False: nothing more will come.
static bool collect(int fd, char *text, size_t text_size, size_t *n_text)
{
    char spill[512];
    for (;;) {
        size_t room = text_size - 1 - *n_text;
        ssize_t n = room > 0 ? read(fd, text + *n_text, room) : read(fd, spill, sizeof spill);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        *n_text += room > 0 ? (size_t)n : 0;
    }
}

// Has this child ended? It stays to be waited for.
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

// The process's end is awaited, not the end of its text: what it leaves running may hold that open.
// Without a pidfd, which a container may refuse, it is looked at now and then.
static bool await_end(pid_t pid, int pidfd, int fd, int timeout_ms, char *text, size_t text_size)
{
    uint64_t deadline = stay_now_ms() + (uint64_t)timeout_ms;
    struct pollfd wait[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    size_t n_text = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    bool is_over = false;
    for (uint64_t now = stay_now_ms(); now < deadline && !is_over; now = stay_now_ms()) {
        poll(wait, 2, pidfd >= 0 ? (int)(deadline - now) : LOOK_MS);
        is_over = pidfd >= 0 ? wait[0].revents != 0 : has_ended(pid);
        if (wait[1].revents != 0 && !collect(fd, text, text_size, &n_text))
            wait[1].fd = -1;
    }
    if (wait[1].fd >= 0)
        collect(fd, text, text_size, &n_text);
    text[n_text] = '\0';
    return is_over;
}

static int await(pid_t pid, const struct pipes *pipes, int timeout_ms, char *text, size_t text_size)
{
    int status;
    int reason = 0;
    int pidfd = pidfd_open(pid, 0);
    if (!await_end(pid, pidfd, pipes->text[0], timeout_ms, text, text_size)) {
        reason = ETIMEDOUT;
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pidfd >= 0)
        close(pidfd);
    if (reason == 0 && read(pipes->failure[0], &reason, sizeof reason) != sizeof reason)
        return status;
    errno = reason;
    return -1;
}

// The child of a child is nobody's here: no status of it is waited for.
static void step_aside(void)
{
    pid_t pid = _Fork(); // fork() is not async-signal-safe
    if (pid != 0)
        _exit(pid > 0 ? 0 : 1);
}

// A game that ignores SIGCHLD would have the status thrown away (wait(2)); former is to be put back
// when the status is there.
static pid_t spawn(struct pipes *pipes, const char *path, char *const argv[], bool is_loose,
                   struct sigaction *former)
{
    struct sigaction default_action = {.sa_handler = SIG_DFL};
    sigset_t all;
    sigset_t mask;
    sigaction(SIGCHLD, &default_action, former);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0) {
        if (is_loose)
            step_aside();
        become(pipes, path, argv);
    }
    int reason = errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    close(pipes->text[1]);
    close(pipes->failure[1]);
    errno = reason;
    return pid;
}

int stay_spawn_wait(const char *path, char *const argv[], int timeout_ms, char *text,
                    size_t text_size)
{
    struct pipes pipes;
    struct sigaction former;
    text[0] = '\0';
    if (!open_pipes(&pipes))
        return -1;
    pid_t pid = spawn(&pipes, path, argv, false, &former);
    int status = pid > 0 ? await(pid, &pipes, timeout_ms, text, text_size) : -1;
    int reason = errno;
    close(pipes.text[0]);
    close(pipes.failure[0]);
    sigaction(SIGCHLD, &former, NULL);
    errno = reason;
    return status;
}

int stay_spawn_loose(const char *path, char *const argv[])
{
    struct pipes pipes;
    struct sigaction former;
    int status = 0;
    if (!open_pipes(&pipes))
        return -1;
    pid_t pid = spawn(&pipes, path, argv, true, &former);
    int reason = pid > 0 ? 0 : errno;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGCHLD, &former, NULL);
    if (status != 0)
        reason = EAGAIN;
    int failure;
    if (reason == 0 && read(pipes.failure[0], &failure, sizeof failure) == sizeof failure)
        reason = failure;
    close(pipes.failure[0]);
    if (reason == 0 && fcntl(pipes.text[0], F_SETFL, O_NONBLOCK) == 0)
        return pipes.text[0];
    close(pipes.text[0]);
    errno = reason;
    return -1;
}
