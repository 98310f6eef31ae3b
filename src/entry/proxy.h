// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading a header of the PROXY protocol (haproxy's proxy-protocol.txt, sections 2.1 and 2.2): what a
// balancer says, before all else, of the player whose connection it passes on. Whether it may say so
// is the caller's question (`proxy` in [listen]).
//
// Sans-I/O: the caller keeps the bytes, and learns how many of them are the header's, so that none
// of the player's is taken with them.
//
// Errors: words; nothing of a header that is wrong counts.
#ifndef STAYD_ENTRY_PROXY_H
#define STAYD_ENTRY_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_V1_BYTES 107u // the longest line, with its end
#define PROXY_BYTES 4096u   // the longest header that is taken

enum proxy_look {
    PROXY_NONE,  // these bytes begin no header
    PROXY_MORE,  // they may be the beginning of one, and all are its
    PROXY_WHOLE, // the first *n_header of them are one
    PROXY_LONG,  // it would be longer than it may be
};

// How much of the bytes is a header, which begins with the first one? n may be 0.
enum proxy_look proxy_look(const uint8_t *bytes, size_t n, size_t *n_header);

// Is this what a header begins with, for certain? Of what follows nothing is looked at.
bool proxy_begins(const uint8_t *bytes, size_t n);

// Bytes within the header; n is 0 if it does not say this.
struct proxy_span {
    const uint8_t *at;
    size_t n;
};

struct proxy {
    bool is_local;            // the balancer's own connection, for nobody: a health check
    bool is_named;            // the following four are known; else the connection's own ends count
    uint8_t from[16], to[16]; // as in base/address.h
    uint16_t from_port, to_port;
    bool is_tls;                             // the player speaks TLS with the balancer; then:
    uint8_t client;                          // PP2_CLIENT_*
    uint32_t verify;                         // of the player's certificate: 0, or why not
    struct proxy_span version, cipher, name; // texts; name: the certificate's common name
    struct proxy_span authority, alpn, id;
};

#define PROXY_CLIENT_SSL 1u
#define PROXY_CLIENT_CERT 6u // shown in this connection, in this session

// Read a whole header. NULL, or what is wrong with it, in words of ours.
const char *proxy_read(const uint8_t *bytes, size_t n, struct proxy *proxy);

#endif
