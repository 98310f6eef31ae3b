// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The relay's calls, which go through here by the linker's --wrap: they fail when the test says so
// (relay_world.h), and what they are asked for is looked at.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_world.h"
#include "vault/receipt.h"
#include "vault/verify.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

struct relay_world_failure relay_world_recv;
struct relay_world_failure relay_world_send;
struct relay_world_failure relay_world_memory;
struct relay_world_failure relay_world_seal;
struct relay_world_failure relay_world_linger;
unsigned relay_world_n_commits;
unsigned relay_world_n_receives;
unsigned relay_world_n_wiped[128];
void (*relay_world_on_commit)(const struct slot *slot, enum flow_dir dir);
void (*relay_world_on_close)(const struct slot *slot);
void (*relay_world_on_clock)(const struct slot *slot);

const struct vault *relay_world_vault; // whose slots are looked at when a flow is relay_world_vault

static bool fails(struct relay_world_failure *failure)
{
    if (failure->n == 0)
        return false;
    if (failure->n_first > 0) {
        failure->n_first--;
        return false;
    }
    failure->n--;
    errno = failure->error;
    return true;
}

ssize_t __real_receipt_recv(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd,
                            uint32_t chunk, uint32_t offset, uint32_t room);
ssize_t __wrap_receipt_recv(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd,
                            uint32_t chunk, uint32_t offset, uint32_t room);
ssize_t __real_receipt_send(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd);
ssize_t __wrap_receipt_send(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd);
int __real_vault_reserve_chunks(struct vault *vault, uint32_t n);
int __wrap_vault_reserve_chunks(struct vault *vault, uint32_t n);
void __real_flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next);
void __wrap_flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next);
size_t __real_record_seal(const struct record_params *params, const struct record_key *key,
                          const struct record_state *state, const uint8_t *text, size_t n_text,
                          uint8_t *out, size_t out_room, struct record_state *next);
size_t __wrap_record_seal(const struct record_params *params, const struct record_key *key,
                          const struct record_state *state, const uint8_t *text, size_t n_text,
                          uint8_t *out, size_t out_room, struct record_state *next);
size_t __real_record_seal_alert(const struct record_params *params, const struct record_key *key,
                                const struct record_state *state, uint8_t alert, uint8_t *out,
                                size_t out_room, struct record_state *next);
size_t __wrap_record_seal_alert(const struct record_params *params, const struct record_key *key,
                                const struct record_state *state, uint8_t alert, uint8_t *out,
                                size_t out_room, struct record_state *next);
size_t __real_record_seal_key_update(const struct record_params *params,
                                     const struct record_key *key, const struct record_state *state,
                                     bool request_update, uint8_t *out, size_t out_room,
                                     struct record_state *next, struct record_key *next_key);
size_t __wrap_record_seal_key_update(const struct record_params *params,
                                     const struct record_key *key, const struct record_state *state,
                                     bool request_update, uint8_t *out, size_t out_room,
                                     struct record_state *next, struct record_key *next_key);

