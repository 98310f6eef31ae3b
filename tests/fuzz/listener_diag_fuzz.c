// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Answers of sock_diag(7). The input is one. Held: what is read is one of the three things that an
// answer can be, and stands in it; a longer answer says the same, and one that is cut says nothing.
//
// Errors: abort.
#include "fuzz.h"
#include "game/listener_text.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>

static void hold_sense(const struct diag_answer *read, size_t size)
{
    if (read->is_socket) {
        hold(!read->is_end && read->error == 0);
        hold(size >= NLMSG_HDRLEN + sizeof(struct inet_diag_msg));
        hold(read->inode <= UINT32_MAX);
    } else {
        hold(!read->listens && read->uid == 0 && read->inode == 0 && read->error >= 0);
        hold(size >= NLMSG_HDRLEN + sizeof(int32_t));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diag_answer read, again;
    if (!listener_read_diag(data, size, &read))
        return 0;
    hold_sense(&read, size);
    char *longer = fuzz_string(data, size);
    hold(listener_read_diag(longer, size + 1, &again));
    hold(memcmp(&read, &again, sizeof read) == 0);
    size_t n_needed =
        NLMSG_HDRLEN + (read.is_socket ? sizeof(struct inet_diag_msg) : sizeof(int32_t));
    hold(listener_read_diag(longer, n_needed, &again));
    hold(!listener_read_diag(longer, n_needed - 1, &again));
    free(longer);
    return 0;
}
