// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See stream.h. Errors: none.
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dice.h"

#define STREAM_MAGIC 0x73746f726d000000ULL // "storm", and the direction in the last byte

// How far around the right place stream_explain looks.
#define STREAM_SEARCH_BYTES (4u << 20)

// A word is sixteen letters, one for each four bits.
static void put_word(uint8_t *to, uint64_t value)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        to[i] = (uint8_t)('a' + (value & 15));
}

static uint64_t get_word(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 4 | ((from[i] - 'a') & 15u);
    return value;
}

void stream_init(struct stream *stream, uint64_t seed, enum stream_dir dir, uint64_t number,
                 uint64_t to_game_quota, uint64_t to_player_quota, bool game_ends)
{
    stream->dir = dir;
    stream->game_ends = game_ends;
    stream->key = dice_mix(seed ^ dice_mix(number * 2 + (uint64_t)dir + 1));
    stream->number = number;
    stream->quota[STREAM_TO_GAME] = to_game_quota;
    stream->quota[STREAM_TO_PLAYER] = to_player_quota;
    put_word(stream->hello, STREAM_MAGIC | (uint64_t)dir);
    put_word(stream->hello + 16, number);
    put_word(stream->hello + 32, to_game_quota);
    put_word(stream->hello + 48, to_player_quota | (game_ends ? STREAM_GAME_ENDS : 0));
}

bool stream_read_hello(struct stream *stream, uint64_t seed, enum stream_dir dir,
                       const uint8_t hello[STREAM_HELLO_BYTES])
{
    if (get_word(hello) != (STREAM_MAGIC | (uint64_t)dir))
        return false;
    const uint64_t last = get_word(hello + 48);
    stream_init(stream, seed, dir, get_word(hello + 16), get_word(hello + 32),
                last & ~STREAM_GAME_ENDS, (last & STREAM_GAME_ENDS) != 0);
    return true;
}

// CR, ESC, SO and SI become letters on the way to the player.
static uint8_t letter(const struct stream *stream, uint8_t byte)
{
    const bool is_stayds = byte == '\r' || byte == 0x1b || byte == 0x0e || byte == 0x0f;
    return stream->dir == STREAM_TO_PLAYER && is_stayds ? byte | 0x40 : byte;
}

static uint64_t word_at(const struct stream *stream, uint64_t index)
{
    return dice_mix(stream->key + index * DICE_STEP) & 0x7f7f7f7f7f7f7f7fULL;
}

static uint8_t byte_at(const struct stream *stream, uint64_t offset)
{
    if (offset < STREAM_HELLO_BYTES)
        return stream->hello[offset];
    return letter(stream, (uint8_t)(word_at(stream, offset / 8) >> (offset % 8 * 8)));
}

bool stream_is_in_line(const struct stream *stream, uint64_t offset)
{
    return offset > 0 && byte_at(stream, offset - 1) != '\n';
}

void stream_fill(const struct stream *stream, uint64_t offset, uint8_t *to, size_t n)
{
    size_t done = 0;
    while (done < n && (offset + done < STREAM_HELLO_BYTES || (offset + done) % 8 != 0)) {
        to[done] = byte_at(stream, offset + done);
        done++;
    }
    for (; n - done >= 8; done += 8) {
        uint64_t word = word_at(stream, (offset + done) / 8);
        for (unsigned i = 0; i < 8; i++)
            to[done + i] = letter(stream, (uint8_t)(word >> (8 * i)));
    }
    for (; done < n; done++)
        to[done] = byte_at(stream, offset + done);
}

size_t stream_check(const struct stream *stream, uint64_t offset, const uint8_t *got, size_t n)
{
    uint8_t right[4096];
    for (size_t done = 0; done < n;) {
        size_t part = n - done < sizeof right ? n - done : sizeof right;
        stream_fill(stream, offset + done, right, part);
        if (memcmp(got + done, right, part) == 0) {
            done += part;
            continue;
        }
        while (got[done] == byte_at(stream, offset + done))
            done++;
        return done;
    }
    return n;
}

void stream_explain(char *out, size_t out_size, const struct stream *stream, uint64_t offset,
                    const uint8_t *got, size_t n)
{
    const size_t enough = n < 64 ? n : 64;
    if (enough < 12) {
        snprintf(out, out_size, "too few bytes after it to say more");
        return;
    }
    const uint64_t from = offset > STREAM_SEARCH_BYTES ? offset - STREAM_SEARCH_BYTES : 0;
    for (uint64_t at = from; at < offset + STREAM_SEARCH_BYTES; at++) {
        if (byte_at(stream, at) != got[0] || stream_check(stream, at, got, enough) != enough)
            continue;
        if (at < offset)
            snprintf(out, out_size, "%" PRIu64 " bytes doubled, from offset %" PRIu64, offset - at,
                     at);
        else
            snprintf(out, out_size, "%" PRIu64 " bytes lost, goes on at offset %" PRIu64,
                     at - offset, at);
        return;
    }
    snprintf(out, out_size,
             "not of this stream near here; it begins %02x%02x%02x%02x%02x%02x%02x%02x", got[0],
             got[1], got[2], got[3], got[4], got[5], got[6], got[7]);
}
