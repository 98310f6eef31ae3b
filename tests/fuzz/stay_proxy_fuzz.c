// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay's parser of the PROXY header, with the input growing byte by byte as it may come from a
// socket. Held: it never asks for less than it did before, never wants a byte more once it is done,
// decides the same with more bytes there, lets no text through that is not printable, and finds a
// resumed player's state within the header.
//
// Errors: abort.
#include "fuzz.h"
#include "proxy.h"
#include "text.h"

static void hold_text(const char *text, size_t size)
{
    char copy[256];
    size_t n = strnlen(text, size);
    hold(n < size);
    hold(stay_text_take(copy, sizeof copy, (const uint8_t *)text, n));
}

// A resumed player's state lies in the header.
static void hold_origin(const struct stay_player *player, const uint8_t *data, size_t n)
{
    const uint8_t *state = player->state;
    if (player->origin == STAY_NEW) {
        hold(state == NULL && player->n_state == 0 && player->n_input == 0);
        return;
    }
    hold(player->origin == STAY_RESUMED && state >= data && state + player->n_state <= data + n);
}

static void hold_player(const struct stay_player *player)
{
    hold_text(player->address, sizeof player->address);
    hold_text(player->host, sizeof player->host);
    hold_text(player->tls_version, sizeof player->tls_version);
    hold_text(player->tls_cipher, sizeof player->tls_cipher);
    hold_text(player->tls_name, sizeof player->tls_name);
    hold_text(player->sni, sizeof player->sni);
    hold_text(player->alpn, sizeof player->alpn);
    hold(player->address[0] != '\0' && player->fd == -1);
    hold(player->has_certificate || !player->is_verified);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stay_player player;
    size_t n_before = 0;
    for (size_t n = 0; n <= size; n++) {
        size_t n_wanted;
        enum stay_proxy_status status = stay_proxy_parse(data, n, &player, &n_wanted);
        hold(n_wanted >= n_before && n_wanted <= STAY_PROXY_MAX_BYTES);
        n_before = n_wanted;
        if (status == STAY_PROXY_MORE) {
            hold(n < n_wanted);
            continue;
        }
        size_t n_wanted_of_all;
        hold(stay_proxy_parse(data, size, &player, &n_wanted_of_all) == status);
        if (status == STAY_PROXY_DONE) {
            hold(n == n_wanted && n_wanted_of_all == n_wanted);
            hold_player(&player);
            hold_origin(&player, data, n);
        }
        break;
    }
    return 0;
}
