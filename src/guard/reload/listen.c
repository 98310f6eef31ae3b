// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Listening sockets (listen.h). A socket's place in heritage.socket is its place in the vault's
// guard_fds, and no place that the heritage before uses is used anew: until its last process is
// dead, both sets can be claimed together (I22).
#include "guard/reload/listen.h"

#include "base/address.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024

static_assert(HERITAGE_SOCKETS + HERITAGE_MAX_SOCKETS <= VAULT_GUARD_FDS, "guard_fds");

// Are there sockets of this family? A shortage passes, and is no answer.
static bool has_family(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
}

static void drop_address(struct conf_listener *listener, unsigned index)
{
    struct conf_address *it = &listener->address[index];
    free(it->text);
    listener->n_addresses--;
    memmove(it, it + 1, (listener->n_addresses - index) * sizeof *it);
    listener->address[listener->n_addresses] = (struct conf_address){0};
}

// False: it would listen nowhere.
static bool fit_listener(struct conf_listener *listener, const char *path, FILE *complaints,
                         FILE *remarks)
{
    static const char why[] =
        "this kernel has no %s, or does not let stayd have it (as a unit, see "
        "RestrictAddressFamilies=)";
    for (unsigned i = 0; i < listener->n_addresses;) {
        int family = listener->address[i].sockaddr.ss_family;
        if (has_family(family)) {
            i++;
            continue;
        }
        bool is_last = listener->n_addresses == 1;
        FILE *out = is_last ? complaints : remarks;
        fprintf(out, "%s:%d: [listen %s] %s on %s: ", path, listener->line, listener->name,
                is_last ? "cannot listen" : "does not listen", listener->address[i].text);
        fprintf(out, why, family == AF_INET6 ? "IPv6" : "IPv4");
        fprintf(out, is_last ? "; write %s:PORT\n" : "; the other addresses serve\n",
                family == AF_INET6 ? "0.0.0.0" : "[::]");
        if (is_last)
            return false;
        drop_address(listener, i);
    }
    return true;
}

bool listen_fit(struct conf *conf, FILE *complaints, FILE *remarks)
{
    for (unsigned i = 0; i < conf->n_listeners; i++)
        if (!fit_listener(&conf->listener[i], conf->path, complaints, remarks))
            return false;
    return true;
}

// Without listening it only is found out whether the address can be had.
static int open_socket(const struct conf_address *address, bool listens)
{
    int on = 1;
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->sockaddr.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address->sockaddr, address->sockaddr_bytes) == 0 &&
        (!listens || listen(fd, BACKLOG) == 0))
        return fd;
    fd_close(fd);
    return -1;
}

static bool cannot_listen(const struct conf *conf, const struct conf_listener *listener,
                          const char *address, bool is_reload, FILE *complaints)
{
    const char *hint = errno == EADDRINUSE && is_reload
                           ? "; another program has it (see ss -ltnp), or stayd itself, by an "
                             "address that is to go: remove that one first, with a reload of its "
                             "own"
                       : errno == EADDRINUSE    ? "; another program has it: see ss -ltnp"
                       : errno == EADDRNOTAVAIL ? "; this machine has no such address: see ip addr"
                       : errno == EACCES        ? "; ports below 1024 need rights"
                                                : "";
    int error = errno;
    fprintf(complaints, "%s:%d: [listen %s] cannot listen on %s: %s%s\n", conf->path,
            listener->line, listener->name, address, strerror(error), hint);
    return false;
}

static const struct conf_address *address_of(const struct heritage *heritage, unsigned place)
{
    const struct heritage_socket *it = &heritage->socket[place];
    return &heritage->conf.listener[it->listener].address[it->address];
}

bool listen_check(const struct conf *conf, bool is_running, FILE *complaints)
{
    bool is_good = true;
    for (unsigned i = 0; i < conf->n_listeners; i++)
        for (unsigned j = 0; j < conf->listener[i].n_addresses; j++) {
            const struct conf_address *address = &conf->listener[i].address[j];
            int fd = open_socket(address, false);
            if (fd >= 0)
                close(fd);
            else if (errno != EADDRINUSE || !is_running)
                is_good = cannot_listen(conf, &conf->listener[i], address->text, false, complaints);
        }
    return is_good;
}

// The place of the socket that listens there, or HERITAGE_MAX_SOCKETS.
static unsigned find_place(const struct heritage *heritage, const struct conf_address *address)
{
    for (unsigned i = 0; i < heritage->n_sockets; i++) {
        if (heritage->socket[i].fd < 0)
            continue;
        const struct conf_address *other = address_of(heritage, i);
        if (other->sockaddr_bytes == address->sockaddr_bytes &&
            memcmp(&other->sockaddr, &address->sockaddr, address->sockaddr_bytes) == 0)
            return i;
    }
    return HERITAGE_MAX_SOCKETS;
}

