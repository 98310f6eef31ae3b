// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The verified streams. What flows in one direction of one connection is a hello
// of STREAM_HELLO_BYTES, which says whose stream it is, and then 8-byte words
// that depend on the stream's key and their place only. So the byte at any offset
// can be worked out, the sender needs no buffer to repeat from, and the first
// lost, doubled or moved byte is found by the receiver.
//
// All bytes are below 0x80: the games that stayd is used for speak telnet. To the player there is
// neither CR, ESC, SO nor SI. So nothing is to be put back in the terminal when the game dies: what
// stayd puts in, in the middle of a line, is just CR LF, and is known by its CR.
//
// Errors: none; what was received is judged by return values.
#ifndef STAYD_STORM_STREAM_H
#define STAYD_STORM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_HELLO_BYTES 64u
#define STREAM_UNTIL_STOPPED ((1ULL << 62) - 1)
#define STREAM_GAME_ENDS (1ULL << 62) // in the hello: the game closes first

enum stream_dir { STREAM_TO_GAME, STREAM_TO_PLAYER };

struct stream {
    uint64_t key;
    uint64_t number;   // the player's number (to_game), the link's (to_player)
    uint64_t quota[2]; // bytes to be sent in all, by enum stream_dir; to_game's hello tells both
    enum stream_dir dir;
    bool game_ends; // the game closes when both quotas are met; else it waits for the player to
    uint8_t hello[STREAM_HELLO_BYTES];
};

void stream_init(struct stream *stream, uint64_t seed, enum stream_dir dir, uint64_t number,
                 uint64_t to_game_quota, uint64_t to_player_quota, bool game_ends);

// Read the peer's hello; false: it is none of this direction and seed.
bool stream_read_hello(struct stream *stream, uint64_t seed, enum stream_dir dir,
                       const uint8_t hello[STREAM_HELLO_BYTES]);

// Does stayd end a line in the game's place when the game dies at this offset?
bool stream_is_in_line(const struct stream *stream, uint64_t offset);

// Write the n bytes that stand at offset.
void stream_fill(const struct stream *stream, uint64_t offset, uint8_t *to, size_t n);

// Index of the first byte of got that does not belong at offset + index; n: all are right.
size_t stream_check(const struct stream *stream, uint64_t offset, const uint8_t *got, size_t n);

// Say in words what is wrong with got, whose first byte is wrong at offset: where
// in the stream it belongs, if it does.
void stream_explain(char *out, size_t out_size, const struct stream *stream, uint64_t offset,
                    const uint8_t *got, size_t n);

#endif
