// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading PennMUSH's settings (settings.h): strictly, because another PennMUSH may have another
// struct, and what would be read then is nonsense.
#include "dropin/settings.h"

#include "words.h"

#include <string.h>

#define OTHER_VERSION "this PennMUSH is not one that this stayd-ssl-slave knows (1.8.8)"

// Text that ends, is printable, and can stand as a value in stayd's configuration.
static bool is_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return n < size;
}

bool settings_is_path(const char *path)
{
    size_t n = strlen(path);
    return n > 0 && path[0] != ' ' && path[n - 1] != ' ' && path[strcspn(path, ",\"")] == '\0' &&
           !strstr(path, " ;") && !strstr(path, " #") && path[0] != '\'' && is_text(path, n + 1);
}

static bool check_file(const char *option, const char *path, char *error, size_t error_size)
{
    if (!is_text(path, SETTINGS_PATH_BYTES))
        return stay_words(error, error_size,
                          "%s is no name of a file; " OTHER_VERSION ", so use its own ssl_slave",
                          option);
    return *path == '\0' || settings_is_path(path) ||
           stay_words(error, error_size,
                      "%s = %s: stayd's configuration cannot hold this name; rename the file "
                      "without commas, quotes, semicolons, # and blanks around it, and write it so "
                      "into mush.cnf",
                      option, path);
}

static bool check_files(const struct settings *settings, char *error, size_t error_size)
{
    return check_file("socket_file", settings->socket_file, error, error_size) &&
           check_file("ssl_private_key_file", settings->private_key_file, error, error_size) &&
           check_file("ssl_certificate_file", settings->certificate_file, error, error_size) &&
           check_file("ssl_ca_file", settings->ca_file, error, error_size) &&
           check_file("ssl_ca_dir", settings->ca_dir, error, error_size);
}

// PennMUSH itself does not let through what is absurd here.
static bool check_numbers(const struct settings *settings, char *error, size_t error_size)
{
    bool is_sane = settings->ssl_port > 0 && settings->ssl_port <= 65535 &&
                   settings->normal_port >= 0 && settings->normal_port <= 65535 &&
                   settings->require_client_cert >= 0 && settings->require_client_cert <= 1 &&
                   settings->keepalive_timeout >= 0 &&
                   is_text(settings->ssl_ip_addr, sizeof settings->ssl_ip_addr);
    if (is_sane)
        return true;
    return stay_words(error, error_size,
                      "the settings make no sense (ssl_port %d, port %d); " OTHER_VERSION
                      ", so use its own ssl_slave",
                      settings->ssl_port, settings->normal_port);
}

bool settings_read(struct settings *settings, const void *bytes, size_t n_bytes, char *error,
                   size_t error_size)
{
    if (n_bytes != SETTINGS_BYTES)
        return stay_words(
            error, error_size,
            "%zu bytes of settings came on standard input instead of %u; " OTHER_VERSION
            ", so use its own ssl_slave (and it is PennMUSH that starts this "
            "program, as ./ssl_slave)",
            n_bytes, SETTINGS_BYTES);
    memcpy(settings, bytes, sizeof *settings);
    if (!check_numbers(settings, error, error_size) || !check_files(settings, error, error_size))
        return false;
    if (settings->socket_file[0] == '\0')
        return stay_words(error, error_size,
                          "there is no socket_file; write socket_file data/netmush.sock into "
                          "mush.cnf");
    if (settings->require_client_cert && settings->ca_file[0] == '\0')
        return stay_words(error, error_size,
                          "ssl_require_client_cert without ssl_ca_file: nobody could get in; put "
                          "the certificates that you trust into one file and name it as "
                          "ssl_ca_file in mush.cnf (ssl_ca_dir is not read)");
    return true;
}
