// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay: what a game in C needs so that its players stay connected. stayd
// holds the players' TLS, the game gets one plain Unix socket for each player, and
// this library
//
//   - starts stayd at the game's first start, or finds the one that is running;
//   - gives the game one descriptor to watch, and players with their facts:
//     address, host name, TLS version and cipher, certificate, connection id;
//   - carries the players over the game's own reboot by exec.
//
// A game does this (minimush/README.md shows it in a real one):
//
//     struct stay_options options = {.game = "mush", .directory = "/home/mush/run"};
//     char error[STAY_ERROR_BYTES];
//     struct stay *stay = stay_open(&options, error, sizeof error);
//     ... watch stay_fd(stay) for reading; when it is readable:
//     struct stay_player player;
//     while (stay_accept(stay, &player) > 0)
//         if (player.origin == STAY_REBOOTED)
//             ... the player is back: player.state holds what the game left
//         else
//             ... somebody new: greet
//     ... to reboot:
//     for each player: stay_keep(stay, &player, bytes, n_bytes);
//     stay_exec(stay, argv[0], argv);    // comes back only if it failed
//
// A game that is to survive its own crash, too, sets options.resumes, leaves with stayd what it
// must know again about each player (stay_leave), and has one more case: STAY_RESUMED.
//
// Nothing here blocks but stay_open, which waits for stayd: at a first start to say that players
// can connect, else to answer. A process has one handle, and uses it in one thread.
//
// Errors: functions that can fail return NULL or a negative number, with words for
// people (stay_open) or errno. Whatever is wrong with a single connection
// ends that connection and is counted (stay_counts); it never reaches the game.
#ifndef STAY_H
#define STAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STAY_API __attribute__((visibility("default")))

#define STAY_ERROR_BYTES 2048u
#define STAY_ID_BYTES 16u
#define STAY_FINGERPRINT_BYTES 32u // SHA-256

// One line of stayd's configuration: section "stayd", "listen tls", "game mush" and so on.
// File names must be absolute. `stayd --options` lists what there is.
struct stay_setting {
    const char *section;
    const char *key;
    const char *value;
};

struct stay_options {
    // The game's name: letters, digits, '-' and '_'. It names stayd's section [game NAME].
    const char *game;
    // The run directory, an absolute path: made with mode 0700 if there is none; else it must be
    // owned by this user (or root) and writable by nobody else. In it stand game.sock, stayd.conf,
    // control.sock and stayd.log.
    const char *directory;
    // The program: a path, or a name to be searched in PATH. NULL: "stayd". "": start nothing
    // (somebody else starts stayd, for example systemd).
    const char *stayd;
    // The game's part of stayd's configuration, in any order: listeners, certificates, limits. The
    // library adds where control socket, log and game socket are, and each listener's game.
    const struct stay_setting *settings;
    size_t n_settings;
    // Besides this process's own user and root, who may connect as stayd; 0: nobody. With
    // such a user the socket's mode is 0666, and the check of the peer is what protects it.
    uid_t stayd_user;
    // How long a connection may take to say whose it is; 0: 5000.
    unsigned header_timeout_ms;
    // This game can put players back into their places after it has died: it leaves a state for
    // each (stay_leave), and takes those who come as STAY_RESUMED.
    bool resumes;
    // It says with stay_acknowledge what input it has acted on; what it has not is given to the
    // next process again. A game that sets this and never acknowledges gets no more than about 20
    // kB from each player.
    bool acknowledges;
    // The path of stayd's control socket, when somebody else runs stayd with a configuration of
    // their own (stayd must be ""). NULL: DIRECTORY/control.sock.
    const char *control;
};

// How stay_open came by its stayd.
enum stay_start {
    STAY_STARTED,         // none was running: it was started, and players can connect
    STAY_FOUND,           // one was running, and has these settings, if need be since now
    STAY_FOUND_DIFFERENT, // one was running, and has not taken these settings: stay_remarks say why
    STAY_KEPT,            // the game has rebooted: nothing was looked for
    STAY_NOT_ASKED,       // options.stayd was ""
};

enum stay_origin {
    STAY_NEW,      // has just connected
    STAY_REBOOTED, // was here before the game's reboot; state is what the game gave stay_keep
    STAY_RESUMED,  // was here when the game died; state is what it had last given stay_leave
};

