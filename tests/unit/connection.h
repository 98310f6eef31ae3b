// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's connection, as it is in life: over TCP, on the loopback.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_CONNECTION_H
#define STAYD_TESTS_CONNECTION_H

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

// A listening socket, of a port that is free.
static inline int connection_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    return listener;
}

// The player's end, which blocks, and stayd's, which does not.
static inline void connection_join(int listener, int *player, int *ours)
{
    struct sockaddr_in address;
    socklen_t n = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
    *player = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*player, (struct sockaddr *)&address, n), 0);
    *ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*ours >= 0);
}

static inline void connection_make(int *player, int *ours)
{
    int listener = connection_listen();
    connection_join(listener, player, ours);
    close(listener);
}

// How many descriptors this process has.
static inline int connection_count_fds(void)
{
    DIR *all = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(all);
    while (readdir(all))
        n++;
    closedir(all);
    return n;
}

#endif
