// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who stayd announces: the PROXY header, version 2 or 1, at the front of a connection. Exactly its
// bytes are read; what follows is the game's.
//
// Errors: false; whoever speaks as stayd and announces nobody is not let in.
#ifndef STAYD_PRELOAD_ANNOUNCE_H
#define STAYD_PRELOAD_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// stayd writes the header together with its connect, so that it has come already, or comes in a
// moment. Nobody but those who may speak as stayd can make the game wait.
#define ANNOUNCE_WAIT_MS 250u

enum announce_status { ANNOUNCE_MORE, ANNOUNCE_DONE, ANNOUNCE_BAD };

// Parse the n bytes that have come so far. ANNOUNCE_DONE: *player is the player's address,
// IPv4-mapped as IPv4, and the header is *n_header bytes long. Sans-I/O.
enum announce_status announce_parse(const uint8_t *in, size_t n, struct sockaddr_storage *player,
                                    size_t *n_header);

// Take the header off fd, which may block or not; it is waited for no longer than ANNOUNCE_WAIT_MS.
bool announce_take(int fd, struct sockaddr_storage *player);

// The address as a game sees it whose sockets are of this family. For AF_INET6 IPv4 is mapped. For
// AF_INET an IPv6 address becomes one of 240.0.0.0/4, which nobody has (RFC 1112, section 4):
// always the same one for the same /64, which is what one customer of a provider has. So a site
// lock on it keeps out whom it is meant for.
void announce_fit(struct sockaddr_storage *player, sa_family_t family);

#endif
