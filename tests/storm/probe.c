// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See probe.h.
#include "probe.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "player.h"

#define PROBE_PATIENCE_S 10

static int reach(uint32_t address, uint16_t port)
{
    const struct timeval patience = {.tv_sec = PROBE_PATIENCE_S};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

bool probe_listens(uint32_t address, uint16_t port)
{
    int fd = reach(address, port);
    close(fd);
    return fd >= 0;
}

static long read_serial(SSL *ssl)
{
    X509 *certificate = SSL_connect(ssl) == 1 ? SSL_get1_peer_certificate(ssl) : NULL;
    if (certificate == NULL)
        return -1;
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    SSL_shutdown(ssl);
    return serial;
}

long probe_serial(uint16_t port)
{
    long serial = -1;
    int fd = reach(PORTS_ADDRESS, port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = context != NULL ? SSL_new(context) : NULL;
    if (fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1)
        serial = read_serial(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return serial;
}
