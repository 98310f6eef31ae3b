// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The program that is an address (keep.h): loads of constants, of which the first is our mark, and
// a return of more bytes than any packet has.
// Errors: as there.
#include "keep.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define MARK 0x73746164u
#define N_WORDS 6u // mark, family and port, address
#define N_STEPS (N_WORDS + 1)

static const struct sock_filter load = BPF_STMT(BPF_LD | BPF_IMM, 0);
static const struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);

static void to_words(const struct sockaddr_storage *player, uint32_t words[N_WORDS])
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)player;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)player;
    memset(words, 0, N_WORDS * sizeof *words);
    words[0] = MARK;
    words[1] = (uint32_t)player->ss_family << 16 | in->sin_port; // at one place in both
    if (player->ss_family == AF_INET)
        words[2] = in->sin_addr.s_addr;
    else
        memcpy(words + 2, &in6->sin6_addr, sizeof in6->sin6_addr);
}

static bool from_words(const uint32_t words[N_WORDS], struct sockaddr_storage *player)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = (in_port_t)words[1]};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = (in_port_t)words[1]};
    in.sin_addr.s_addr = words[2];
    memcpy(&in6.sin6_addr, words + 2, sizeof in6.sin6_addr);
    memset(player, 0, sizeof *player);
    switch (words[1] >> 16) {
    case AF_INET:
        memcpy(player, &in, sizeof in);
        return true;
    case AF_INET6:
        memcpy(player, &in6, sizeof in6);
        return true;
    default:
        return false;
    }
}

bool keep_put(int fd, const struct sockaddr_storage *player)
{
    uint32_t words[N_WORDS];
    struct sock_filter step[N_STEPS];
    to_words(player, words);
    for (unsigned i = 0; i < N_WORDS; i++) {
        step[i] = load;
        step[i].k = words[i];
    }
    step[N_WORDS] = pass;
    const struct sock_fprog program = {.len = N_STEPS, .filter = step};
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0;
}

// getsockopt(2) counts steps here, not bytes.
static bool read_program(int fd, struct sock_filter step[N_STEPS])
{
    const int error = errno;
    socklen_t n = N_STEPS;
    const bool is_read = getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, step, &n) == 0 && n == N_STEPS;
    errno = error;
    return is_read;
}

bool keep_find(int fd, struct sockaddr_storage *player)
{
    uint32_t words[N_WORDS];
    struct sock_filter step[N_STEPS];
    if (!read_program(fd, step) || memcmp(&step[N_WORDS], &pass, sizeof pass) != 0)
        return false;
    for (unsigned i = 0; i < N_WORDS; i++) {
        if (step[i].code != load.code)
            return false;
        words[i] = step[i].k;
    }
    return words[0] == MARK && from_words(words, player);
}
