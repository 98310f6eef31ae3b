// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// FNV-1a (draft-eastlake-fnv): begin with HASH32_START or HASH64_START and add to it. Its values
// never change, so that a hash may stand in the vault. An attacker can find two texts of one hash.
//
// Errors: none.
#ifndef STAYD_BASE_HASH_H
#define STAYD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH32_START 2166136261u
#define HASH64_START 14695981039346656037u

static inline uint32_t hash32_add(uint32_t hash, const void *bytes, size_t n)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

static inline uint32_t hash32_add_text(uint32_t hash, const char *text)
{
    return hash32_add(hash, text, strlen(text));
}

// A number as one step, not byte by byte.
static inline uint64_t hash64_add_number(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * 1099511628211u;
}

static inline uint64_t hash64_add(uint64_t hash, const void *bytes, size_t n)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < n; i++)
        hash = hash64_add_number(hash, byte[i]);
    return hash;
}

static inline uint64_t hash64_add_text(uint64_t hash, const char *text)
{
    return hash64_add(hash, text, strlen(text));
}

#endif
