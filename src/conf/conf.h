// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The configuration: one INI file, read into plain data. What options there are,
// with type, range, default, unit and help, stands in conf/options.def only;
// the parser, `stayd --options` and the manual's tables come from there.
//
// A struct conf owns all that it points to. It is made by the guard, at start and at a reload, and
// is only read afterwards; processes cloned later share it by copy-on-write.
//
// Slots name listeners and games by index. So after a reload (conf/align.h) a name has the index
// that it had, and the arrays can have holes: without a name, an address, anybody.
#ifndef STAYD_CONF_CONF_H
#define STAYD_CONF_CONF_H

#include "base/networks.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define CONF_MAX_LISTENERS 32u
#define CONF_MAX_GAMES 32u
#define CONF_MAX_ADDRESSES 8u
#define CONF_MAX_CERTIFICATES 16u
#define CONF_MAX_NAME_SERVERS 4u
#define CONF_MAX_SNI 8u
#define CONF_MAX_PROXY 32u
#define CONF_CONTROL_CONNECTIONS 64u
#define CONF_NAME_BYTES 64u
#define CONF_TEXT_BYTES 240u // longest text said to players
#define CONF_FOREVER UINT64_MAX

enum conf_header { CONF_PROXY_V2, CONF_PROXY_V1, CONF_PENNMUSH, CONF_HEADER_NONE };
enum conf_names { CONF_NAMES_OFF, CONF_NAMES_ON, CONF_NAMES_NO_WAIT };
enum conf_client_certificates {
    CONF_CLIENT_CERTIFICATES_NO,
    CONF_CLIENT_CERTIFICATES_ASK,
    CONF_CLIENT_CERTIFICATES_REQUIRE,
};
enum conf_links { CONF_LINKS_DIRECT, CONF_LINKS_CONNECTOR };

enum conf_shutdown { CONF_SHUTDOWN_HOLD, CONF_SHUTDOWN_END };

// What stayd itself says to players.
enum conf_text {
    CONF_TEXT_WAIT, // the player has come, and the game does not answer yet
    CONF_TEXT_AWAY, // the game is gone
    CONF_TEXT_BACK, // the game is here again
    CONF_TEXT_GONE, // the game did not come back in time; the player is ended
    CONF_N_TEXTS,
};

// A listener's IPv6 addresses are to be bound with IPV6_V6ONLY: "[::]:4202, 0.0.0.0:4202" is one
// socket for each family.
struct conf_address {
    struct sockaddr_storage sockaddr; // AF_INET or AF_INET6, port set
    socklen_t sockaddr_bytes;
    char *text; // as written
};

struct conf_listener {
    char name[CONF_NAME_BYTES]; // "": a hole
    bool is_gone;               // no longer in the file; players who came by it may live
    int line;                   // of the section, for messages
    struct conf_address address[CONF_MAX_ADDRESSES];
    unsigned n_addresses;
    struct networks proxy; // who must send a PROXY header, and nobody else may come; empty: none
    bool is_tls;
    char *certificate[CONF_MAX_CERTIFICATES]; // files; the first is for clients that name no host
    char *key[CONF_MAX_CERTIFICATES]; // same index; NULL: the key stands in certificate's file
    unsigned n_certificates;          // 0 with is_tls: a self-signed one is made
    enum conf_client_certificates client_certificates;
    char *client_ca;       // NULL: any certificate is taken, none is verified
    char *alpn;            // "a,b", each 1 to 255 bytes; NULL: none is chosen
    uint16_t tls_min;      // 0x0303 or 0x0304
    uint64_t keepalive_ms; // 0: off
    unsigned game;         // index into conf.game
};

