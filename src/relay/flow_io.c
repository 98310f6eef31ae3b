// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Receiving, sending and committing for both directions (flow_io.h).
// Errors: a system's "not now" clears a ready bit; a peer's end becomes a phase.
#include "relay/flow_io.h"

#include "base/log.h"
#include "vault/receipt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

void run_commit(struct relay_run *run, enum flow_dir dir, const struct flow_state *next)
{
    struct flow *flow = &run->slot->flow[dir];
    uint32_t in = flow_now(flow)->in.chunk;
    uint32_t out = flow_now(flow)->out.chunk;
    flow_commit(flow, next);
    if (in != next->in.chunk)
        chunk_give(run->chunks, in);
    if (out != next->out.chunk)
        chunk_give(run->chunks, out);
}

void run_wipe_free_key(struct relay_run *run)
{
    uint8_t free_key = slot_free_key(flow_now(&run->slot->flow[TO_GAME])->key,
                                     flow_now(&run->slot->flow[TO_PLAYER])->key);
    OPENSSL_cleanse(&run->slot->keys[free_key], sizeof run->slot->keys[free_key]);
}

void run_shut(struct relay_run *run, enum flow_dir dir)
{
    struct flow_state next = run_state(run, dir);
    next.phase = FLOW_SHUT;
    next.in = BUFFER_EMPTY;
    next.out = BUFFER_EMPTY;
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
// there, so only the second one, or end of file, ends the flow.
static bool receive_failed(struct relay_run *run, enum flow_dir dir, unsigned bit)
{
    if (errno == EINTR)
        return true;
    if (is_not_now(run, bit))
        return false;
    if (!(run->conn->errors & bit)) {
        run->conn->errors |= (uint8_t)bit;
        return true;
    }
    struct flow_state next = run_state(run, dir);
    next.phase = FLOW_ENDING;
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
    // Less than was asked for: the socket is empty, or its end is next and epoll will say so.
    if ((uint32_t)n < room)
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
    run_shut(run, dir);
    return true;
}

void run_pass_end(struct relay_run *run, enum flow_dir dir, int fd)
{
    if (fd >= 0)
        shutdown(fd, SHUT_WR);
    POINT(END_PASSED);
    run_shut(run, dir);
}
