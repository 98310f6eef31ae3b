// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player joined to one game. After any event relay_run looks at both flows of
// the slot, moves what can be moved, and says what to wait for; handlers only set
// bits in `ready`. All state that matters is in the vault, so that running a slot
// again, by whatever process, goes on where the last one stopped.
//
//   player --receive--> in --open--> out --send--> game      TO_GAME   (to_game.c)
//   player <--send-- out <--seal-- in <--receive-- game      TO_PLAYER (to_player.c)
//
// The steps also follow telnet (telnet/telnet.h). A plain player whose game is not telnet has no
// step: its flows receive into `out`.
//
// A flow's phases are in vault/flow.h. Both SHUT: the slot is done, after the player's
// socket was read to its end or the caller lost patience (closing a socket with unread
// input resets it, which can destroy our last words).
//
// When the game's side has ended (CUT), the relay does not go on before the worker has judged
// (RELAY_JUDGE): relay_let_end, it was this player that the game closed; or relay_unlink
// and relay_mend (dead_game.c), the game is dead: TO_PLAYER is OPEN again, and waits for a new
// link.
//
// Errors: none are returned; a peer's end becomes a phase, shortage a wait.
#ifndef STAYD_RELAY_RELAY_H
#define STAYD_RELAY_RELAY_H

#include "vault/chunk.h"
#include "vault/vault.h"
#include <stdbool.h>

enum relay_bits {
    RELAY_READ_PLAYER = 1,
    RELAY_WRITE_PLAYER = 2,
    RELAY_READ_GAME = 4,
    RELAY_WRITE_GAME = 8,
    RELAY_READY_ALL = 15,
};

// What else relay_run can want.
enum relay_wish {
    RELAY_DONE = 16,    // the slot has ended: free it
    RELAY_LINGER = 32,  // all is said; waiting for the player's end of file
    RELAY_HALF = 64,    // the game has ended, the player may still speak to it
    RELAY_POLL = 128,   // run again soon: the header is unread, or memory was short
    RELAY_LEFT = 256,   // the player has left before there was a link; its words still wait for one
    RELAY_STUCK = 512,  // the game has ended, and the player does not take what is left
    RELAY_JUDGE = 1024, // the game's side has ended: is it the player's end, or the game's?
    RELAY_UNACKED = 2048, // the game has read all; more has no room before it acknowledges some
    RELAY_AGAIN = 4096,   // so much work is done; to be run again when others have had their turn
};

// What a worker knows of a slot beyond the vault; lost with it, and made anew.
struct relay_conn {
    uint8_t ready;  // RELAY_* bits: the call may succeed
    uint8_t errors; // RELAY_READ_* bits: an error was read there; the next one is the end.
                    // RELAY_WRITE_GAME: the game hears nothing more
    bool is_orphan; // the game's process is dead: what can be read of it now is all
    bool has_left;  // the player; what it has said, for which there is no room, may be unread
};

// A slot new to this process. Whether its sockets can be read, readiness will tell; that they
// can be written is found out by writing.
#define RELAY_CONN_NEW ((struct relay_conn){.ready = RELAY_WRITE_PLAYER | RELAY_WRITE_GAME})

// A slot, and what is needed to serve it. The caller makes one, for one call or for several.
struct relay {
    struct vault *vault;
    struct chunk_pool *chunks;
    struct slot *slot;
    struct relay_conn *conn; // only relay_run looks at it
    // How much may be done in a run for each direction, in about microseconds, so that one busy
    // player does not starve the others.
    unsigned work;
    // relay_run's own:
    unsigned left[2]; // of the work, by enum flow_dir
    unsigned wishes;  // RELAY_POLL, RELAY_AGAIN so far
    bool is_short;    // memory was short: nothing is received before the next run
};

// A line, or a few; more of what a player has in store; all of it that was there.
#define RELAY_WORK_SOME 32u
#define RELAY_WORK_MORE 96u
#define RELAY_WORK_ALL 256u

// Move what can be moved, up to relay->work. Returns RELAY_* bits: readiness to wait for, and wishes.
// What is left over of records is in the vault, where no socket tells of it: RELAY_AGAIN.
unsigned relay_run(struct relay *relay);

// End the slot from our side: what the game has said so far is flushed, then the
// player gets close_notify; input is no longer taken. Then run it again.
void relay_end(struct relay *relay);

// The game has closed this player: what it has said is flushed, then the player gets close_notify.
// Then run it again.
void relay_let_end(struct relay *relay);

// Give up what the player said and nobody is there to hear; the slot ends then.
void relay_drop(struct relay *relay);

// What stayd itself says to a player: one line, beginning on a line of its own.
struct relay_words {
    const char *text; // without the line's end; "": nothing
    uint8_t set;      // FLOW_* flags of TO_PLAYER that change with the same commit
    uint8_t clear;
    uint32_t notice; // token; 0: this is none
    bool are_last;   // the player ends behind them
};

// Say it behind what the game has said so far; into HTTP no text goes, all else is done. False:
// there is no room now, the game is in the middle of something that must not be broken, or its side
// has ended (last words can be said until the end is passed on); nothing has changed.
bool relay_say(struct relay *relay, const struct relay_words *words);

// relay_end behind last words, if they can be said.
void relay_end_saying(struct relay *relay, const char *text);

// Is this connection HTTP, a WebSocket for instance (telnet/http.h)? Then nothing in it is followed
// or changed, and no words are put into it; it cannot go on with another game.
bool relay_is_http(const struct slot *slot);

// Has relay_end been called?
bool relay_is_ended(const struct slot *slot);

// The game is dead (dead_game.c). Give up the link; the game's last words, which are read, are
// still to be passed on. Can be done again after a crash.
void relay_unlink(struct relay *relay);

// ... and when they have been: put telnet right, say `text`, and wait for a new link. False: not
// yet.
bool relay_mend(struct relay *relay, const char *text);

// Before a new link is made: what of the input is for the new game? All of it if it resumes the
// player.
void relay_prepare_link(struct relay *relay, bool is_resumed);

// Counted from the player's first link, or from the last one that did not resume it: how much of
// the player's input the game has been sent, or, not linked, where it will go on.
uint64_t relay_input_offset(const struct slot *slot);
// How much of the game's output has been taken.
uint64_t relay_output_offset(const struct slot *slot);

// The game has acted on all input before offset; going back changes nothing. False: that is beyond
// what was sent.
bool relay_acknowledge(struct relay *relay, uint64_t offset);

#endif
