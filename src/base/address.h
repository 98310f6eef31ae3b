// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Internet addresses as text, as struct sockaddr, and as the 16 bytes that the
// vault keeps (IPv4 as ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2).
//
// Errors: returned, in words where a person wrote the text.
#ifndef STAYD_BASE_ADDRESS_H
#define STAYD_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

// Room for any address as text: "[" 45 characters "]:65535" and the end.
#define ADDRESS_TEXT_BYTES 56u

// Read "192.0.2.7:4202", "[2001:db8::1]:4202" or, when default_port is not 0, the
// same without a port ("192.0.2.7", "[2001:db8::1]", "2001:db8::1"). Host names
// are refused. An IPv4-mapped address is given as IPv4. Returns NULL, or what is wrong and what would
// be right.
const char *address_parse(const char *text, uint16_t default_port, struct sockaddr_storage *address,
                          socklen_t *n_bytes);

// The 16-byte form and the port of an AF_INET or AF_INET6 address. False, and
// all zeros, for any other family. port may be NULL.
bool address_to_bytes(const struct sockaddr *address, uint8_t bytes[16], uint16_t *port);

// The other way: AF_INET for mapped addresses, AF_INET6 for all others. Returns the length.
socklen_t address_from_bytes(const uint8_t bytes[16], uint16_t port,
                             struct sockaddr_storage *address);

bool address_is_ipv4(const uint8_t bytes[16]); // mapped
bool address_is_loopback(const struct sockaddr *address);

// "192.0.2.7", "2001:db8::1". Returns text.
const char *address_print(char text[ADDRESS_TEXT_BYTES], const uint8_t bytes[16]);

// "192.0.2.7:4202", "[2001:db8::1]:4202"; "-" for other families. An address that is mapped
// prints as IPv4. Returns text.
const char *address_print_port(char text[ADDRESS_TEXT_BYTES], const struct sockaddr *address);

#endif
