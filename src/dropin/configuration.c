// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Mapping mush.cnf to stayd.conf (configuration.h).
//
//   ssl_ip_addr, ssl_port              [listen tls] address
//   ssl_private_key_file,
//   ssl_certificate_file               certificate, key; no such files: a self-signed one is made
//   ssl_require_client_cert            client-certificates = require; without it nobody is asked,
//                                      as by PennMUSH
//   ssl_ca_file                        client-ca
//   keepalive_timeout                  keepalive
//   socket_file                        [game pennmush] connect
//
// Errors: words.
#include "dropin/configuration.h"

#include "place.h"
#include "words.h"

#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_KEEPALIVE_S 86400

static bool join(char *path, size_t size, const char *home, const char *file, char *error,
                 size_t error_size)
{
    int n =
        *file == '/' ? snprintf(path, size, "%s", file) : snprintf(path, size, "%s/%s", home, file);
    if (n >= 0 && (size_t)n < size)
        return true;
    return stay_words(error, error_size, "%s/%s: this path is too long", home, file);
}

bool configuration_folder(const struct settings *settings, const char *home, char *folder,
                          size_t folder_size, char *error, size_t error_size)
{
    char socket[PATH_MAX];
    if (!settings_is_path(home))
        return stay_words(
            error, error_size,
            "%s: stayd's configuration cannot hold the name of this folder; rename it "
            "without commas, quotes and semicolons",
            home);
    if (!join(socket, sizeof socket, home, settings->socket_file, error, error_size))
        return false;
    if (strlen(socket) >= STAY_PATH_BYTES)
        return stay_words(error, error_size,
                          "%s: stayd cannot reach a socket by a path of more than %zu bytes; name "
                          "a shorter one as socket_file in mush.cnf, in a folder where only the "
                          "game's user can write",
                          socket, STAY_PATH_BYTES - 1);
    *strrchr(socket, '/') = '\0';
    return join(folder, folder_size, socket, CONFIGURATION_FOLDER, error, error_size);
}

// Has the file a PEM block whose name ends so?
static bool has_block(const char *path, const char *name)
{
    char line[256];
    bool is_found = false;
    FILE *file = fopen(path, "re");
    while (file && !is_found && fgets(line, sizeof line, file))
        is_found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, name);
    if (file)
        fclose(file);
    return is_found;
}

// PennMUSH takes each from the key's file if it is there, else from the certificate's.
static const char *choose(const struct settings *settings, const char *name)
{
    const char *first = settings->private_key_file;
    const char *second = settings->certificate_file;
    return *first && (*second == '\0' || has_block(first, name)) ? first : second;
}

bool configuration_has_certificate(const struct settings *settings)
{
    return access(settings->private_key_file, F_OK) == 0 ||
           access(settings->certificate_file, F_OK) == 0;
}

static bool write_file(FILE *out, const char *key, const char *home, const char *file, char *error,
                       size_t error_size)
{
    char path[PATH_MAX];
    if (*file == '\0')
        return true;
    if (!join(path, sizeof path, home, file, error, error_size))
        return false;
    fprintf(out, "%s = %s\n", key, path);
    return true;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_here = fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) == 0;
    if (fd >= 0)
        close(fd);
    return is_here;
}

// As PennMUSH does: the first address that the name has.
static bool write_address(FILE *out, const struct settings *settings, char *error,
                          size_t error_size)
{
    char host[INET6_ADDRSTRLEN + 16];
    struct addrinfo wish = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (settings->ssl_ip_addr[0] == '\0') {
        if (has_ipv6())
            fprintf(out, "address = [::]:%d, 0.0.0.0:%d\n", settings->ssl_port, settings->ssl_port);
        else
            fprintf(out, "address = 0.0.0.0:%d\n", settings->ssl_port);
        return true;
    }
    int reason = getaddrinfo(settings->ssl_ip_addr, NULL, &wish, &found);
    if (reason == 0)
        reason = getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, NULL, 0,
                             NI_NUMERICHOST);
    if (reason == 0)
        fprintf(out, found->ai_family == AF_INET6 ? "address = [%s]:%d\n" : "address = %s:%d\n",
                host, settings->ssl_port);
    if (found)
        freeaddrinfo(found);
    return reason == 0 || stay_words(error, error_size,
                                     "ssl_ip_addr = %s: %s; name an address of this machine in "
                                     "mush.cnf, or none",
                                     settings->ssl_ip_addr, gai_strerror(reason));
}

static bool write_certificate(FILE *out, const struct settings *settings, const char *home,
                              char *error, size_t error_size)
{
    return !configuration_has_certificate(settings) ||
           (write_file(out, "certificate", home, choose(settings, "CERTIFICATE"), error,
                       error_size) &&
            write_file(out, "key", home, choose(settings, "PRIVATE KEY"), error, error_size));
}

static bool write_listener(FILE *out, const struct settings *settings, const char *home,
                           char *error, size_t error_size)
{
    int keepalive_s = settings->keepalive_timeout;
    fprintf(out, "[listen tls]\n");
    if (!write_address(out, settings, error, error_size) ||
        !write_certificate(out, settings, home, error, error_size))
        return false;
    if (settings->require_client_cert) {
        fprintf(out, "client-certificates = require\n");
        if (!write_file(out, "client-ca", home, settings->ca_file, error, error_size))
            return false;
    }
    fprintf(out, "keepalive = %ds\n",
            keepalive_s > MAX_KEEPALIVE_S ? MAX_KEEPALIVE_S : keepalive_s);
    return true;
}

static bool write_all(FILE *out, const struct settings *settings, const char *home,
                      const char *folder, char *error, size_t error_size)
{
    char socket[PATH_MAX];
    fprintf(out,
            CONFIGURATION_MARK
            ";\n# change mush.cnf instead. Or take these lines away: then the file is yours.\n\n"
            "[stayd]\ncontrol = %s/" STAY_CONTROL "\nlog = %s/" STAY_LOG "\n\n",
            folder, folder);
    if (!write_listener(out, settings, home, error, error_size) ||
        !join(socket, sizeof socket, home, settings->socket_file, error, error_size))
        return false;
    fprintf(out,
            "\n[game " CONFIGURATION_GAME "]\nconnect = unix:%s\nheader = pennmush\n"
            "links = connector\n",
            socket);
    return true;
}

char *configuration_write(const struct settings *settings, const char *home, const char *folder,
                          char *error, size_t error_size)
{
    char *text = NULL;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    if (!out) {
        stay_words(error, error_size, "no memory");
        return NULL;
    }
    bool is_good = write_all(out, settings, home, folder, error, error_size);
    if (fclose(out) != 0) {
        stay_words(error, error_size, "no memory");
        is_good = false;
    }
    if (is_good)
        return text;
    free(text);
    return NULL;
}
