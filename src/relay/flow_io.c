// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Receiving, sending and committing for both directions (flow_io.h).
// Errors: a system's "not now" clears a ready bit; a peer's end becomes a phase.
#include "relay/flow_io.h"

#include "base/log.h"
#include "vault/receipt.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void run_commit(struct relay_run *run, enum flow_dir dir, const struct flow_state *next)
{
    const uint32_t in = flow_now(&run->slot->flow[dir])->in.chunk;
    const uint32_t out = flow_now(&run->slot->flow[dir])->out.chunk;
    flow_commit(run->slot, dir, next);
    if (in != next->in.chunk)
        chunk_give(run->chunks, in);
    if (out != next->out.chunk)
        chunk_give(run->chunks, out);
}

void run_wipe_free_key(struct relay_run *run)
{
    uint8_t free_key = slot_free_key(flow_now(&run->slot->flow[TO_GAME])->key,
                                     flow_now(&run->slot->flow[TO_PLAYER])->key);
    slot_wipe_key(run->slot, free_key);
}

void run_shut(struct relay_run *run, enum flow_dir dir)
{
    struct flow_state next = run_state(run, dir);
    flow_set_phase(&next, dir, FLOW_SHUT);
    next.in = BUFFER_EMPTY;
    next.out = BUFFER_EMPTY;
    if (dir == TO_GAME)
        next.input.kept = 0;
    run_commit(run, dir, &next);
}

static void say_short(struct relay_run *run)
{
    run->wishes |= RELAY_POLL;
    run->is_short = true;
    log_event(LOG_SHORTAGE, "error=\"%s\"", strerror(errno));
}

uint32_t run_chunk(struct relay_run *run, const struct buffer *buffer)
{
    if (buffer->chunk != CHUNK_NONE)
        return buffer->chunk;
    uint32_t chunk = chunk_take(run->chunks);
    if (chunk == CHUNK_NONE)
        say_short(run);
    return chunk;
}

// Not now, says the system: wait for readiness, or for memory. False: the peer is gone.
static bool is_not_now(struct relay_run *run, unsigned bit)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        run->conn->ready &= (uint8_t)~bit;
        return true;
    }
    if (errno != ENOBUFS && errno != ENOMEM)
        return false;
    say_short(run);
    return true;
}

// A receive that failed. An error can be reported before data that is still
// there, so only the second one, or end of file, ends the flow. A dead game has said all: a child
// of it may hold its sockets open, and no end of file would come.
static bool receive_failed(struct relay_run *run, enum flow_dir dir, unsigned bit)
{
    if (errno == EINTR)
        return true;
    bool is_all = run->conn->is_orphan && bit == RELAY_READ_GAME && errno == EAGAIN;
    if (!is_all && is_not_now(run, bit))
        return false;
    if (!is_all && !(run->conn->errors & bit)) {
        run->conn->errors |= (uint8_t)bit;
        return true;
    }
    struct flow_state next = run_state(run, dir);
    flow_end_source(&next, dir);
    run_commit(run, dir, &next);
    return true;
}

bool run_receive(struct relay_run *run, enum flow_dir dir, int fd, unsigned bit)
{
    if (run->receives_left == 0 || run->is_short)
        return false;
    run->receives_left--;
    struct flow_state now = run_state(run, dir);
    const struct buffer *buffer = slot_receive_buffer(run->slot, &now);
    uint32_t chunk = run_chunk(run, buffer);
    if (chunk == CHUNK_NONE)
        return false;
    uint32_t room = buffer_room(buffer);
    ssize_t n = receipt_recv(run->vault, vault_slot_index(run->vault, run->slot), dir, fd, chunk,
                             buffer->end, room);
    if (n <= 0 && buffer->chunk == CHUNK_NONE)
        chunk_give(run->chunks, chunk);
    if (n < 0)
        return receive_failed(run, dir, bit);
    // Less than was asked for: the socket is empty, or its end is next and epoll will say so. Of a
    // dead game's socket nothing may ever be said; there the next receive tells.
    if ((uint32_t)n < room && !(run->conn->is_orphan && bit == RELAY_READ_GAME))
        run->conn->ready &= (uint8_t)~bit;
    return true;
}

