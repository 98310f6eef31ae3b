// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Receipts (receipt.h). The normal way and recovery share `apply`: there is one
// way to commit a call's result, whoever does it.
// Errors: -1 with errno of the call.
#include "vault/receipt.h"

#include "vault/flow.h"
#include "vault/point.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNSET UINT32_MAX

static_assert(sizeof(struct mmsghdr) <= sizeof(((struct receipt *)0)->message), "receipt");
static_assert(sizeof(struct iovec) <= sizeof(((struct receipt *)0)->iovec), "receipt");

static struct mmsghdr *message_of(struct receipt *receipt)
{
    return (struct mmsghdr *)receipt->message;
}

// The kernel writes msg_len behind the compiler's back.
static void count_set(struct receipt *receipt, uint32_t count)
{
    *(volatile unsigned int *)&message_of(receipt)->msg_len = count;
    atomic_thread_fence(memory_order_release);
}

static uint32_t count_get(struct receipt *receipt)
{
    atomic_thread_fence(memory_order_acquire);
    return *(volatile unsigned int *)&message_of(receipt)->msg_len;
}

// After count more bytes of `out` were sent: what the game is still to acknowledge stays (I17).
static void take_sent(const struct vault *vault, const struct slot *slot, enum flow_dir dir,
                      struct flow_state *next, uint32_t count)
{
    next->sent += count;
    if (dir == TO_GAME)
        next->flags &= (uint8_t)~FLOW_FRESH;
    if (dir == TO_GAME && slot_has(slot, SLOT_FLAG_ACKS)) {
        next->input.unacked = (uint16_t)(next->input.unacked + count);
        return;
    }
    if (dir == TO_GAME)
        flow_pass_front(next, slot_has(slot, SLOT_FLAG_TELNET),
                        vault_chunk(vault, next->out.chunk) + next->out.start, count);
    buffer_take(&next->out, count);
}

// Step 3: commit the noted count to the flow.
static void apply(struct vault *vault, uint32_t count)
{
    const struct receipt *receipt = &vault->head->receipt;
    struct slot *slot = &vault->slots[receipt->slot];
    const enum flow_dir dir = (enum flow_dir)receipt->dir;
    struct flow_state next = *flow_now(&slot->flow[dir]);

    next.settled = receipt->id;
    if (receipt->side == RECEIPT_SEND) {
        take_sent(vault, slot, dir, &next, count);
    } else if (count == 0) {
        flow_end_source(&next, dir);
    } else {
        struct buffer *buffer = slot_receive_buffer(slot, &next);
        next.received += count;
        *buffer = (struct buffer){
            .chunk = receipt->chunk,
            .start = buffer->start,
            .end = (uint16_t)(receipt->offset + count),
        };
        if (!slot_has_step(slot)) // which would note it
            flow_note_http(&next, dir, vault_chunk(vault, receipt->chunk) + receipt->offset, count);
    }
    flow_commit(slot, dir, &next);
}

// Step 1. The order of the stores is the whole point (I3).
static void prepare(struct receipt *receipt, uint32_t slot, enum flow_dir dir,
                    enum receipt_side side, uint32_t chunk, uint32_t offset, uint8_t *base,
                    size_t n_bytes)
{
    count_set(receipt, UNSET);
    POINT(RECEIPT_UNSET);
    receipt->slot = slot;
    receipt->dir = dir;
    receipt->side = side;
    receipt->chunk = chunk;
    receipt->offset = offset;
    *(struct iovec *)receipt->iovec = (struct iovec){.iov_base = base, .iov_len = n_bytes};
    // All of it: where a libc's counts are narrower than the kernel's, padding is the upper half.
    message_of(receipt)->msg_hdr =
        (struct msghdr){.msg_iov = (struct iovec *)receipt->iovec, .msg_iovlen = 1};
    POINT(RECEIPT_FILLED);
    atomic_fetch_add_explicit(&receipt->id, 1, memory_order_release);
    POINT(RECEIPT_OPENED);
}

// By the system call itself. A libc may do otherwise: musl's sendmmsg calls sendmsg(2) and stores
// msg_len afterwards, in user space, where a kill comes in between.
static bool call(long number, int fd, struct receipt *receipt, unsigned flags)
{
    return syscall(number, fd, message_of(receipt), 1, flags, NULL) == 1;
}

ssize_t receipt_recv(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd, uint32_t chunk,
                     uint32_t offset, uint32_t room)
{
    struct receipt *receipt = &vault->head->receipt;
    prepare(receipt, slot, dir, RECEIPT_RECV, chunk, offset, vault_chunk(vault, chunk) + offset,
            room);
    if (!call(SYS_recvmmsg, fd, receipt, MSG_DONTWAIT))
        return -1;
    POINT(RECEIPT_CALLED);
    uint32_t count = count_get(receipt);
    apply(vault, count);
    return count;
}

ssize_t receipt_send(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd)
{
    struct receipt *receipt = &vault->head->receipt;
    const struct flow_state *now = flow_now(&vault->slots[slot].flow[dir]);
    const uint32_t first = now->out.start + flow_unacked(now, dir);
    prepare(receipt, slot, dir, RECEIPT_SEND, now->out.chunk, first,
            vault_chunk(vault, now->out.chunk) + first, flow_unsent(now, dir));
    if (!call(SYS_sendmmsg, fd, receipt, MSG_DONTWAIT | MSG_NOSIGNAL))
        return -1;
    POINT(RECEIPT_CALLED);
    uint32_t count = count_get(receipt);
    apply(vault, count);
    return count;
}

// Can the receipt's call have moved so much? Not if something is damaged; that is verify's to find.
static bool is_credible(const struct vault *vault, const struct slot *slot, uint32_t count)
{
    const struct receipt *receipt = &vault->head->receipt;
    if (verify_slot(vault, slot))
        return false;
    struct flow_state now = *flow_now(&slot->flow[receipt->dir]);
    if (receipt->side == RECEIPT_SEND)
        return count > 0 && count <= flow_unsent(&now, receipt->dir);
    const struct buffer *buffer = slot_receive_buffer(slot, &now);
    return now.phase == FLOW_OPEN && receipt->chunk < vault->head->chunks_reserved &&
           count <= buffer_room(buffer) && receipt->offset == buffer->end &&
           (buffer->chunk == CHUNK_NONE || buffer->chunk == receipt->chunk);
}

bool receipt_settle(struct vault *vault)
{
    struct receipt *receipt = &vault->head->receipt;
    if (receipt->slot >= vault->head->slots_reserved || receipt->dir > TO_PLAYER)
        return false;
    const struct slot *slot = &vault->slots[receipt->slot];
    if (slot->state != SLOT_LIVE || flow_now(&slot->flow[receipt->dir])->settled == receipt->id)
        return false;
    uint32_t count = count_get(receipt);
    if (count == UNSET || !is_credible(vault, slot, count))
        return false;
#ifdef STAYD_NO_RECEIPTS // only in the build that shows the kill storm can fail
    return false;
#endif
    apply(vault, count);
    return true;
}
