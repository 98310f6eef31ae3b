// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The vault's layout: every byte that outlives a process. One memfd, mapped
// MAP_SHARED by guard, spare and worker:
//
//   [struct vault_head, padded to VAULT_HEAD_BYTES]
//   [struct slot] * n_slots, padded to a page
//   [struct cell] * n_cells, padded to a page
//   [chunk: CHUNK_BYTES] * n_chunks
//
// Rules (numbers as in doc/invariants.md): fixed-width fields, indices and
// absolute 64-bit offsets only (I1); a flow's state stands twice and `current`
// says which copy is true (I2); whoever changes a layout raises VAULT_LAYOUT.
#ifndef STAYD_VAULT_LAYOUT_H
#define STAYD_VAULT_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "telnet/telnet.h"

#define VAULT_MAGIC 0x6474757661796174ULL
#ifndef VAULT_LAYOUT // a test builds one that differs
#define VAULT_LAYOUT 10u
#endif

// A chunk holds the largest TLS record there is (TLS 1.2: 5 + 2^14 + 2048
// bytes, RFC 5246 section 6.2.3) and is a whole number of pages.
#define CHUNK_BYTES 20480u
#define CHUNK_NONE UINT32_MAX
// A flow has two buffers, a slot two flows: no player can hold more.
#define CHUNKS_PER_SLOT 4u

#define SLOT_NONE UINT32_MAX
// Slots beyond those that can be players' seats: in one of them a newcomer without a seat is told
// why (players/seats.h).
#define VAULT_FAREWELLS 64u
#define SLOT_FACTS_BYTES 232u
#define SLOT_KEYS 3u

#define VAULT_HEAD_BYTES 49152u
#define VAULT_GUARD_FDS 192u
#define VAULT_SUSPECTS 32u
#define VAULT_GAMES 32u
#define VAULT_LISTENERS 32u
#define VAULT_ENTRIES 4u // processes of the entry: the present one, and some that retire
#define ENTRY_NONE UINT32_MAX
// Their places in guard_fds (process/heritage.h): the first one's queue, the first one's page.
#define VAULT_ENTRY_QUEUES 24u
#define VAULT_ENTRY_PAGES (VAULT_ENTRY_QUEUES + VAULT_ENTRIES)
#define VAULT_PATH_BYTES 1024u
#define VAULT_VERSION_BYTES 32u
#define VAULT_WHY_BYTES 256u
#define VAULT_FRAMES 12u
#define VAULT_LAST_BYTES 384u
#define VAULT_CRASH_SIGNALS 8u // enough for those of workers.c
#define VAULT_ORDERS 3u
#define VAULT_ORDER_TEXT_BYTES 1272u

// A service manager's store has the slots' descriptors by crates (guard/store/store.h): so many
// slots in one, and the most that there can be.
#define VAULT_CRATE_SLOTS 64u
#define VAULT_CRATES 1600u

// Resume state (vault/resume.h) lies in a chain of cells.
#define VAULT_RESUME_BYTES 4096u // most for one player
#define CELL_BYTES 252u
#define CELLS_PER_SLOT ((VAULT_RESUME_BYTES + CELL_BYTES - 1) / CELL_BYTES)
#define CELL_NONE UINT32_MAX

// A buffer in use: bytes [start, end) of a chunk. chunk == CHUNK_NONE exactly
// when start == end == 0 (I5).
struct buffer {
    uint32_t chunk;
    uint16_t start;
    uint16_t end;
};

// Life of one direction; see vault/flow.h for the diagram.
enum flow_phase {
    FLOW_OPEN,   // the source may still say something
    FLOW_CUT,    // to_player: the game's side has ended; whose end that is, is not judged, or the
                 // link is given up and the player's terminal is not put right yet
    FLOW_ENDING, // the source has ended; what is buffered is still to go
    FLOW_SHUT,   // the end has been passed on, or nobody is there to hear it
    FLOW_N_PHASES,
};

