// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player: a TLS connection of OpenSSL, or a plain one, with a verified stream each way. It
// talks in bursts with pauses, stops reading at times, sends KeyUpdates (TLS 1.3), asks for some
// in return, and never forgives: whatever is not as a perfect connection would have it is
// given to the verdict.
//
// A player who stays talks until told to stop. A visitor has a quota each way;
// then either the game ends the connection or the visitor does. A visitor who is not at the game
// yet, and has received no byte, may be lost when an entry is killed, which was shaking hands with
// them, or when the listener goes; not otherwise, nor when stayd had done its side of the handshake
// some time before. Nor does stayd promise to a visitor who has left
// that a game which dies before it has heard the last words does hear them.
//
// Errors: see above; only player_start can fail otherwise (no memory, no socket).
#ifndef STAYD_STORM_PLAYER_H
#define STAYD_STORM_PLAYER_H

#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger.h"
#include "options.h"
#include "wire.h"

#define PLAYER_N_KINDS 7u // TLS versions and suites, and plain, round robin

enum player_state {
    PLAYER_NONE,
    PLAYER_SHAKING, // hands: the TLS handshake
    PLAYER_PLAYING,
    PLAYER_DONE, // the proper end came when it had to; all is well
    PLAYER_LOST, // failed before the first byte
};

// Bytes are on their way to somebody who reads, and none has come since then.
struct player_stall {
    uint64_t since_us; // 0: none are on their way
    uint64_t total;    // that had come by then
    bool has_failed;   // a program that fails was tried meanwhile
};

struct player {
    enum player_state state;
    bool is_visitor;
    bool is_extra;   // at the listener that comes and goes
    bool is_leaving; // our close_notify or end of file is to go out, or has
    bool notify_sent;
    bool has_more; // OpenSSL may hold bytes that poll cannot see
    bool wants_write;
    uint64_t number;
    unsigned kind;
    SSL *ssl; // NULL: plain
    uint16_t port;
    struct wire wire;
    struct dice dice;
    struct stream to_game;
    struct stream to_player;
    uint8_t hello[STREAM_HELLO_BYTES];
    uint64_t sent;
    uint64_t received; // of the game's bytes
    struct ledger_mends mends;
    bool is_mending; // a CR has come, and its LF has not
    uint64_t burst_left;
    size_t unfinished; // bytes of an SSL_write that must be repeated as it was
    uint64_t born_us;
    uint64_t shaken_us; // since when it knows that stayd's side of the handshake is done; 0: not
    unsigned n_entries_killed; // when it came
    uint64_t game_deaths;      // that there had been when it came
    uint64_t read_at_us;       // nothing is read before; 0: reading
    uint64_t write_at_us;
    uint64_t rekey_at_us;
    struct player_stall to_player_stall;
    struct player_stall to_game_stall;
};

// Where players connect: a listener for TLS and a plain one at 127.0.0.1, and one more for TLS that
// comes and goes. That one has an address of its own, so that no player's own port is in its way.
#define PORTS_ADDRESS 0x7f000001u
#define PORTS_EXTRA_ADDRESS 0x7f000002u

struct ports {
    uint16_t tls;
    uint16_t plain;
};

// Of entries that were killed, the last ones.
#define PLAYER_DEATHS 64u

struct player_deaths {
    _Atomic uint64_t at_us[PLAYER_DEATHS];
    _Atomic unsigned n;
};

struct player_world {
    const struct options *options;
    struct ledger *ledger;
    SSL_CTX *context;
    const struct ports *ports; // where stayd listens
    _Atomic unsigned rush;     // so many newcomers are wanted at once
    struct player_deaths entry_deaths;
    _Atomic bool has_extra;               // also at PORTS_EXTRA_ADDRESS
    bool is_stopping;                     // no new bursts, no more KeyUpdates
    bool is_ending;                       // stayd was told to end: close_notify is expected
    SSL_SESSION *session[PLAYER_N_KINDS]; // for visitors who come back
    uint64_t key_updates;                 // said
    uint64_t keys_updated;                // heard
    uint64_t resumed;
    uint64_t unheard;            // visitors who left while the game was killed
    uint64_t handshakes_lost[2]; // because an entry was killed; because the listener has gone
    uint64_t n_dropped;
    uint64_t n_wrong_bytes;
    const _Atomic bool *is_failing;  // a program that fails is tried
    uint64_t longest_stall_us[2][2]; // by enum stream_dir, and without and with such a program
    uint64_t bytes_to_game;          // of players that are done
    uint64_t bytes_to_player;
};

// For the thread that is going to kill one.
void player_note_entry_death(struct player_deaths *deaths);

// May an entry that was killed have been shaking hands with this one?
bool player_may_have_lost_entry(const struct player *player, const struct player_deaths *deaths);

// Make the context for all players. False: OpenSSL failed.
bool player_world_init(struct player_world *world);

// Connect, and begin the handshake. False also for a listener that has just gone: the player is
// then PLAYER_LOST.
bool player_start(struct player *player, struct player_world *world, uint64_t number,
                  bool is_visitor);

// Events to poll for; lowers *next_us to the moment at which a turn is due anyway.
short player_wants(const struct player *player, uint64_t now, uint64_t *next_us);

// Do what can be done now.
void player_turn(struct player *player, struct player_world *world, short revents, uint64_t now);

// Its connection as the game sees it, or NULL.
struct ledger_link *player_link(const struct player *player, struct ledger *ledger);

// Do both ends agree on what was sent and received?
bool player_agrees(const struct player *player, struct ledger *ledger);

void player_free(struct player *player);

// For reports: "player 12 (TLS 1.3, TLS_AES_128_GCM_SHA256, port 40000, ...)".
const char *player_describe(const struct player *player, char *out, size_t out_size);

#endif
