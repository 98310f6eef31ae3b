// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstayd-preload: STAYD_PRELOAD, and headers that grow byte by byte. Held: settings that are
// taken are within their bounds and the same when they are written anew; a header that is whole
// stays so with more bytes behind it, ends within them, and names a player with an address; fitted
// to either family, the address is of that family, and the same each time.
//
// Errors: abort.
#include "fuzz.h"
#include "preload/announce.h"
#include "preload/settings.h"

#include <arpa/inet.h>

static void read_settings(const char *text)
{
    struct settings settings, again;
    char anew[16 * (SETTINGS_PORTS + 1)] = "";
    size_t n = 0;
    if (!settings_read(&settings, text))
        return;
    hold(settings.n_ports > 0 && settings.n_ports <= SETTINGS_PORTS);
    for (unsigned i = 0; i < settings.n_ports; i++) {
        hold(settings.port[i] > 0);
        n += (size_t)sprintf(anew + n, "%u ", settings.port[i]);
    }
    if (settings.has_uid)
        sprintf(anew + n, "uid=%u", settings.uid);
    hold(settings_read(&again, anew) && memcmp(&settings, &again, sizeof again) == 0);
}

static void hold_player(const struct sockaddr_storage *player)
{
    struct sockaddr_storage inet = *player, inet6 = *player, twice;
    struct in_addr in;
    hold(player->ss_family == AF_INET || player->ss_family == AF_INET6);
    announce_fit(&inet, AF_INET);
    announce_fit(&inet6, AF_INET6);
    hold(inet.ss_family == AF_INET && inet6.ss_family == AF_INET6);
    in = ((const struct sockaddr_in *)&inet)->sin_addr;
    if (player->ss_family == AF_INET6)
        hold(ntohl(in.s_addr) >> 28 == 0xf && in.s_addr != INADDR_BROADCAST);
    else
        hold(IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)&inet6)->sin6_addr));
    twice = *player;
    announce_fit(&twice, AF_INET);
    hold(memcmp(&twice, &inet, sizeof twice) == 0);
}

static void read_header(const uint8_t *data, size_t size)
{
    struct sockaddr_storage player, again;
    for (size_t n = 0; n <= size; n++) {
        size_t n_header = 0, n_again = 0;
        enum announce_status status = announce_parse(data, n, &player, &n_header);
        if (status == ANNOUNCE_MORE)
            continue;
        hold(announce_parse(data, size, &again, &n_again) == status);
        if (status == ANNOUNCE_DONE) {
            hold(n_header == n && n_again == n);
            hold(memcmp(&player, &again, sizeof player) == 0);
            hold_player(&player);
        }
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    read_settings(text);
    read_header((const uint8_t *)text, size);
    free(text);
    return 0;
}