// What a flow's state holds in one direction only. In that of the player's input, to the game:
struct flow_input {
    uint64_t origin; // `sent` when the player came to a game that was not told where the input goes
                     // on: this is 0 for it and those that resume
    uint16_t unacked; // bytes at the front of `out` that are sent and not yet acknowledged
    uint8_t alert;    // owed to the player or, with FLOW_DEAF, sent by the player
    uint8_t front;    // where the bytes before `out` leave the game, or, of a line that is skipped,
                      // where that is (telnet/telnet_front.h)
    uint32_t reserved;
};

// ... and of the game's output, to the player:
struct flow_output {
    uint64_t aside;    // how much of `received` was stayd's own words, or said by games before the
                       // one that `origin` is of
    uint32_t notice;   // token of the last notice said (players/orders.h)
    uint16_t answered; // how many of the input's record.asks are answered
    uint16_t reserved;
};

// One copy of a flow's committed state.
struct flow_state {
    uint64_t received;          // bytes taken from the source socket, ever
    uint64_t sent;              // bytes given to the destination socket, ever
    uint64_t settled;           // id of the last receipt settled here (I4)
    struct record_state record; // where this direction's TLS stream stands
    struct buffer in;           // as received: ciphertext (to_game) or text (to_player)
    struct buffer out;          // as to be sent: text (to_game) or ciphertext (to_player)
    struct telnet_state telnet; // where this direction's telnet stands; unused if the game's is off
    uint8_t phase;              // enum flow_phase
    uint8_t key;                // index into slot.keys
    uint8_t flags;              // FLOW_*
    uint8_t http; // how far the source's first bytes are those of HTTP (telnet/http.h)
    uint32_t reserved;
    union {
        struct flow_input input;   // to_game
        struct flow_output output; // to_player
    };
};

#define FLOW_ALERT_NONE 255u

// to_game:
#define FLOW_NO_MORE_RECORDS 1u // close_notify or an error came; what follows is not opened
#define FLOW_DEAF 2u            // the player said it will not listen; tell to_player
#define FLOW_DISCARD 4u         // what comes was meant for a game that is dead (relay/input.c)
#define FLOW_SKIP 8u            // what is left of the line in which a game died is for nobody
#define FLOW_HEADLESS 16u       // of what `front` is within, the game has had more than is kept
#define FLOW_FRESH 32u          // nothing has been sent on the present link
// to_player:
#define FLOW_CLOSE_SEALED 64u // our close_notify or fatal alert is sealed
#define FLOW_AWAY 128u        // told that the game is away; to be told when it is back

// One direction of a slot. `current` is the commit point: one aligned store.
struct flow {
    _Atomic uint32_t current; // 0 or 1
    uint32_t crashed_s;       // in that to the game: the slot's last crash, boottime; not committed
    struct flow_state copy[2];
};

enum flow_dir { TO_GAME = 0, TO_PLAYER = 1 };

// Life of a slot; see vault/slot.h for the diagram.
enum slot_state {
    SLOT_FREE = 0,
    SLOT_LIVE = 1,
    SLOT_QUARANTINED = 2, // failed verify: claims nothing, and is never served or used again
};

#define SLOT_FLAG_TLS 1u
#define SLOT_FLAG_NAMED 2u        // the host name question is settled (facts may hold FACT_HOST)
#define SLOT_FLAG_PLAYER_ENDED 4u // who ended it first, to say so in the log
#define SLOT_FLAG_GAME_ENDED 8u
#define SLOT_FLAG_WE_ENDED 16u
#define SLOT_FLAG_TELNET 32u       // the game's telnet is followed
#define SLOT_FLAG_MAY_COMPRESS 64u // ... and may compress
#define SLOT_FLAG_ACKS 128u        // the present link's game acknowledges its input
#define SLOT_FLAG_RESUMES 256u     // that game, or the dead one before, attached to resume
#define SLOT_FLAG_LINKED 512u      // there has been a link
#define SLOT_FLAG_MNES 1024u       // stayd says IPADDRESS to the game (telnet/telnet_environ.c)
#define SLOT_FLAG_FORWARDED 2048u  // stayd says FORWARDED to the game
#define SLOT_FLAG_HOLDS 4096u      // GAME_HOLDS of the process behind the link
#define SLOT_FLAG_LEAVES 8192u     // GAME_LEAVES