ssize_t __real_recv(int fd, void *bytes, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
void __real_slot_end_fd(int fd);
void __wrap_slot_end_fd(int fd);
void __real_OPENSSL_cleanse(void *bytes, size_t n);
void __wrap_OPENSSL_cleanse(void *bytes, size_t n);
void __real_record_open(const struct record_params *params, const struct record_key *key,
                        const struct record_state *record, const uint8_t *in, size_t n_in,
                        uint8_t *text, size_t text_room, struct record_opened *opened);
void __wrap_record_open(const struct record_params *params, const struct record_key *key,
                        const struct record_state *record, const uint8_t *in, size_t n_in,
                        uint8_t *text, size_t text_room, struct record_opened *opened);

ssize_t __wrap_receipt_recv(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd,
                            uint32_t chunk, uint32_t offset, uint32_t room)
{
    assert_in_range(room, 1, CHUNK_BYTES);
    relay_world_n_receives++;
    if (fails(&relay_world_recv))
        return -1;
    return __real_receipt_recv(vault, slot, dir, fd, chunk, offset, room);
}

ssize_t __wrap_receipt_send(struct vault *vault, uint32_t slot, enum flow_dir dir, int fd)
{
    assert_in_range(flow_unsent(flow_now(&vault->slots[slot].flow[dir]), dir), 1, CHUNK_BYTES);
    if (fails(&relay_world_send))
        return -1;
    return __real_receipt_send(vault, slot, dir, fd);
}

int __wrap_vault_reserve_chunks(struct vault *vault, uint32_t n)
{
    return fails(&relay_world_memory) ? -1 : __real_vault_reserve_chunks(vault, n);
}

void __wrap_flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next)
{
    __real_flow_commit(slot, dir, next);
    relay_world_n_commits++;
    if (relay_world_vault)
        assert_int_equal(verify_slot(relay_world_vault, slot), I_NONE);
    if (relay_world_on_commit)
        relay_world_on_commit(slot, dir);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags)
{
    if (relay_world_vault && fd == relay_world_vault->slots[0].player_fd &&
        fails(&relay_world_linger))
        return -1;
    return __real_recv(fd, bytes, n, flags);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (relay_world_on_clock)
        relay_world_on_clock(relay_world_vault->slots);
    return __real_clock_gettime(clock, now);
}

void __wrap_slot_end_fd(int fd)
{
    if (relay_world_on_close)
        relay_world_on_close(relay_world_vault->slots);
    __real_slot_end_fd(fd);
}

// All of a chunk or none of it.
static bool is_in_chunk(const uint8_t *at, size_t n)
{
    const size_t offset = (size_t)(at - relay_world_vault->chunks);
    return n == 0 || (offset / CHUNK_BYTES == (offset + n - 1) / CHUNK_BYTES &&
                      offset < (size_t)CHUNK_BYTES * relay_world_vault->head->chunks_reserved);
}

void __wrap_OPENSSL_cleanse(void *bytes, size_t n)
{
    const uint8_t *base = relay_world_vault ? (const uint8_t *)relay_world_vault->head : NULL;
    const bool is_in_vault = base && (uint8_t *)bytes >= base &&
                             (uint8_t *)bytes < base + relay_world_vault->head->total_bytes;
    if (!is_in_vault && n < sizeof relay_world_n_wiped / sizeof *relay_world_n_wiped)
        relay_world_n_wiped[n]++;
    __real_OPENSSL_cleanse(bytes, n);
}

void __wrap_record_open(const struct record_params *params, const struct record_key *key,
                        const struct record_state *record, const uint8_t *in, size_t n_in,
                        uint8_t *text, size_t text_room, struct record_opened *opened)
{
    assert_true(is_in_chunk(in, n_in) && is_in_chunk(text, text_room));
    __real_record_open(params, key, record, in, n_in, text, text_room, opened);
}

// What is sealed fits whatever comes of it.
size_t __wrap_record_seal(const struct record_params *params, const struct record_key *key,
                          const struct record_state *state, const uint8_t *text, size_t n_text,
                          uint8_t *out, size_t out_room, struct record_state *next)
{
    assert_true(n_text + RECORD_OVERHEAD <= out_room && is_in_chunk(out, out_room));
    assert_true(n_text <= relay_world_vault->slots[0].write_limit);
    if (fails(&relay_world_seal))
        return 0;
    return __real_record_seal(params, key, state, text, n_text, out, out_room, next);
}

size_t __wrap_record_seal_alert(const struct record_params *params, const struct record_key *key,
                                const struct record_state *state, uint8_t alert, uint8_t *out,
                                size_t out_room, struct record_state *next)
{
    if (fails(&relay_world_seal))
        return 0;
    return __real_record_seal_alert(params, key, state, alert, out, out_room, next);
}

size_t __wrap_record_seal_key_update(const struct record_params *params,
                                     const struct record_key *key, const struct record_state *state,
                                     bool request_update, uint8_t *out, size_t out_room,
                                     struct record_state *next, struct record_key *next_key)
{
    if (fails(&relay_world_seal)) {
        *next_key = (struct record_key){.secret = {1}}; // half done
        return 0;
    }
    return __real_record_seal_key_update(params, key, state, request_update, out, out_room, next,
                                         next_key);
}
