// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Preloaded into a game, kills it at its DIE_AT-th write to a file or socket: an odd number before
// the write, an even one after it. So a test can walk through every place where a kill could
// matter.
//
// Errors: a call that cannot be found ends the process.
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long n_calls;

static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL)
        abort();
    return function;
}

static void pass(void)
{
    const char *at = getenv("DIE_AT");
    if (at != NULL && ++n_calls == atol(at))
        kill(getpid(), SIGKILL);
}

#define BETWEEN(result, call)                                                                      \
    do {                                                                                           \
        pass();                                                                                    \
        (result) = call;                                                                           \
        pass();                                                                                    \
    } while (0)

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    ssize_t (*call)(int, const void *, size_t, off64_t) = real("pwrite64");
    ssize_t result;
    BETWEEN(result, call(fd, bytes, n, at));
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite64(fd, bytes, n, at);
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    ssize_t (*call)(int, const struct iovec *, int) = real("writev");
    ssize_t result;
    BETWEEN(result, call(fd, pieces, n));
    return result;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    ssize_t (*call)(int, const void *, size_t, int) = real("send");
    ssize_t result;
    BETWEEN(result, call(fd, bytes, n, flags));
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*call)(int, const struct msghdr *, int) = real("sendmsg");
    ssize_t result;
    BETWEEN(result, call(fd, message, flags));
    return result;
}