// Whose decision the end was, where the flows do not show it; the first one's stays.
enum slot_end {
    SLOT_END_SEEN, // as SLOT_FLAG_*_ENDED and the flows' alerts say
    SLOT_END_ADMIN,
    SLOT_END_GAME,      // it has asked for it on the control channel
    SLOT_END_GAME_GONE, // it has ended, and said before that its players go, too
    SLOT_END_AWAY,      // it was away for too long
    SLOT_END_STOP,      // stayd ends
    SLOT_END_WORN,      // TLS 1.2: as much was sent as may be under one key
    SLOT_END_FULL,      // it has no seat, since it was claimed: max-players are connected
    SLOT_END_ADDRESS,   // ... max-players-per-address
};

// One player's connection.
struct slot {
    _Atomic uint32_t state;    // enum slot_state; the slot's claim on everything in it
    _Atomic int32_t player_fd; // -1: none
    union {
        struct {
            _Atomic int32_t
                game_fd;            // -1: not linked; set only after the header went out whole (I9)
            _Atomic uint32_t flags; // SLOT_FLAG_*
        };
        _Atomic uint64_t link; // both, so that a link comes with its flags (slot_link)
    };
    uint8_t id[16];           // random, never used again
    uint8_t address[16];      // player's, IPv4 as ::ffff:a.b.c.d
    uint64_t opened_ms;       // boottime at takeover, ms; the wall clock may be set anew
    uint16_t port;            // player's
    uint16_t listener;        // index into the configuration's listeners
    uint16_t game;            // index into the configuration's games
    uint16_t tls_version;     // 0x0303, 0x0304; 0: plain
    uint16_t suite;           // IANA cipher suite
    uint16_t write_limit;     // largest plaintext of a record we may send (RFC 6066, 4)
    uint8_t cipher;           // enum record_cipher
    uint8_t facts_bytes;      // used part of facts
    _Atomic uint8_t crashes;  // worker crashes while this slot was being served
    uint8_t ended_by;         // enum slot_end
    _Atomic uint32_t n_links; // that there have been, ever: tells one from the next
    int32_t game_pid;         // process behind the present link; 0: not known
    uint64_t game_start;      // its start time (game/proc.h); of one not known, the socket that
                              // listened for it, by its inode (game/listener.h): 0 if none was to
                              // be seen, LISTENER_UNSEEN if that could not be found out
    uint64_t held_ms;         // boottime since when it waits for a game; 0: it does not
    _Atomic uint64_t resume;  // resume state: first cell << 32 | bytes; 0: none (vault/resume.h)
    uint64_t arrival;         // the message by which it came (vault/handover.h); 0: by none
    struct flow flow[2];      // by enum flow_dir
    struct record_key keys[SLOT_KEYS]; // two in use, one free for a KeyUpdate (I7)
    uint8_t facts[SLOT_FACTS_BYTES];   // vault/facts.h
};

// A piece of a player's resume state.
struct cell {
    uint32_t next; // CELL_NONE: the last one
    uint8_t bytes[CELL_BYTES];
};

// What is known of a game's process. Stands twice, as a flow's state does; one
// worker writes it (players/games.h).
struct game_state {
    int32_t pid;       // 0: not known
    uint32_t flags;    // GAME_*
    uint64_t start;    // its start time, as in a slot
    uint64_t since_ms; // boottime of the last change between here and away
    uint64_t listener; // over TCP: the socket that listened when it was met, by its inode
};

#define GAME_SEEN 1u      // some process has taken a connection, or attached
#define GAME_AWAY 2u      // it is dead, and no other has come
#define GAME_ATTACHED 4u  // it has attached
#define GAME_RESUMES 8u   // ... and resumes players; kept over its death, until another attaches
#define GAME_ACKS 16u     // ... and acknowledges input
#define GAME_HOLDS 32u    // it has said: what I close from now on, hold
#define GAME_LEAVES 64u   // it has said: what I close from now on, end, and all when I am dead
#define GAME_DOUBTED 128u // a pid-file names it, and that it listens there could not be checked