static bool is_free(const struct heritage *heritage, unsigned place)
{
    return place >= heritage->n_sockets || heritage->socket[place].fd < 0;
}

static unsigned find_free(const struct heritage *heritage, const struct heritage *before)
{
    unsigned place = 0;
    while (place < HERITAGE_MAX_SOCKETS && !(is_free(heritage, place) && is_free(before, place)))
        place++;
    return place;
}

static void put(struct heritage *heritage, unsigned place, struct heritage_socket socket)
{
    heritage->socket[place] = socket;
    if (heritage->n_sockets <= place)
        heritage->n_sockets = place + 1;
}

static bool open_one(struct heritage *heritage, const struct heritage *before, unsigned listener,
                     unsigned address, FILE *complaints)
{
    const struct conf_listener *conf = &heritage->conf.listener[listener];
    const struct conf_address *where = &conf->address[address];
    struct heritage_socket it = {.listener = (uint16_t)listener, .address = (uint16_t)address};
    unsigned place = find_place(before, where);
    if (place < HERITAGE_MAX_SOCKETS) {
        it.fd = before->socket[place].fd;
        put(heritage, place, it);
        return true;
    }
    place = find_free(heritage, before);
    if (place == HERITAGE_MAX_SOCKETS) {
        fprintf(complaints, "%s: more than %u addresses to listen on\n", heritage->conf.path,
                HERITAGE_MAX_SOCKETS);
        return false;
    }
    char text[ADDRESS_TEXT_BYTES];
    address_print_port(text, (const struct sockaddr *)&where->sockaddr);
    it.fd = open_socket(where, true);
    bool is_reload = before->n_sockets > 0;
    if (it.fd < 0) {
        int error = errno;
        if (!is_reload)
            log_event(LOG_SYSTEM, "what=\"listen\" address=%s error=\"%s\"", text, strerror(error));
        errno = error;
        return cannot_listen(&heritage->conf, conf, text, is_reload, complaints);
    }
    put(heritage, place, it);
    log_event(LOG_LISTEN, "listener=%s address=%s tls=%s", conf->name, text,
              conf->is_tls ? "yes" : "no");
    return true;
}

static void close_new(struct heritage *heritage, const struct heritage *before)
{
    for (unsigned i = 0; i < heritage->n_sockets; i++)
        if (!is_free(heritage, i) && is_free(before, i)) {
            close(heritage->socket[i].fd);
            heritage->socket[i].fd = -1;
        }
}

bool listen_open(struct heritage *heritage, const struct heritage *before, FILE *complaints)
{
    heritage->n_sockets = 0;
    for (unsigned i = 0; i < HERITAGE_MAX_SOCKETS; i++)
        heritage->socket[i].fd = -1;
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++)
        for (unsigned j = 0; j < heritage->conf.listener[i].n_addresses; j++)
            if (!open_one(heritage, before, i, j, complaints)) {
                close_new(heritage, before);
                return false;
            }
    return true;
}

bool listen_is_new(const struct heritage *heritage, const struct heritage *before)
{
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++)
        for (unsigned j = 0; j < heritage->conf.listener[i].n_addresses; j++)
            if (find_place(before, &heritage->conf.listener[i].address[j]) == HERITAGE_MAX_SOCKETS)
                return true;
    return false;
}

void listen_claim_more(const struct heritage *heritage)
{
    for (unsigned i = 0; i < heritage->n_sockets; i++)
        if (!is_free(heritage, i))
            vault_guard_fds(&heritage->vault)[HERITAGE_SOCKETS + i] = heritage->socket[i].fd;
}

void listen_claim(const struct heritage *heritage)
{
    _Atomic int32_t *claims = vault_guard_fds(&heritage->vault) + HERITAGE_SOCKETS;
    for (unsigned i = 0; i < HERITAGE_MAX_SOCKETS; i++) {
        int fd = is_free(heritage, i) ? -1 : heritage->socket[i].fd;
        if (claims[i] >= 0 && claims[i] != fd)
            shutdown(claims[i], SHUT_RDWR);
        claims[i] = fd;
    }
}

void listen_log_gone(const struct heritage *heritage, const struct heritage *before)
{
    for (unsigned i = 0; i < before->n_sockets; i++) {
        if (is_free(before, i) || !is_free(heritage, i))
            continue;
        char text[ADDRESS_TEXT_BYTES];
        address_print_port(text, (const struct sockaddr *)&address_of(before, i)->sockaddr);
        log_event(LOG_LISTEN_GONE, "listener=%s address=%s",
                  before->conf.listener[before->socket[i].listener].name, text);
    }
}