bool run_send(struct relay_run *run, enum flow_dir dir, int fd, unsigned bit)
{
    uint32_t chunk = flow_now(&run->slot->flow[dir])->out.chunk;
    ssize_t n = receipt_send(run->vault, vault_slot_index(run->vault, run->slot), dir, fd);
    if (n >= 0) {
        if (flow_now(&run->slot->flow[dir])->out.chunk == CHUNK_NONE)
            chunk_give(run->chunks, chunk);
        return true;
    }
    if (errno == EINTR)
        return true;
    if (is_not_now(run, bit))
        return false;
    // A game that has hung up altogether may be dead; that is found out by reading.
    if (bit == RELAY_WRITE_GAME && relay_has_hung_up(run->slot)) {
        run->conn->ready &= (uint8_t)~bit;
        run->conn->errors |= (uint8_t)bit;
        return false;
    }
    run_shut(run, dir);
    return true;
}

struct telnet_rules run_telnet_rules(const struct relay_run *run, enum flow_dir dir)
{
    const struct slot *slot = run->slot;
    uint8_t flags = flow_now(&slot->flow[TO_GAME])->flags;
    struct telnet_rules rules = {
        .is_player = dir == TO_GAME,
        .may_compress = slot_has(slot, SLOT_FLAG_MAY_COMPRESS),
        .is_mnes = slot_has(slot, SLOT_FLAG_MNES),
        .is_forwarded = slot_has(slot, SLOT_FLAG_FORWARDED),
        .other = &flow_now(&slot->flow[!dir])->telnet,
    };
    if (dir == TO_GAME && flags & FLOW_DISCARD && slot->game_fd < 0)
        rules.keep = TELNET_DROP_ALL;
    else if (dir == TO_GAME && flags & (FLOW_DISCARD | FLOW_SKIP))
        rules.keep = TELNET_DROP_LINE;
    return rules;
}

// The line in which the game died is over.
static void stop_dropping(const struct relay_run *run, struct flow_state *next)
{
    if (telnet_is_dropping(&next->telnet))
        return;
    next->flags &= (uint8_t)~FLOW_SKIP;
    if (run->slot->game_fd >= 0)
        next->flags &= (uint8_t)~FLOW_DISCARD;
}

bool relay_is_http(const struct slot *slot)
{
    return http_is_it(flow_now(&slot->flow[TO_GAME])->http, flow_now(&slot->flow[TO_PLAYER])->http);
}

bool run_note_http(const struct relay_run *run, enum flow_dir dir, struct flow_state *next,
                   const uint8_t *in, size_t n)
{
    uint8_t other = flow_now(&run->slot->flow[!dir])->http;
    flow_note_http(next, dir, in, (uint32_t)n);
    if (dir == TO_PLAYER)
        return http_is_it(other, next->http);
    // Who claims to speak HTTP must not say by telnet where it is; what telnet holds back of it
    // goes on with telnet.
    bool is_guarded = slot_has(run->slot, SLOT_FLAG_MNES | SLOT_FLAG_FORWARDED);
    bool is_safe = other == HTTP_SEEN && next->telnet.command == TELNET_TEXT;
    return http_is_it(next->http, other) && (is_safe || !is_guarded);
}

size_t run_filter(const struct relay_run *run, enum flow_dir dir, struct flow_state *next,
                  const uint8_t *in, size_t n, uint8_t *out)
{
    struct telnet_rules rules = run_telnet_rules(run, dir);
    if (run_note_http(run, dir, next, in, n)) {
        memmove(out, in, n);
        return n;
    }
    if (telnet_pass(&next->telnet, &rules, in, n)) {
        if (out != in)
            memcpy(out, in, n);
        return n;
    }
    n = telnet_filter(&next->telnet, &rules, in, n, out);
    if (rules.keep == TELNET_DROP_LINE)
        stop_dropping(run, next);
    return n;
}