// A player's connection. The game owns fd from stay_accept on, and ends the connection by closing
// it. Texts end in NUL, hold printable UTF-8 only, and are "" when nothing is known; a
// text that came too long or with control characters counts as not known. Members are only
// ever added, at the end.
struct stay_player {
    int fd;                    // non-blocking, close-on-exec
    enum stay_origin origin;   //
    const void *state;         // not STAY_NEW: valid until the next stay_accept or stay_close
    size_t n_state;            //
    uint8_t id[STAY_ID_BYTES]; // the connection's id: random, never used again; has_id says if any
    bool has_id;               //
    bool is_tls;               //
    bool has_certificate;      // the player showed a certificate of its own (fingerprint)
    bool is_verified;          // ... and stayd was told whom to trust, and trusts it
    uint16_t port;             // the player's
    uint16_t local_port;       // the one it connected to
    char address[64];          // "192.0.2.7", "2001:db8::7"; "local" when it has none
    struct sockaddr_storage sockaddr; // the same, IPv4-mapped addresses as IPv4; ss_family 0: none
    struct sockaddr_storage local;    // the address it connected to; ss_family 0: none
    char host[256];                   // host name, forward-confirmed by stayd
    char tls_version[16];             // "TLSv1.3"
    char tls_cipher[64];              // "TLS_AES_256_GCM_SHA384"
    char tls_name[256];               // common name in the player's certificate
    char sni[256];                    // the name that the player asked for
    char alpn[64];                    //
    uint8_t fingerprint[STAY_FINGERPRINT_BYTES]; // SHA-256 of the player's certificate
    // Counted in bytes over all of the game's processes, from the connection's beginning; 0 and 0
    // when it is new.
    uint64_t n_input;  // what comes before the first byte to be read from fd (see stay_acknowledge)
    uint64_t n_output; // what stayd had taken of the game's output to this player when it died
};

// What did not become a player, since the process started (a reboot begins anew).
struct stay_counts {
    uint64_t n_players;   // accepted and handed out
    uint64_t n_strangers; // closed: not of a user that may speak as stayd
    uint64_t n_bad;       // closed: not a PROXY version 2 header
    uint64_t n_late;      // closed: no whole header in time
    uint64_t n_gone;      // closed themselves before the header was whole
    uint64_t n_shortages; // times that accepting had to pause for want of descriptors or memory
    uint64_t n_refused;   // requests that stayd refused, and starts of it that failed: stay_remarks
};

struct stay;

// Take up what a reboot carried over, or else make the listening socket and start or find stayd.
// Call it right after reading the configuration. NULL: error says why, in words, perhaps
// several lines (it may be stayd's own complaint about its settings). Blocks: at a first
// start for as long as stayd takes to start (30 s at most); when stayd is there, until it has
// answered who this game is (2 s at most, as a rule less than a millisecond), because whoever waits
// for the game comes as soon as it listens. After a reboot it does not block.
// Settings that have changed since are given to a stayd that runs: it reloads, its players stay,
// and that, too, is waited for (30 s at most, as a rule less than one), after a reboot as well.
STAY_API struct stay *stay_open(const struct stay_options *options, char *error, size_t error_size);

// Close the listening socket and take it away; what stayd has not answered is given up. Players'
// descriptors are the game's and stay open. stayd goes on running. NULL is allowed.
STAY_API void stay_close(struct stay *stay);

STAY_API enum stay_start stay_how_started(const struct stay *stay);

// What stayd said while it started although it succeeded (the fingerprint of a certificate that it
// made, say), what it refused later (look again when stay_counts.n_refused has grown), and
// remarks of the library's own; "" or whole lines. Valid until stay_close; grows.
STAY_API const char *stay_remarks(const struct stay *stay);

// The descriptor to watch for reading, level-triggered. Always the same one; never read it.
STAY_API int stay_fd(const struct stay *stay);

// The next player: 1, and *player is filled in. 0: none now; wait until stay_fd is readable. Those
// who were kept over a reboot come first, in the order in which they were kept. Call it until it
// says 0.
STAY_API int stay_accept(struct stay *stay, struct stay_player *player);

// Note a player, and up to 16 MiB of the game's own bytes about it (its name, a half-typed line,
// output still queued), for the next stay_exec. player NULL: bytes about the game itself, see
// stay_game_state. The bytes are copied, and so is *player: a game that acknowledges sets
// player->n_input to what it has acted on first. 0, or -1 with errno; then nothing was noted.
//
// A reboot acknowledges nothing. Input that was acted on and not acknowledged before stay_exec is
// the next program's to acknowledge: one that takes the n_input it was handed for acknowledged
// hangs its players once stayd's room for them is full. So acknowledge before stay_exec what is
// safe, and after it go on from what was acknowledged, not from n_input, if the two differ.
STAY_API int stay_keep(struct stay *stay, const struct stay_player *player, const void *state,
                       size_t n_state);

