// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Addresses. The input is read as text, with and without a port of its own, and as the 16 bytes
// that the vault keeps. Held: what is refused is said why; what is taken is the same one when it is
// printed and read again, in each of its three forms.
//
// Errors: abort.
#include "base/address.h"
#include "fuzz.h"

static void hold_same(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    uint8_t bytes[2][16];
    uint16_t port[2];
    hold(address_to_bytes((const struct sockaddr *)one, bytes[0], &port[0]));
    hold(address_to_bytes((const struct sockaddr *)other, bytes[1], &port[1]));
    hold(memcmp(bytes[0], bytes[1], 16) == 0 && port[0] == port[1]);
}

static void read_text(const char *text, uint16_t default_port)
{
    struct sockaddr_storage address, again;
    socklen_t n_bytes, n_again;
    char printed[ADDRESS_TEXT_BYTES];
    uint8_t bytes[16];
    uint16_t port;
    const char *wrong = address_parse(text, default_port, &address, &n_bytes);
    if (wrong) {
        hold(*wrong != '\0');
        return;
    }
    hold(address_to_bytes((const struct sockaddr *)&address, bytes, &port) && port > 0);
    hold(n_bytes ==
         (address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
    address_print_port(printed, (const struct sockaddr *)&address);
    hold(!address_parse(printed, default_port, &again, &n_again));
    hold_same(&address, &again);
    address_from_bytes(bytes, port, &again);
    hold_same(&address, &again);
    hold(address_is_loopback((const struct sockaddr *)&address) ==
         address_is_loopback((const struct sockaddr *)&again));
}

static void read_bytes(const uint8_t bytes[16])
{
    struct sockaddr_storage address;
    socklen_t n_bytes;
    char printed[ADDRESS_TEXT_BYTES];
    uint8_t again[16];
    uint16_t port;
    hold(!address_parse(address_print(printed, bytes), 53, &address, &n_bytes));
    hold(address_to_bytes((const struct sockaddr *)&address, again, &port));
    hold(memcmp(again, bytes, 16) == 0 && port == 53);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    read_text(text, 0);
    read_text(text, 53);
    free(text);
    if (size >= 16)
        read_bytes(data);
    return 0;
}