struct conf_game {
    char name[CONF_NAME_BYTES]; // "": a hole
    bool is_gone;               // no longer in the file; its players stay, nobody new is led to it
    int line;
    struct sockaddr_storage sockaddr; // AF_UNIX, AF_INET or AF_INET6
    socklen_t sockaddr_bytes;
    char *connect; // as written
    enum conf_header header;
    enum conf_links links;   // who makes the connections to it
    char *sni[CONF_MAX_SNI]; // names by which players' programs can ask for it; unused ones NULL
    char *pid_file;          // TCP: where the game writes its process id; NULL: nowhere
    bool is_telnet;
    bool may_compress;
    bool is_mnes;
    bool is_forwarded;
    uint64_t hold_ms; // CONF_FOREVER possible
    char *user;       // who may speak for it on the control socket; NULL: admins alone
    uid_t user_uid;   // looked up when the configuration was read
    bool has_user;
    enum conf_shutdown on_shutdown;
    uint64_t shutdown_wait_ms;
    uint32_t reconnect_rate;  // links a second
    char *text[CONF_N_TEXTS]; // without the line's end; "": say nothing
};

// Networks that stand in a file of their own (conf_read_lists).
struct conf_list {
    char *file; // NULL: none
    char *text; // the file's bytes as they were read; NULL: none were
    size_t n_text;
    struct networks networks;
};

struct conf {
    char *path; // the file's absolute path
    char *text; // its bytes as they were read, for another process (conf/copy.h)
    size_t n_text;
    char *control;
    char *user;             // NULL: do not change
    char *upgrade_programs; // absolute paths, "PATH,PATH"; NULL: none
    uint32_t max_players;
    uint32_t max_players_per_address; // 0: no limit; so the next two
    uint32_t max_handshakes;
    uint32_t max_handshakes_per_address;
    uint32_t connections_per_second; // of one address
    struct conf_list allow;          // without a file everybody
    struct conf_list deny;
    struct conf_list exempt; // from limits per address
    uint64_t handshake_timeout_ms;
    uint32_t workers;
    char *log;
    unsigned log_level; // enum log_level
    uint64_t stop_timeout_ms;
    uint32_t store_players;
    bool watches_certificates;
    enum conf_names names;
    uint64_t name_timeout_ms;
    struct conf_address name_server[CONF_MAX_NAME_SERVERS];
    unsigned n_name_servers; // 0: the system's
    struct conf_listener listener[CONF_MAX_LISTENERS];
    unsigned n_listeners;
    struct conf_game game[CONF_MAX_GAMES];
    unsigned n_games;
};

// Complaints are written to `complaints` as whole lines, each "FILE:LINE: what is wrong; what would
// be right". All mistakes of a file are reported, not only the first.
// Returns the number of mistakes; 0: *conf is complete and consistent, otherwise it is empty.
// Files are not opened here (certificates: entry/certs.h), but a user must exist.
int conf_load(struct conf *conf, const char *path, FILE *complaints);

// Then read the files of `allow`, `deny` and `exempt`. Without the last, this machine's own addresses
// are exempt. Returns the number of mistakes, complained about as above, each in its file; *conf
// is then still to be freed.
int conf_read_lists(struct conf *conf, FILE *complaints);
void conf_free(struct conf *conf);

// Print every option with form, range, default, unit and help: for a terminal (stayd --options),
// and as the tables in doc/man/stayd.conf.5.
void conf_print_options(FILE *out);
void conf_print_options_mdoc(FILE *out);

// Do balancers connect here, and nobody else?
bool conf_is_behind(const struct conf_listener *listener);

// The game for who comes by this listener over this version of TLS (0: plain) and asks for this host
// (SNI, without a dot at its end; "" or NULL: for none). CONF_NO_GAME: for one whose own listeners
// are all stricter, and would not let in everybody who comes by this one.
#define CONF_NO_GAME UINT32_MAX
unsigned conf_game_for(const struct conf *conf, const struct conf_listener *by, const char *name,
                       uint16_t tls_version);

// Say where names are not followed for that reason.
void conf_remark_names(const struct conf *conf, FILE *remarks);

#endif
