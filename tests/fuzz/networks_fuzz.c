// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Files of networks. Held: complaints were counted, and each names a line there is; the set has the
// first and the last address of every network that was read, and says of these and their neighbours
// what a walk through the list says; each network is the same when it is printed and read again.
//
// Errors: abort.
#include "conf/option.h"
#include "fuzz.h"

#define MOST 200u

// Each line that is right, by itself.
static unsigned read_lines(const uint8_t *data, size_t size, struct network list[MOST])
{
    const bool has_mark = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0;
    struct fuzz_input input = {data + 3 * has_mark, size - 3 * has_mark};
    FILE *nowhere = fopen("/dev/null", "w");
    unsigned n = 0;
    hold(nowhere != NULL);
    while (input.n > 0 && n < MOST) {
        struct conf_complaints complaints = {.out = nowhere, .path = "x"};
        struct networks one = {0};
        char *line = fuzz_line(&input);
        conf_read_networks(&one, line, strlen(line), &complaints);
        hold(one.n[0] + one.n[1] + (size_t)complaints.n <= 1);
        networks_free(&one);
        line[strcspn(line, "#;")] = '\0';
        char *word = line + strspn(line, " \t\r");
        size_t n_word = strlen(word);
        while (n_word > 0 && strchr(" \t\r", word[n_word - 1]))
            n_word--;
        word[n_word] = '\0';
        n += n_word < NETWORK_TEXT_BYTES && !network_parse(word, &list[n]);
        free(line);
    }
    fclose(nowhere);
    return n;
}

static void hold_printed(const struct network *network)
{
    char text[NETWORK_TEXT_BYTES];
    struct network again;
    hold(!network_parse(network_print(text, network), &again));
    hold(network_is_same(network, &again));
}

static bool is_in(const struct network *network, const uint8_t address[16])
{
    const struct network its = network_of(address, network->bits);
    return network_is_same(network, &its) &&
           address_is_ipv4(address) == address_is_ipv4(network->address);
}

static void ask(const struct networks *networks, const struct network *list, unsigned n,
                const uint8_t address[16])
{
    bool is_in_one = false;
    for (unsigned i = 0; i < n; i++)
        is_in_one |= is_in(&list[i], address);
    hold(networks_have(networks, address) == is_in_one);
}

// By one, up or down.
static void step(uint8_t address[16], uint8_t by)
{
    for (int i = 15; i >= 0; i--) {
        address[i] = (uint8_t)(address[i] + by);
        if (address[i] != (by == 1 ? 0 : 0xff))
            return;
    }
}

static void ask_around(const struct networks *networks, const struct network *list, unsigned n,
                       const struct network *network)
{
    uint8_t address[16];
    memcpy(address, network->address, 16);
    ask(networks, list, n, address);
    step(address, 0xff);
    ask(networks, list, n, address);
    memcpy(address, network->address, 16);
    for (unsigned bit = network->bits; bit < 128; bit++)
        address[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    ask(networks, list, n, address);
    step(address, 1);
    ask(networks, list, n, address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct network list[MOST];
    struct networks networks = {0};
    struct fuzz_memory memory;
    const char *path = fuzz_file(data, size);
    struct conf_complaints complaints = {.out = fuzz_open(&memory), .path = path};
    conf_read_networks(&networks, (const char *)data, size, &complaints);
    char *text = fuzz_text(&memory);
    hold(fuzz_count_complaints(text, data, size) == complaints.n);
    networks_sort(&networks);
    unsigned n = complaints.n == 0 ? read_lines(data, size, list) : 0;
    for (unsigned i = 0; i < n; i++) {
        hold_printed(&list[i]);
        if (n < MOST)
            ask_around(&networks, list, n, &list[i]);
    }
    networks_free(&networks);
    free(text);
    return 0;
}