bool run_follow(struct relay_run *run, enum flow_dir dir)
{
    struct flow_state next = run_state(run, dir);
    uint32_t n = buffer_bytes(&next.in);
    uint32_t n_held = (uint32_t)telnet_n_held(&next.telnet);
    if (n == 0 || (buffer_room(&next.out) <= n_held && !run_make_out_room(run, dir, n_held + 1)))
        return false;
    next = run_state(run, dir);
    if (n > buffer_room(&next.out) - n_held)
        n = buffer_room(&next.out) - n_held;
    uint32_t chunk = run_chunk(run, &next.out);
    if (chunk == CHUNK_NONE)
        return false;
    bool was_fresh = next.out.chunk == CHUNK_NONE;
    size_t n_out =
        run_filter(run, dir, &next, vault_chunk(run->vault, next.in.chunk) + next.in.start, n,
                   vault_chunk(run->vault, chunk) + next.out.end);
    if (n_out) {
        next.out.chunk = chunk;
        next.out.end = (uint16_t)(next.out.end + n_out);
    }
    buffer_take(&next.in, n);
    POINT(TEXT_FOLLOWED);
    run_commit(run, dir, &next);
    if (was_fresh && n_out == 0)
        chunk_give(run->chunks, chunk);
    return true;
}

#define KEEP_LESS_BYTES (CHUNK_BYTES / 4) // at least, so that not every byte moves all others

// The game has got all of `out` and cannot act on it, for it is the beginning of a line only. It
// can only go on if there is more: the oldest bytes are kept no longer. Should it die, the rest of
// that line is for nobody (FLOW_HEADLESS).
static void keep_less(struct relay_run *run, struct flow_state *next, uint32_t n)
{
    const uint8_t *kept = vault_chunk(run->vault, next->out.chunk) + next->out.start;
    bool is_telnet = slot_has(run->slot, SLOT_FLAG_TELNET);
    uint32_t n_over = buffer_bytes(&next->out) + n - CHUNK_BYTES;
    if (flow_unsent(next, TO_GAME) > 0 ||
        front_ends_line(next->input.front, is_telnet, kept, next->input.kept))
        return;
    if (n_over < KEEP_LESS_BYTES)
        n_over = KEEP_LESS_BYTES;
    if (n_over > next->input.kept)
        n_over = next->input.kept;
    flow_pass_front(next, is_telnet, kept, n_over);
    next->input.kept = (uint16_t)(next->input.kept - n_over);
    buffer_take(&next->out, n_over);
    run_commit(run, TO_GAME, next);
}

bool run_make_out_room(struct relay_run *run, enum flow_dir dir, uint32_t n)
{
    struct flow_state next = run_state(run, dir);
    if (buffer_room(&next.out) >= n)
        return true;
    if (dir == TO_GAME && next.input.kept && buffer_bytes(&next.out) + n > CHUNK_BYTES)
        keep_less(run, &next, n);
    next = run_state(run, dir);
    uint32_t n_bytes = buffer_bytes(&next.out);
    if (buffer_room(&next.out) >= n)
        return true;
    if (next.out.start == 0 || n_bytes + n > CHUNK_BYTES)
        return false;
    // Copied, not moved in place: a kill in the middle must leave the old one whole.
    uint32_t chunk = run_chunk(run, &BUFFER_EMPTY);
    if (chunk == CHUNK_NONE)
        return false;
    memcpy(vault_chunk(run->vault, chunk), vault_chunk(run->vault, next.out.chunk) + next.out.start,
           n_bytes);
    POINT(BUFFER_COPIED);
    next.out = (struct buffer){.chunk = chunk, .end = (uint16_t)n_bytes};
    run_commit(run, dir, &next);
    return true;
}

void run_start_ending(struct relay_run *run, enum flow_dir dir)
{
    struct flow_state next = run_state(run, dir);
    if (flow_is_ending(&next))
        return;
    flow_set_phase(&next, dir, FLOW_ENDING);
    run_commit(run, dir, &next);
}

void run_pass_end(struct relay_run *run, enum flow_dir dir, int fd)
{
    if (fd >= 0)
        shutdown(fd, SHUT_WR);
    POINT(END_PASSED);
    run_shut(run, dir);
}
