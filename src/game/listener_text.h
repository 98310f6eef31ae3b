// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the kernel says of sockets: lines of /proc/net/unix (unix(7)), /proc/net/tcp and tcp6
// (proc(5)), and answers of sock_diag(7). Sans-I/O.
//
// The name of a Unix socket is any bytes that its maker likes, and the kernel escapes none: who
// puts a line's end into it has written a line of the list.
//
// Errors: false: it has not that form.
#ifndef STAYD_GAME_LISTENER_TEXT_H
#define STAYD_GAME_LISTENER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unix_line {
    bool listens;
    uint64_t inode;
    const char *path; // within the line; "": it has none
};

bool listener_read_unix(const char *line, struct unix_line *out);

struct tcp_end {
    uint8_t address[16]; // IPv4-mapped
    uint16_t port;
};

struct tcp_line {
    struct tcp_end local, remote;
    bool listens;
    uid_t uid;
    uint64_t inode; // 0: nobody has accepted it yet
};

bool listener_read_tcp(const char *line, struct tcp_line *out);

struct diag_answer {
    bool is_socket; // or it is an error, or a list's end
    bool is_end;
    int error;    // as in errno; 0: none
    bool listens; // of a socket
    uid_t uid;
    uint64_t inode;
};

bool listener_read_diag(const void *answer, size_t n_answer, struct diag_answer *out);

#endif