struct vault_game {
    _Atomic uint32_t current; // 0 or 1
    // Who made the listening socket that led to the game last; 0: none.
    _Atomic int32_t listener_pid;
    // The user whose processes may be the game, + 1, and above it a hash of the address where they
    // were (players/games_peer.c); 0: nobody has been.
    _Atomic uint64_t owner;
    struct game_state copy[2];
};

// The receipt of the one socket call that may be in flight (vault/receipt.h).
// `message` is what the kernel reads and writes, so this is struct mmsghdr and
// struct iovec as this kernel's ABI has them; they hold pointers that mean
// something only during the call.
struct receipt {
    _Atomic uint64_t id;
    uint32_t slot;
    uint32_t dir;    // enum flow_dir
    uint32_t side;   // enum receipt_side
    uint32_t chunk;  // where the bytes go to (recv)
    uint32_t offset; // first byte in the chunk
    uint32_t reserved;
    uint64_t iovec[2];
    uint64_t message[8];
};

// An order to reload that somebody waits for, and what became of it (vault/asked.h).
struct vault_order {
    _Atomic uint64_t number; // 0: none
    uint64_t token;          // tells a repeated request
    _Atomic uint32_t result; // enum asked_result
    uint32_t reserved;
    char text[VAULT_ORDER_TEXT_BYTES]; // lines
};

struct vault_reload {
    _Atomic uint64_t asked;           // number of the last order
    _Atomic uint64_t done;            // of the last one that is answered
    _Atomic uint32_t heritages;       // ids of heritages given out (process/heritage.h)
    _Atomic uint32_t worker_heritage; // whose the present worker is
    _Atomic uint32_t strays;          // listening sockets may be open that nobody claims
    _Atomic uint64_t expiry_told_s;   // wall clock: certificates' ends were last warned of
    // Of the games' names, by index: an index that nobody needs goes to another game.
    _Atomic uint32_t game_tag[VAULT_GAMES];
    // Pid of the worker whose end is no death: the guard ends it. So also a guard whose child it is
    // not knows it. 0: there is none.
    _Atomic uint32_t leaving;
    struct vault_order order[VAULT_ORDERS]; // by number
};

// A process' place, see process/lease.h. One word: generation << 32 | pid.
typedef _Atomic uint64_t vault_place;

// Ticket keys live here so that tickets outlive an entry (entry/tickets.h).
struct vault_ticket_key {
    uint8_t name[16];
    uint8_t aes[32];
    uint8_t hmac[32];
    uint64_t made_s; // boottime seconds; 0: no key
};

// An address in whose handshake an entry crashed (vault/suspects.h).
struct vault_suspect {
    uint8_t address[16];
    uint32_t crashes;
    uint32_t crashed_s; // boottime of the last one
};

// What an entry, which does not map the vault, has to know of it: it is shown a copy, in a page of
// its own that it can only read (vault/view.h). The guard writes.
struct vault_view {
    struct vault_ticket_key ticket_keys[2];
    _Atomic uint32_t ticket_current;
    uint32_t reserved;
    struct vault_suspect suspects[VAULT_SUSPECTS];
};

// The place of an entry, and of the queue by which its players come (vault/handover.h).
//
//            guard, before the process          worker: all that was in the
//            is made: the queue is claimed      queue is taken, and its end is seen
//     FREE ─────────────────────────────▶ MADE ───────────────────────────────────▶ READ_OUT
//      ▲                                                                               │
//      └───────────────────────────────────────────────────────────────────────────────┘
//                      guard: the queue is closed
enum entry_state {
    ENTRY_FREE,
    ENTRY_MADE,
    ENTRY_READ_OUT,
};

struct vault_entry {
    _Atomic uint32_t state;   // enum entry_state
    _Atomic uint32_t pid;     // 0: it is dead, or was not made yet
    uint32_t edition;         // of what it serves; see below
    _Atomic uint32_t crashes; // of workers over the message at the queue's head
    uint64_t serial;          // never given twice
    _Atomic uint64_t taken;   // number of the last message that was taken from its queue
};

