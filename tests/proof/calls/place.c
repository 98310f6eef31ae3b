// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Maps of a process, and its stack's words (place.h). Errors: as there.
#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define STACK_WORDS 160
#define MAX_PROGRAMS 16
#define LONGEST_CALL 7 // bytes of a call instruction

// Mapped once, and kept.
static struct program {
    dev_t device;
    ino_t inode;
    const uint8_t *file;
} programs[MAX_PROGRAMS];

static const uint8_t *map_program(pid_t pid, ino_t *inode)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const uint8_t *file = NULL;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0) {
        *inode = status.st_ino;
        struct program *program = programs;
        while (program < programs + MAX_PROGRAMS - 1 && program->file &&
               (program->inode != status.st_ino || program->device != status.st_dev))
            program++;
        if (!program->file || program->inode != status.st_ino || program->device != status.st_dev) {
            void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
            *program =
                (struct program){status.st_dev, status.st_ino, map == MAP_FAILED ? NULL : map};
        }
        file = program->file;
    }
    close(fd);
    return file;
}

bool place_find_code(pid_t pid, struct code *code)
{
    char path[64];
    char line[512];
    ino_t inode = 0;
    memset(code, 0, sizeof *code);
    code->file = map_program(pid, &inode);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = code->file ? fopen(path, "re") : NULL;
    if (!maps)
        return false;
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to, offset, its_inode;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s %lx %*s %lu", &from, &to, rights, &offset, &its_inode) == 5 &&
            its_inode == inode && strchr(rights, 'x')) {
            code->from = from;
            code->to = to;
            code->offset = offset;
            break;
        }
    }
    fclose(maps);
    return code->from != 0;
}

// Is what ends before this byte of the file a call instruction? (x86-64)
static bool is_called(const uint8_t *at)
{
    if (at[-5] == 0xe8) // to a place
        return true;
    for (int n = 2; n <= LONGEST_CALL; n++) // by a register or a word in memory
        if (at[-n] == 0xff && (at[1 - n] >> 3 & 7) == 2)
            return true;
    return false;
}

struct place place_find(pid_t pid, const struct code *code, uint64_t stack_pointer)
{
    uint64_t words[STACK_WORDS];
    struct place place = {{0}};
    struct iovec to = {words, sizeof words};
    struct iovec from = {(void *)(uintptr_t)stack_pointer, sizeof words}; // NOLINT
    ssize_t n = code->from ? process_vm_readv(pid, &to, 1, &from, 1, 0) : -1;
    unsigned n_frames = 0;
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof *words && n_frames < PLACE_FRAMES; i++)
        if (words[i] >= code->from + LONGEST_CALL + 1 && words[i] < code->to) {
            uint64_t at = words[i] - code->from + code->offset;
            bool is_again = n_frames > 0 && place.frame[n_frames - 1] == at;
            if (!is_again && is_called(code->file + at))
                place.frame[n_frames++] = (uint32_t)at;
        }
    return place;
}
