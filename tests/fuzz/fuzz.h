// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a fuzz harness is: one file NAME_fuzz.c with LLVMFuzzerTestOneInput, a directory
// corpus/NAME, and a line in meson.build. It is built twice: as a libFuzzer program
// (tests/fuzz/run) and, with replay.c, as a test that replays the corpus. Here is what harnesses
// share.
//
// Errors: a harness that finds something aborts.
#ifndef STAYD_FUZZ_H
#define STAYD_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// libFuzzer's entry point (LLVM documentation, "libFuzzer"). Returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was promised is so.
static inline void hold(bool is_so)
{
    if (!is_so)
        abort();
}

// No C0 control and no DEL.
static inline bool fuzz_is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return true;
}

// The input as a string; to be freed. ASan sees a read past its end.
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    hold(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

// The input is taken from its front.
struct fuzz_input {
    const uint8_t *at;
    size_t n;
};

// The next n bytes, or those that are left; *n becomes their number.
static inline const uint8_t *fuzz_take(struct fuzz_input *input, size_t *n)
{
    const uint8_t *at = input->at;
    *n = *n < input->n ? *n : input->n;
    input->at += *n;
    input->n -= *n;
    return at;
}

// The next n bytes, zeros behind the input's end.
static inline void fuzz_fill(struct fuzz_input *input, void *to, size_t n)
{
    size_t n_here = n;
    const uint8_t *at = fuzz_take(input, &n_here);
    memset(to, 0, n);
    if (n_here > 0)
        memcpy(to, at, n_here);
}

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    uint8_t byte;
    fuzz_fill(input, &byte, 1);
    return byte;
}

// A piece with its length in one byte before it.
static inline const uint8_t *fuzz_piece(struct fuzz_input *input, size_t *n)
{
    *n = fuzz_byte(input);
    return fuzz_take(input, n);
}

// The next line, without its LF, as a string; to be freed. "" behind the last.
static inline char *fuzz_line(struct fuzz_input *input)
{
    const uint8_t *end = input->n > 0 ? memchr(input->at, '\n', input->n) : NULL;
    size_t n = end ? (size_t)(end - input->at) : input->n;
    char *line = fuzz_string(fuzz_take(input, &n), n);
    size_t n_end = 1;
    fuzz_take(input, &n_end);
    return line;
}

// A file that holds these bytes, always the same one, in memory; it goes at exit.
static char fuzz_file_path[64];

static inline void fuzz_remove_file(void)
{
    unlink(fuzz_file_path);
}

static inline const char *fuzz_file(const void *bytes, size_t n)
{
    static int fd = -1;
    if (fd < 0) {
        strcpy(fuzz_file_path, "/dev/shm/stayd-fuzz-XXXXXX");
        fd = mkstemp(fuzz_file_path);
        hold(fd >= 0 && atexit(fuzz_remove_file) == 0);
    }
    hold(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, n, 0) == (ssize_t)n);
    return fuzz_file_path;
}

// What is written into memory; fuzz_text ends it.
struct fuzz_memory {
    FILE *out;
    char *text; // after fuzz_text: to be freed
    size_t n;
};

static inline FILE *fuzz_open(struct fuzz_memory *memory)
{
    memory->out = open_memstream(&memory->text, &memory->n);
    hold(memory->out != NULL);
    return memory->out;
}

static inline char *fuzz_text(struct fuzz_memory *memory)
{
    hold(fclose(memory->out) == 0);
    return memory->text;
}

// Complaints about such a file are lines "PATH:LINE: WHAT" with a line that there is, or, about the
// whole of it, "PATH: WHAT". Returns their number.
static inline int fuzz_count_complaints(const char *text, const uint8_t *data, size_t size)
{
    size_t n_path = strlen(fuzz_file_path);
    unsigned long n_lines = 1;
    int n = 0;
    for (size_t i = 0; i < size; i++)
        n_lines += data[i] == '\n';
    for (; *text; n++) {
        const char *end = strchr(text, '\n');
        hold(end && strncmp(text, fuzz_file_path, n_path) == 0 && text[n_path] == ':');
        unsigned long line = strtoul(text + n_path + 1, NULL, 10);
        hold(text[n_path + 1] == ' ' || (line >= 1 && line <= n_lines));
        text = end + 1;
    }
    return n;
}

#endif
