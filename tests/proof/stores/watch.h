// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a case says of the order of stores. A case is a function case_NAME: it names memory and the rules that
// hold for it, begins, and calls the program's function. It runs in an emulated processor
// (machine.py), which sees each store and each barrier; judge.py holds them against the rules.
//
// A thing is named memory, or a call, as "close()". "x#2" is the second store to x only, "x" each one.
#ifndef STAYD_PROOF_WATCH_H
#define STAYD_PROOF_WATCH_H

#include <stddef.h>
#include <stdint.h>

// All stores into this memory have to be to something that is watched.
void whole(const volatile void *at, size_t n);

// Of memory that is named twice, the later name counts.
void watch(const char *name, const volatile void *at, size_t n);

// The rules, with the invariant or the header that asks for each. A thing of which there is no store, or
// call, breaks its rule.
//
// Whoever dies has stored all of `first` before any of `then`.
void before(const char *why, const char *first, const char *then);

// ... and another process that reads `then` finds all of `first`: between the two is a barrier.
void published(const char *why, const char *first, const char *then);

// One instruction stores it, whole, and so often.
void stored(const char *why, const char *what, unsigned times);

// What is stored and called from here on counts.
void watch_begin(void);

// For what stands in for the system in a case: that NAME() is called, and stores that are the
// kernel's.
void called(const char *name);
void kernel(int is_at_work);

#endif
