// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// malloc(3), which knows how large a block is: malloc_usable_size(3).
#include "base/wipe.h"

#include <event2/event.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void *take(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(n);
}

static void give(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (block)
        explicit_bzero(block, malloc_usable_size(block));
    free(block);
}

static void *change(void *block, size_t n, const char *file, int line)
{
    size_t has = block ? malloc_usable_size(block) : 0;
    if (n == 0) {
        give(block, file, line);
        return NULL;
    }
    if (n <= has)
        return block;
    void *larger = malloc(n);
    if (larger && block) {
        memcpy(larger, block, has);
        give(block, file, line);
    }
    return larger;
}

void wipe_what_openssl_frees(void)
{
    if (!CRYPTO_set_mem_functions(take, change, give))
        abort(); // the library has taken memory before
}

static void *change_plain(void *block, size_t n)
{
    return change(block, n, NULL, 0);
}

static void give_plain(void *block)
{
    give(block, NULL, 0);
}

void wipe_what_libevent_frees(void)
{
    event_set_mem_functions(malloc, change_plain, give_plain);
}
