// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A local program that connects to a Unix socket and closes, again and again, until it is killed:
// `knock PATH UID`, as that user. Says "knocking" when it has begun. Where nobody listens it does the
// same, in vain.
//
// Errors: end the program with status 1.
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (argc != 3 || setuid((uid_t)atoi(argv[2])) != 0)
        return 1;
    snprintf(at.sun_path, sizeof at.sun_path, "%s", argv[1]);
    for (unsigned n = 0;; n++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return 1;
        (void)!connect(fd, (const struct sockaddr *)&at, sizeof at);
        close(fd);
        if (n == 20 && puts("knocking") < 0)
            return 1;
        if (n == 20)
            fflush(stdout);
    }
}
