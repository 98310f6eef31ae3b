// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What PennMUSH tells its ssl_slave on standard input: its struct ssl_slave_config
// (hdrs/ssl_slave.h of PennMUSH 1.8.8), in the byte order of this machine. Sans-I/O.
//
// Errors: false, with words that say what is wrong and what to do.
#ifndef STAYD_DROPIN_SETTINGS_H
#define STAYD_DROPIN_SETTINGS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS_BYTES 1364u
#define SETTINGS_PATH_BYTES 256u

struct settings {
    char socket_file[SETTINGS_PATH_BYTES]; // where the game listens; relative to its folder
    char ssl_ip_addr[64];                  // "": every address
    int32_t normal_port;
    int32_t ssl_port;
    int32_t websock_port;                       // never set
    char private_key_file[SETTINGS_PATH_BYTES]; // may hold the certificate, too
    char certificate_file[SETTINGS_PATH_BYTES]; // may hold the key, too
    char ca_file[SETTINGS_PATH_BYTES];
    char ca_dir[SETTINGS_PATH_BYTES];
    int32_t require_client_cert;
    int32_t keepalive_timeout; // s
};

static_assert(sizeof(struct settings) == SETTINGS_BYTES, "PennMUSH's struct");
static_assert(offsetof(struct settings, ssl_port) == 324, "PennMUSH's struct");
static_assert(offsetof(struct settings, private_key_file) == 332, "PennMUSH's struct");
static_assert(offsetof(struct settings, require_client_cert) == 1356, "PennMUSH's struct");

// Can this name of a file stand in stayd's configuration, also in a list?
bool settings_is_path(const char *path);

bool settings_read(struct settings *settings, const void *bytes, size_t n_bytes, char *error,
                   size_t error_size);

#endif