// The entries of one descriptor table. Whenever something else is to be served, be it
// configuration, certificates or a program, another edition is wanted, and an entry of it is made; those of
// others retire when it is open.
struct vault_entries {
    _Atomic uint32_t wanted;
    uint32_t reserved;
    struct vault_entry place[VAULT_ENTRIES];
};

// How far the last upgrade is (vault/upgrading.h).
enum upgrade_phase {
    UPGRADE_NONE,
    UPGRADE_TRIAL,     // the new program is tried; nothing is given up
    UPGRADE_PROBATION, // the new one runs; the old spare has the old table, to go back with
    UPGRADE_GOOD,      // done
    UPGRADE_REFUSED,   // the trial went badly; nothing was given up
    UPGRADE_BACK,      // the new one ran and failed; the old spare has gone on
};

// The upgrade that is under way, or the last one.
struct vault_upgrade {
    _Atomic uint32_t phase; // enum upgrade_phase; stored after what belongs to it
    _Atomic uint32_t asked; // orders that the control channel has given, ever
    _Atomic uint32_t taken; // `asked` when a guard took one up
    uint32_t token;         // tells a repeated order; 0: it was a signal
    uint32_t done_token;    // of the upgrade that is noted here
    uint32_t reserved;
    // 0: the new program's time is not kept any more.
    _Atomic uint64_t deadline_ms; // boottime; UPGRADE_PROBATION ends here, if it was not good
    uint64_t at_ms;               // boottime of the last change of phase
    uint64_t last_table;          // the highest number of a table that was given out
    char path[VAULT_PATH_BYTES];  // that was asked for; "": where the present program is
    char from[VAULT_VERSION_BYTES];
    char to[VAULT_VERSION_BYTES];
    char why[VAULT_WHY_BYTES]; // not UPGRADE_GOOD
};

// What a crashing process writes about itself (process/death_note.h).
struct death_note {
    _Atomic uint32_t signal;      // 0: none
    _Atomic uint32_t n_frames;    // the calls that it was in
    uint64_t frame[VAULT_FRAMES]; // addresses in the program, from its beginning; innermost first
};

// The workers that have died (guard/obituary.h); counted since the first program's start.
struct vault_deaths {
    struct death_note note;    // the worker's
    _Atomic uint32_t poisoned; // slots closed
    _Atomic uint32_t entries;  // entries that have crashed
    _Atomic uint32_t crashes[VAULT_CRASH_SIGNALS];
    uint64_t last_ms; // boottime; 0: none has died
    char last[VAULT_LAST_BYTES];
};

// What of a crate's slots is in the store; the guard's.
struct vault_crate {
    uint64_t digest;   // of the claims that it holds; 0: there is none
    uint8_t side;      // 0, 1: under which of its two names
    uint8_t n_players; // in it
    uint8_t reserved[6];
};

// A service manager's store, as far as it is known.
struct vault_store {
    _Atomic uint32_t is_in_use;
    _Atomic uint32_t n_players;                // whose descriptors it has
    _Atomic uint32_t claims_noted;             // how often the worker has said that claims change
    _Atomic uint32_t claims_stored;            // ... and how much of that is in the store
    uint64_t serial;                           // of the guard's crate; only rises
    uint32_t heritage;                         // whose the guard's crate is, + 1; 0: there is none
    uint32_t side;                             // of the guard's crate
    _Atomic uint64_t marks[VAULT_CRATES / 64]; // crates whose slots' claims have changed
    struct vault_crate crate[VAULT_CRATES];
};

// The worker's life, as it and the guard note it (workers.h).
//
//             guard, before the clone      all are served        an orderly end is complete
//     DEAD ─────────────────────────▶ STARTING ─────▶ READY ───────────────────────────▶ ENDED
//      ▲                                                │
//      └────────────────────────────────────────────────┘ guard, from any but ENDED
enum worker_phase {
    WORKER_DEAD, // or there was none yet
    WORKER_STARTING,
    WORKER_READY,
    WORKER_ENDED,
    N_WORKER_PHASES
};

