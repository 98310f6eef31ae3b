// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// /proc/net/unix. The input is a line; and the name of a socket, which may be anything, in a line
// with numbers that are known. Held: what is read is the same when the line is written anew; no
// name changes what is found, and the path is the name, but for what stands behind a line's end in
// it.
//
// Errors: abort.
#include "fuzz.h"
#include "game/listener_text.h"

#include <inttypes.h>

// As the kernel writes it (unix_seq_show).
static char *write_line(bool listens, uint64_t inode, const char *name)
{
    char *line;
    hold(asprintf(&line, "0000000000000000: %08X %08X %08X %04X %02X %5" PRIu64 "%s%s", 2, 0,
                  listens ? 0x10000 : 0, 1, 1, inode, *name ? " " : "", name) > 0);
    return line;
}

static void hold_read(bool listens, uint64_t inode, const char *name)
{
    struct unix_line read;
    char *line = write_line(listens, inode, name);
    hold(listener_read_unix(line, &read));
    hold(read.listens == listens && read.inode == inode && strcmp(read.path, name) == 0);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unix_line read;
    struct fuzz_input input = {data, size};
    char *line = fuzz_line(&input);
    if (listener_read_unix(line, &read)) {
        hold(read.path > line && read.path <= line + strlen(line));
        hold_read(read.listens, read.inode, read.path);
    }
    hold_read(true, 4711, line);
    hold_read(false, 0, line);
    free(line);
    return 0;
}
