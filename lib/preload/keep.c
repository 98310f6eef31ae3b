// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The program that is an address (keep.h): loads of constants, of which the first is our mark, and
// a return of more bytes than any packet has.
// Errors: that the kernel refuses the program is said once on stderr.
#include "keep.h"

#include "say.h"
#include "table.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#define MARK 0x73746164u
#define N_WORDS TABLE_WORDS // mark, family and port, address
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

static bool put_filter(int fd, const uint32_t words[N_WORDS])
{
    struct sock_filter step[N_STEPS];
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

static bool find_filter(int fd, uint32_t words[N_WORDS])
{
    struct sock_filter step[N_STEPS];
    if (!read_program(fd, step) || memcmp(&step[N_WORDS], &pass, sizeof pass) != 0)
        return false;
    for (unsigned i = 0; i < N_WORDS; i++) {
        if (step[i].code != load.code)
            return false;
        words[i] = step[i].k;
    }
    return words[0] == MARK;
}

bool keep_put(int fd, const struct sockaddr_storage *player)
{
    static atomic_flag is_first_said = ATOMIC_FLAG_INIT, is_end_said = ATOMIC_FLAG_INIT;
    uint32_t words[N_WORDS];
    bool is_first;
    to_words(player, words);
    if (put_filter(fd, words))
        return true;
    const int reason = errno;
    uint32_t former[N_WORDS];
    if (find_filter(fd, former))
        return false;
    const bool is_kept = table_put(fd, words, &is_first);
    if (is_first)
        say_once(&is_first_said,
                 "this kernel refuses SO_ATTACH_FILTER here (%s); players' addresses are kept in "
                 "memory that goes over the game's reboots",
                 strerror(reason));
    else if (!is_kept)
        say_once(&is_end_said,
                 "this kernel refuses SO_ATTACH_FILTER here (%s), and players' addresses cannot be "
                 "kept otherwise (%s): players are closed",
                 strerror(reason), strerror(errno));
    return is_kept;
}

bool keep_find(int fd, struct sockaddr_storage *player)
{
    uint32_t words[N_WORDS];
    return (find_filter(fd, words) || table_find(fd, words)) && from_words(words, player);
}