// Become the program at path, with everybody who was noted. Does not return when it succeeds.
// -1 with errno: the program could not be run; everything is as it was before the first stay_keep,
// and the game goes on. Players who were not noted are cut off. Environment: environ.
STAY_API int stay_exec(struct stay *stay, const char *path, char *const argv[]);

// After a reboot: the bytes noted about the game itself; NULL and 0 without any. Valid until
// stay_close.
STAY_API const void *stay_game_state(const struct stay *stay, size_t *n_state);

// Leave up to STAY_RESUME_BYTES of the game's own bytes about a player with stayd, in place of what
// was left before; n_state 0 takes them away. If the game dies, they come back with the player
// (STAY_RESUMED). The bytes are copied and sent when there is time for it: the last
// moments of a process may not have been. 0, or -1 with errno: EMSGSIZE, ENOMEM, EINVAL (the player
// has no id, or options.resumes is not set), ENOBUFS (32 MiB wait for a stayd that does not
// answer).
STAY_API int stay_leave(struct stay *stay, const struct stay_player *player, const void *state,
                        size_t n_state);
#define STAY_RESUME_BYTES 4096u

// All input of this player before n_input was acted on, and what it did is safe. Count from
// player->n_input as the game got it from stay_accept. Several in a turn of the loop cost one. Do
// what the line says, commit it to the disk together with n_input, acknowledge: then no line is
// lost, and a game that passes over what it has committed (n_input of the resumed player is lower
// then) does no line twice. What was left with stay_leave before goes out before it. 0, or -1 with
// errno: ENOMEM, ENOBUFS, EINVAL (no id, options.acknowledges is not set, or it goes back).
STAY_API int stay_acknowledge(struct stay *stay, const struct stay_player *player,
                              uint64_t n_input);

// End a player's connection, whatever becomes of the game: what was written to fd so far goes out,
// then last_words (a line without its end; NULL: none), then a proper close. The game closes fd
// afterwards as usual. 0, or -1 with errno: EMSGSIZE (more than 1,000 bytes), EINVAL (no id, or
// last_words is not printable UTF-8), ENOMEM, ENOBUFS.
STAY_API int stay_end(struct stay *stay, const struct stay_player *player, const char *last_words);

enum stay_plan {
    STAY_PLAN_REBOOT,    // the process will end and another one take its place: players are held
    STAY_PLAN_END_HOLD,  // an orderly end; players are held for a next start
    STAY_PLAN_END_LEAVE, // an orderly end; players are ended
};

// Say what the game is about to do, so that connections that it closes are understood. Not needed
// for stay_exec. Holds until the process ends. 0, or -1 with errno: ENOMEM, ENOBUFS, EINVAL.
STAY_API int stay_announce(struct stay *stay, enum stay_plan plan);

// Work on the control channel: send what waits, read answers, connect again when stayd's worker
// has died. stay_accept does this too, so a game that calls stay_accept whenever stay_fd is
// readable need not; one that is about to exit calls it until stay_n_unanswered says 0, or its
// patience ends. Never blocks.
STAY_API void stay_work(struct stay *stay);

// How many requests (of stay_leave, stay_acknowledge, stay_end, stay_announce) stayd has not
// answered yet.
STAY_API size_t stay_n_unanswered(const struct stay *stay);

// Is stayd alive for this run directory? If all of it is gone (out of memory, kill -9 of every
// process), its players are lost. A game that starts stayd need do nothing: stay_accept and
// stay_work start it again after a second, and after longer pauses as long as it does not start.
// They do not when the game itself has ended it (stay_stop) or has announced its own end, nor if
// options.stayd is "".
STAY_API bool stay_is_running(const struct stay *stay);

// How often all of stayd was gone and was started again, since the process started. Worth a line in
// the game's log. What kept it from starting is in stay_remarks, and counts as n_refused.
STAY_API unsigned stay_n_restarts(const struct stay *stay);

// Ask stayd to end in order (SIGTERM): it flushes what is queued and takes leave of every player.
// Does not wait for it. 0, or -1 with errno (ESRCH: none is running).
STAY_API int stay_stop(struct stay *stay);

STAY_API void stay_counts(const struct stay *stay, struct stay_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
