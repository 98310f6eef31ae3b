// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// /proc/net/tcp and tcp6. The input is a line; and the numbers of one. Held: what is read is the
// same when the line is written anew; of numbers, each is read as it was written.
//
// Errors: abort.
#include "fuzz.h"
#include "game/listener_text.h"

#include <inttypes.h>

#define STATE_LISTEN 0x0a
#define STATE_OTHER 0x01

static bool is_ipv4(const struct tcp_end *end)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(end->address, mapped, sizeof mapped) == 0;
}

// As the kernel writes it (get_tcp4_sock, get_tcp6_sock).
static void write_end(FILE *out, const struct tcp_end *end, bool is_short)
{
    for (size_t i = is_short ? 12 : 0; i < 16; i += 4) {
        uint32_t word;
        memcpy(&word, end->address + i, sizeof word);
        fprintf(out, "%08" PRIX32, word);
    }
    fprintf(out, ":%04X ", end->port);
}

static void hold_read(const struct tcp_line *line, bool is_short)
{
    struct tcp_line read;
    struct fuzz_memory memory;
    FILE *out = fuzz_open(&memory);
    fputs("   0: ", out);
    write_end(out, &line->local, is_short);
    write_end(out, &line->remote, is_short);
    fprintf(out, "%02X 00000000:00000000 00:00000000 00000000 %5u        0 %" PRIu64 " 1 0000",
            line->listens ? STATE_LISTEN : STATE_OTHER, line->uid, line->inode);
    char *text = fuzz_text(&memory);
    hold(listener_read_tcp(text, &read));
    hold(memcmp(&read.local, &line->local, sizeof read.local) == 0);
    hold(memcmp(&read.remote, &line->remote, sizeof read.remote) == 0);
    hold(read.listens == line->listens && read.uid == line->uid && read.inode == line->inode);
    free(text);
}

static void hold_both_forms(const struct tcp_line *line)
{
    hold_read(line, false);
    if (is_ipv4(&line->local) && is_ipv4(&line->remote))
        hold_read(line, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_line numbers, read;
    char *text = fuzz_string(data, size);
    if (listener_read_tcp(text, &read))
        hold_both_forms(&read);
    free(text);
    struct fuzz_input input = {data, size};
    fuzz_fill(&input, &numbers.local, sizeof numbers.local);
    fuzz_fill(&input, &numbers.remote, sizeof numbers.remote);
    fuzz_fill(&input, &numbers.uid, sizeof numbers.uid);
    fuzz_fill(&input, &numbers.inode, sizeof numbers.inode);
    numbers.listens = fuzz_byte(&input) & 1;
    hold_both_forms(&numbers);
    return 0;
}