struct vault_head {
    uint64_t magic;
    uint32_t layout;
    uint32_t head_bytes;
    uint32_t slot_bytes;
    uint32_t chunk_bytes;
    uint32_t n_slots; // n_seats, and VAULT_FAREWELLS more
    uint32_t n_chunks;
    uint32_t n_cells;
    uint32_t cell_bytes;
    uint32_t n_seats; // max-players
    uint32_t reserved;
    uint64_t total_bytes;
    uint64_t made_ms; // wall clock

    vault_place guard; // who is guard
    vault_place table; // who may open and close descriptors: the worker, or a guard that sweeps
    vault_place spare; // who is spare
    _Atomic uint64_t ending_until_ms; // boottime ms; not 0: orderly end has begun
    _Atomic uint32_t worker_phase;    // enum worker_phase
    _Atomic uint32_t ready_said;      // some worker has been ready, and whoever waits was told
    _Atomic uint32_t serving_slot;    // slot being served now, or SLOT_NONE
    _Atomic uint32_t serving_entry;  // place of the entry whose message is looked at, or ENTRY_NONE
    _Atomic uint32_t slots_reserved; // slots [0, n) have memory behind them, others are FREE
    _Atomic uint32_t chunks_reserved; // chunks [0, n) have memory behind them
    _Atomic uint32_t cells_reserved;  // cells [0, n) have memory behind them
    _Atomic uint64_t workers_made;

    struct vault_view view;
    _Atomic uint64_t entry_serials;       // the last one given out
    struct vault_entries entries[2];      // as guard_fds
    struct vault_game games[VAULT_GAMES]; // by index into the configuration's games

    _Alignas(4096) struct receipt receipt; // a page of its own, locked by each worker
    _Alignas(4096) struct vault_reload reload;
    _Alignas(4096) struct vault_upgrade upgrade;
    struct vault_deaths deaths;
    // While an upgrade is on probation there are two descriptor tables. They agree in players' and
    // games' descriptors, not in the guard's own: those stand once for tables of even number, once
    // for those of odd (vault_guard_fds). Whose number is not this one may become nothing.
    _Atomic uint64_t table_number;                 // of the one that is in force
    _Atomic int32_t guard_fds[2][VAULT_GUARD_FDS]; // -1: none

    _Alignas(4096) struct vault_store store;
};

static_assert(sizeof(struct buffer) == 8, "layout");
static_assert(sizeof(struct record_state) == 32, "layout");
static_assert(sizeof(struct record_key) == 96, "layout");
static_assert(sizeof(struct telnet_state) == 56, "layout");
static_assert(sizeof(struct flow_input) == 16, "layout");
static_assert(sizeof(struct flow_output) == 16, "layout");
static_assert(sizeof(struct flow_state) == 152, "layout");
static_assert(sizeof(struct flow) == 312, "layout");
static_assert(offsetof(struct slot, link) == 8 && offsetof(struct slot, flags) == 12, "layout");
static_assert(offsetof(struct slot, flow) == 112, "layout");
static_assert(sizeof(struct slot) == 1256, "layout");
static_assert(sizeof(struct cell) == 256, "layout");
static_assert(sizeof(struct vault_entry) == 32, "layout");
static_assert(sizeof(struct vault_game) == 80, "layout");
static_assert(sizeof(struct vault_order) == 1296, "layout");
static_assert(sizeof(struct vault_reload) <= 4096, "layout");
static_assert(CHUNK_BYTES % 4096 == 0 && CHUNK_BYTES <= UINT16_MAX, "layout");
static_assert(sizeof(struct vault_upgrade) == 1392, "layout");
static_assert(sizeof(struct vault_deaths) == 536, "layout");
static_assert(offsetof(struct vault_head, receipt) == 4096, "layout");
static_assert(offsetof(struct vault_head, reload) == 8192, "layout");
static_assert(offsetof(struct vault_head, upgrade) == 12288, "layout");
static_assert(sizeof(struct vault_head) <= VAULT_HEAD_BYTES, "layout");

#endif
