// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Exactly-once recv and send on stream sockets. The kernel itself notes the
// result in the vault: sendmmsg(2) and recvmmsg(2), the system calls, of one message put
// the byte count into mmsghdr.msg_len before they return, and a SIGKILL takes effect only
// on the way back. So:
//
//   1. msg_len = UNSET, then the fields, then the new id, in this order (I3);
//   2. the call, never blocking;
//   3. the flow's commit: the count and the receipt's id in one (I4).
//
// A successor finds the id already settled in its flow, or msg_len UNSET (nothing
// moved), or does step 3 now. One receipt a vault: one worker, one call at a time.
//
// Errors: as recv(2) and send(2): -1 with errno, nothing moved.
#ifndef STAYD_VAULT_RECEIPT_H
#define STAYD_VAULT_RECEIPT_H

#include "vault/vault.h"
#include <stdbool.h>
#include <sys/types.h>

enum receipt_side { RECEIPT_RECV, RECEIPT_SEND };

// Receive up to room bytes to `offset` of `chunk`, and commit them to the end of
// the flow's receiving buffer (slot_receive_buffer). If that buffer is empty the
// chunk is one the caller took from the pool, and the commit claims it. At end of
// file (0) the flow goes on to FLOW_ENDING, or FLOW_CUT (TO_PLAYER), and no chunk is claimed.
ssize_t receipt_recv(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd, uint32_t chunk,
                     uint32_t offset, uint32_t room);

// Send what the flow's buffer `out` holds and has not sent, and commit what went. To a game that
// acknowledges, it stays in the buffer. Nothing to send is the caller's mistake.
ssize_t receipt_send(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd);

// After a crash, before anything else looks at the slots: finish the call that
// was in flight. True when there was something to commit.
bool receipt_settle(struct vault *vault);

#endif
