// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading what the kernel says of sockets (listener_text.h).
#include "game/listener_text.h"

#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#define ACCEPTS 0x10000u // __SO_ACCEPTCON

// Num RefCount Protocol Flags Type St Inode Path; one blank before the path.
bool listener_read_unix(const char *line, struct unix_line *out)
{
    unsigned flags;
    int n = 0;
    if (sscanf(line, "%*s %*x %*x %8x %*x %*x %20" SCNu64 "%n", &flags, &out->inode, &n) != 2 ||
        n == 0 || (line[n] && line[n] != ' '))
        return false;
    out->listens = flags & ACCEPTS;
    out->path = line[n] ? line + n + 1 : line + n;
    return true;
}

// Words of four bytes in this machine's order.
static bool read_address(const char *text, uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t n_words = strlen(text) / 8;
    if (strlen(text) % 8 || (n_words != 1 && n_words != 4))
        return false;
    memcpy(bytes, mapped, sizeof mapped);
    for (size_t i = 0; i < n_words; i++) {
        uint32_t word;
        if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
            return false;
        memcpy(bytes + (n_words == 1 ? 12 : 4 * i), &word, 4);
    }
    return true;
}

// sl local_address rem_address st queues timer retransmits uid timeout inode.
bool listener_read_tcp(const char *line, struct tcp_line *out)
{
    char local[33], remote[33];
    unsigned state;
    if (sscanf(line,
               "%*s %32[0-9A-Fa-f]:%4" SCNx16 " %32[0-9A-Fa-f]:%4" SCNx16
               " %2x %*s %*s %*s %10u %*s %20" SCNu64,
               local, &out->local.port, remote, &out->remote.port, &state, &out->uid,
               &out->inode) != 7)
        return false;
    out->listens = state == TCP_LISTEN;
    return read_address(local, out->local.address) && read_address(remote, out->remote.address);
}

bool listener_read_diag(const void *answer, size_t n_answer, struct diag_answer *out)
{
    struct nlmsghdr head;
    struct inet_diag_msg body;
    *out = (struct diag_answer){0};
    if (n_answer < NLMSG_HDRLEN + sizeof out->error)
        return false;
    memcpy(&head, answer, sizeof head);
    const uint8_t *behind = (const uint8_t *)answer + NLMSG_HDRLEN;
    if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE) {
        int32_t error;
        memcpy(&error, behind, sizeof error);
        out->is_end = head.nlmsg_type == NLMSG_DONE;
        out->error = error < 0 && error != INT32_MIN ? -error : 0;
        return true;
    }
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || n_answer < NLMSG_HDRLEN + sizeof body)
        return false;
    memcpy(&body, behind, sizeof body);
    out->is_socket = true;
    out->listens = body.idiag_state == TCP_LISTEN;
    out->uid = body.idiag_uid;
    out->inode = body.idiag_inode;
    return true;
}
