// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A name server's answer: the question's name, a line; then the answer. Held: no more names are
// found than are looked at, each as long as a name can be written; an address is found only if its
// bytes stand in the answer; who repeats the question has it in there.
//
// Errors: abort.
#include "fuzz.h"
#include "game/dns_answer.h"

#define MAX_NAMES 64u
#define MAX_NAME_BYTES 1025u // NS_MAXDNAME: 255 bytes, each written as \DDD

static void count_name(void *arg, const char *name)
{
    unsigned *n = arg;
    hold(strlen(name) < MAX_NAME_BYTES);
    hold(++*n <= MAX_NAMES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t address[16] = {[0] = 0x20, 1, 0x0d, 0xb8, [12] = 192, 0, 2, 1};
    struct fuzz_input input = {data, size};
    unsigned n_names = 0;
    char *question = fuzz_line(&input);
    uint8_t *answer = malloc(input.n ? input.n : 1);
    hold(answer != NULL);
    if (input.n > 0)
        memcpy(answer, input.at, input.n);
    dns_answer_names(answer, input.n, question, count_name, &n_names);
    if (dns_answer_has(answer, input.n, question, address, 16))
        hold(memmem(answer, input.n, address, 16) != NULL);
    if (dns_answer_has(answer, input.n, question, address + 12, 4))
        hold(memmem(answer, input.n, address + 12, 4) != NULL);
    if (dns_answer_repeats(answer, input.n, question))
        hold(input.n > 12);
    free(answer);
    free(question);
    return 0;
}
