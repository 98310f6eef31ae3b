// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Receiving, sending and committing for both directions (relay_part.h).
// Errors: a system's "not now" clears a ready bit; a peer's end becomes a phase.
#include "relay/relay_part.h"

#include "base/log.h"
#include "vault/receipt.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

// A receive, with the send that follows; and so many bytes, to copy, follow, open or seal them.
#define RECEIVE_WORK 8u
#define BYTES_A_WORK 2048u

void relay_commit(struct relay *relay, enum flow_dir dir, const struct flow_state *next)
{
    const uint32_t in = flow_now(&relay->slot->flow[dir])->in.chunk;
    const uint32_t out = flow_now(&relay->slot->flow[dir])->out.chunk;
    flow_commit(relay->slot, dir, next);
    if (in != next->in.chunk)
        chunk_give(relay->chunks, in);
    if (out != next->out.chunk)
        chunk_give(relay->chunks, out);
}

void relay_wipe_free_key(struct relay *relay)
{
    uint8_t free_key = slot_free_key(flow_now(&relay->slot->flow[TO_GAME])->key,
                                     flow_now(&relay->slot->flow[TO_PLAYER])->key);
    slot_wipe_key(relay->slot, free_key);
}

void relay_shut(struct relay *relay, enum flow_dir dir)
{
    struct flow_state next = relay_state(relay, dir);
    flow_set_phase(&next, dir, FLOW_SHUT);
    next.in = BUFFER_EMPTY;
    next.out = BUFFER_EMPTY;
    if (dir == TO_GAME)
        next.input.unacked = 0;
    relay_commit(relay, dir, &next);
}

static void say_short(struct relay *relay)
{
    relay->wishes |= RELAY_POLL;
    relay->is_short = true;
    log_event(LOG_SHORTAGE, "error=\"%s\"", strerror(errno));
}

uint32_t relay_chunk(struct relay *relay, const struct buffer *buffer)
{
    if (buffer->chunk != CHUNK_NONE)
        return buffer->chunk;
    uint32_t chunk = chunk_take(relay->chunks);
    if (chunk == CHUNK_NONE)
        say_short(relay);
    return chunk;
}

// Not now, says the system: wait for readiness, or for memory. False: the peer is gone.
static bool is_not_now(struct relay *relay, unsigned bit)
{
    if (errno == EAGAIN) {
        relay->conn->ready &= (uint8_t)~bit;
        return true;
    }
    if (errno != ENOBUFS && errno != ENOMEM)
        return false;
    say_short(relay);
    return true;
}

// A receive that failed. An error can be reported before data that is still
// there, so only the second one, or end of file, ends the flow. A dead game has said all: a child
// of it may hold its sockets open, and no end of file would come.
static bool receive_failed(struct relay *relay, enum flow_dir dir, unsigned bit)
{
    if (errno == EINTR)
        return true;
    bool is_all = relay->conn->is_orphan && bit == RELAY_READ_GAME && errno == EAGAIN;
    if (!is_all && is_not_now(relay, bit))
        return false;
    if (!is_all && !(relay->conn->errors & bit)) {
        relay->conn->errors |= (uint8_t)bit;
        return true;
    }
    struct flow_state next = relay_state(relay, dir);
    flow_end_source(&next, dir);
    relay_commit(relay, dir, &next);
    return true;
}

bool relay_receive(struct relay *relay, enum flow_dir dir, int fd, unsigned bit)
{
    if (relay->is_short || !relay_may_work(relay, dir))
        return false;
    struct flow_state now = relay_state(relay, dir);
    const struct buffer *buffer = slot_receive_buffer(relay->slot, &now);
    uint32_t chunk = relay_chunk(relay, buffer);
    if (chunk == CHUNK_NONE)
        return false;
    uint32_t room = buffer_room(buffer);
    ssize_t n = receipt_recv(relay->vault, vault_slot_index(relay->vault, relay->slot), dir, fd,
                             chunk, buffer->end, room);
    relay_note_work(relay, dir, RECEIVE_WORK + (n > 0 ? (uint32_t)n / BYTES_A_WORK : 0));
    if (n <= 0 && buffer->chunk == CHUNK_NONE)
        chunk_give(relay->chunks, chunk);
    if (n < 0)
        return receive_failed(relay, dir, bit);
    // Less than was asked for: the socket is empty, or its end is next and epoll will say so. Of a
    // dead game's socket nothing may ever be said; there the next receive tells.
    if ((uint32_t)n < room && !(relay->conn->is_orphan && bit == RELAY_READ_GAME))
        relay->conn->ready &= (uint8_t)~bit;
    return true;
}

// A game that has hung up altogether may be dead; that is found out by reading.
static void end_sending(struct relay *relay, enum flow_dir dir, unsigned bit)
{
    if (bit == RELAY_WRITE_GAME && relay_has_hung_up(relay->slot)) {
        relay->conn->ready &= (uint8_t)~bit;
        relay->conn->errors |= (uint8_t)bit;
    } else {
        relay_shut(relay, dir);
    }
}

bool relay_send(struct relay *relay, enum flow_dir dir, int fd, unsigned bit)
{
    uint32_t chunk = flow_now(&relay->slot->flow[dir])->out.chunk;
    ssize_t n = receipt_send(relay->vault, vault_slot_index(relay->vault, relay->slot), dir, fd);
    if (n >= 0) {
        if (flow_now(&relay->slot->flow[dir])->out.chunk == CHUNK_NONE)
            chunk_give(relay->chunks, chunk);
        return true;
    }
    if (errno == EINTR)
        return true;
    if (!is_not_now(relay, bit))
        end_sending(relay, dir, bit);
    return false;
}

void relay_start_ending(struct relay *relay, enum flow_dir dir)
{
    struct flow_state next = relay_state(relay, dir);
    if (flow_is_ending(&next))
        return;
    flow_set_phase(&next, dir, FLOW_ENDING);
    relay_commit(relay, dir, &next);
}

void relay_pass_end(struct relay *relay, enum flow_dir dir, int fd)
{
    if (fd >= 0)
        shutdown(fd, SHUT_WR);
    POINT(END_PASSED);
    relay_shut(relay, dir);
}
