// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files of relay/ have of each other. Not for others.
//
// Errors: a step returns true when something moved.
#ifndef STAYD_RELAY_RELAY_PART_H
#define STAYD_RELAY_RELAY_PART_H

#include "relay/relay.h"
#include "vault/flow.h"
#include "vault/slot.h"

static inline struct flow_state relay_state(const struct relay *relay, enum flow_dir dir)
{
    return *flow_now(&relay->slot->flow[dir]);
}

// ---- relay.c: how much is done in a run ----

// May there be more work for this direction? False: RELAY_AGAIN.
bool relay_may_work(struct relay *relay, enum flow_dir dir);

// There was some.
void relay_note_work(struct relay *relay, enum flow_dir dir, unsigned work);

// ---- flow_io.c: what both directions do alike ----

// Commit, and give back the chunks that the new state no longer claims.
void relay_commit(struct relay *relay, enum flow_dir dir, const struct flow_state *next);

// After a new key was committed: wipe the area that nobody uses now (I7).
void relay_wipe_free_key(struct relay *relay);

// Commit the flow's end: nothing more is taken or sent; buffers are dropped.
void relay_shut(struct relay *relay, enum flow_dir dir);

// The flow's source says nothing more that counts; TO_PLAYER: and that is the player's end.
void relay_start_ending(struct relay *relay, enum flow_dir dir);

// Pass the end on to fd (if any) and shut the flow.
void relay_pass_end(struct relay *relay, enum flow_dir dir, int fd);

// A chunk for a buffer that owns none; CHUNK_NONE (and a wish to poll) if memory is short.
uint32_t relay_chunk(struct relay *relay, const struct buffer *buffer);

// Receive into the flow's receiving buffer, which has room. `bit` is the RELAY_READ_* of fd.
bool relay_receive(struct relay *relay, enum flow_dir dir, int fd, unsigned bit);

// Send from `out`, where something is unsent. `bit` is the RELAY_WRITE_* of fd. A peer
// that is gone shuts the flow.
bool relay_send(struct relay *relay, enum flow_dir dir, int fd, unsigned bit);

// ---- output.c: what a step makes goes behind `out` ----

// Where it is written. Nobody's, until it is published.
struct place {
    uint32_t chunk;
    uint8_t *at;
    uint32_t room;
};

// A place for n bytes behind now->out. False: there is no room, or no memory, now.
bool relay_begin_output(struct relay *relay, const struct flow_state *now, uint32_t n,
                        struct place *place);

// Commit *next, and with it n bytes that stand at the place.
void relay_publish_output(struct relay *relay, enum flow_dir dir, const struct place *place,
                          size_t n, struct flow_state *next);

// ... or nothing comes of it, and nothing is committed.
void relay_drop_output(struct relay *relay, const struct place *place,
                       const struct flow_state *now);

// Make room for n more bytes behind `out`, if it can be had: by moving it to the front of a chunk,
// or, when the game has all of it and no end of a line is in it, by keeping less (TO_GAME). *now is
// the flow's state, before and then: both are commits.
bool relay_make_out_room(struct relay *relay, enum flow_dir dir, uint32_t n,
                         struct flow_state *now);

// ---- follow.c: telnet and HTTP on the way ----

// The rules for telnet in this direction.
struct telnet_rules relay_telnet_rules(const struct relay *relay, enum flow_dir dir);

// n bytes of text have come from this direction's source: note in *next what that says of HTTP.
// True: the connection is HTTP, and they go on as they are.
bool relay_note_http(const struct relay *relay, enum flow_dir dir, struct flow_state *next,
                     const uint8_t *in, size_t n);

// Follow n bytes of this direction from in to out (telnet_filter), noting it in *next, which is
// committed together with them (I18). Returns how many came out.
size_t relay_filter(const struct relay *relay, enum flow_dir dir, struct flow_state *next,
                    const uint8_t *in, size_t n, uint8_t *out);

// Plain players of telnet games: move text from `in` to `out`.
bool relay_follow(struct relay *relay, enum flow_dir dir);

// ---- to_game.c, to_player.c: the directions ----

bool to_game_run(struct relay *relay);
bool to_player_run(struct relay *relay);

// Parts of to_game_run: receive if there is room; take what was received as far as `out`.
bool to_game_receive(struct relay *relay);
bool to_game_step(struct relay *relay);

// May more be received now? Decides what to wait for.
bool to_game_has_room(const struct relay *relay);
bool to_player_has_room(const struct relay *relay);

// Give the player n bytes of our own behind what it has been given, past telnet's filter, and
// commit *next with them. False: there is no room now, and nothing has changed.
bool relay_give(struct relay *relay, struct flow_state *next, const uint8_t *text, size_t n);

// ---- relay.c ----

// Has the game closed both ways? A Unix socket says so; over TCP only a failing
// send can tell, so there it is not known yet.
bool relay_has_hung_up(const struct slot *slot);

// ---- input.c: what a game gets of the input ----

// The game is dead. All that the player has typed is kept for a game that resumes; what the dead
// one has had and not acknowledged goes to the next one again, but for the end of a line whose
// beginning could not be kept. Without acknowledgements it has had what was sent, up to the line in
// the middle of which it died.
void relay_keep_input(struct relay *relay);

// Without telnet nobody follows the player's lines: pass over what has come of the one in which a
// game died (FLOW_SKIP).
void relay_skip_line(struct relay *relay);

// ---- words.c: stayd's own words ----

#define RELAY_LINE_BYTES 1200u // a line of them, its end included

// Write such a line, beginning on a line of its own. Returns its length.
size_t relay_put_line(uint8_t *out, const char *text, bool is_in_line);

// Note in *next, to be committed, that n bytes of them are said.
void relay_take_words(struct flow_state *next, const struct relay_words *words, size_t n);

#endif
