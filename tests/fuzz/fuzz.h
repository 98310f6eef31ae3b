// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a fuzz harness is: one file NAME_fuzz.c with this function, a directory
// corpus/NAME, and a line in meson.build. It is built twice: as a libFuzzer program
// (tests/fuzz/run) and, with replay.c, as a test that replays the corpus.
//
// Errors: a harness that finds something aborts.
#ifndef STAYD_FUZZ_H
#define STAYD_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// libFuzzer's entry point (LLVM documentation, "libFuzzer"). Returns 0.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
