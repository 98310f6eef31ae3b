// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// PennMUSH's settings, from standard input to stayd's configuration. Held: what is refused is said
// why; what is taken becomes a configuration that stayd takes, too, and in which each name of a
// file is the one that was meant.
//
// Input: lines for ssl_port, require and keepalive (numbers), the game's folder, ssl_ip_addr (an
// address: names would be looked up), socket_file, private_key_file, certificate_file, ca_file. It
// is also read as it is, as settings of the wrong size or of another PennMUSH.
//
// Errors: abort.
#include "base/address.h"
#include "conf/conf.h"
#include "dropin/configuration.h"
#include "fuzz.h"
#include "place.h"

#include <arpa/inet.h>
#include <limits.h>

static char error[2048];

static bool read_settings(struct settings *settings, const void *bytes, size_t n)
{
    error[0] = '\0';
    bool is_read = settings_read(settings, bytes, n, error, sizeof error);
    hold(is_read == (error[0] == '\0'));
    return is_read;
}

static void take_text(struct fuzz_input *input, char *to, size_t size)
{
    char *line = fuzz_line(input);
    memcpy(to, line, strnlen(line, size));
    free(line);
}

static void take_settings(struct fuzz_input *input, struct settings *settings, char home[PATH_MAX])
{
    char numbers[64] = "", address[64] = "";
    struct in6_addr in;
    *settings = (struct settings){.normal_port = 4201};
    take_text(input, numbers, sizeof numbers - 1);
    sscanf(numbers, "%d %d %d", &settings->ssl_port, &settings->require_client_cert,
           &settings->keepalive_timeout);
    home[0] = '/';
    take_text(input, home + 1, 400);
    take_text(input, address, sizeof address - 1);
    if (inet_pton(AF_INET, address, &in) == 1 || inet_pton(AF_INET6, address, &in) == 1)
        memcpy(settings->ssl_ip_addr, address, sizeof address);
    take_text(input, settings->socket_file, SETTINGS_PATH_BYTES);
    take_text(input, settings->private_key_file, SETTINGS_PATH_BYTES);
    take_text(input, settings->certificate_file, SETTINGS_PATH_BYTES);
    take_text(input, settings->ca_file, SETTINGS_PATH_BYTES);
}

static void hold_path(const char *home, const char *file, const char *path)
{
    size_t n_home = strlen(home);
    if (*file == '/')
        hold(strcmp(path, file) == 0);
    else
        hold(strncmp(path, home, n_home) == 0 && path[n_home] == '/' &&
             strcmp(path + n_home + 1, file) == 0);
}

static void hold_conf(const struct conf *conf, const struct settings *settings, const char *home)
{
    const struct conf_listener *listener = &conf->listener[0];
    const struct conf_game *game = &conf->game[0];
    uint8_t bytes[16];
    uint16_t port;
    hold(conf->n_listeners == 1 && conf->n_games == 1);
    hold(address_to_bytes((const struct sockaddr *)&listener->address[0].sockaddr, bytes, &port));
    hold(port == settings->ssl_port && listener->is_tls);
    hold(game->header == CONF_PENNMUSH && game->links == CONF_LINKS_CONNECTOR);
    hold(strncmp(game->connect, "unix:", 5) == 0);
    hold_path(home, settings->socket_file, game->connect + 5);
    hold((listener->client_ca != NULL) == (settings->require_client_cert == 1));
    if (listener->client_ca)
        hold_path(home, settings->ca_file, listener->client_ca);
    if (listener->n_certificates > 0 && settings->private_key_file[0] == '\0')
        hold_path(home, settings->certificate_file, listener->certificate[0]);
}

// As main.c goes on with settings that were taken.
static void configure(const struct settings *settings, const char *home)
{
    static struct conf conf;
    char folder[STAY_PATH_BYTES];
    struct fuzz_memory complaints;
    error[0] = '\0';
    if (!configuration_folder(settings, home, folder, sizeof folder, error, sizeof error)) {
        hold(error[0] != '\0');
        return;
    }
    if (!stay_place_is_short(folder))
        return;
    char *text = configuration_write(settings, home, folder, error, sizeof error);
    hold((text != NULL) == (error[0] == '\0'));
    if (!text)
        return;
    const char *path = fuzz_file(text, strlen(text));
    hold(conf_load(&conf, path, fuzz_open(&complaints)) == 0);
    hold_conf(&conf, settings, home);
    free(fuzz_text(&complaints));
    conf_free(&conf);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings, wanted;
    struct fuzz_input input = {data, size};
    char home[PATH_MAX] = "";
    hold(!read_settings(&settings, data, size) || size == SETTINGS_BYTES);
    take_settings(&input, &wanted, home);
    if (!read_settings(&settings, &wanted, sizeof wanted))
        return 0;
    hold(memcmp(&settings, &wanted, sizeof settings) == 0);
    configure(&settings, home);
    return 0;
}
