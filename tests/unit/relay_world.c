// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See relay_world.h. The relay's calls go through here by the linker's --wrap.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record_player.h"
#include "relay_world.h"
#include "vault/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Past relay_calls.c, for the player's side, and for what the test makes up.
void __real_flow_commit(struct slot *slot, enum flow_dir dir, const struct flow_state *next);
size_t __real_record_seal(const struct record_params *params, const struct record_key *key,
                          const struct record_state *state, const uint8_t *text, size_t n_text,
                          uint8_t *out, size_t out_room, struct record_state *next);
size_t __real_record_seal_alert(const struct record_params *params, const struct record_key *key,
                                const struct record_state *state, uint8_t alert, uint8_t *out,
                                size_t out_room, struct record_state *next);
size_t __real_record_seal_key_update(const struct record_params *params,
                                     const struct record_key *key, const struct record_state *state,
                                     bool request_update, uint8_t *out, size_t out_room,
                                     struct record_state *next, struct record_key *next_key);
void __real_record_open(const struct record_params *params, const struct record_key *key,
                        const struct record_state *record, const uint8_t *in, size_t n_in,
                        uint8_t *text, size_t text_room, struct record_opened *opened);

static bool has_record; // record_init's, for all worlds

static void make_keys(struct relay_world *world, enum relay_world_kind kind)
{
    static const uint8_t secret[2][32] = {{1}, {2}};
    static const uint8_t master[48] = {3};
    struct slot *slot = world->slot;
    world->params = (struct record_params){kind == WORLD_TLS13 ? RECORD_TLS13 : RECORD_TLS12,
                                           RECORD_AES_128_GCM};
    if (kind == WORLD_TLS13) {
        assert_true(record_key_tls13(&world->params, secret[0], 32, &world->send_key));
        assert_true(record_key_tls13(&world->params, secret[1], 32, &world->receive_key));
    } else {
        assert_true(record_keys_tls12(&world->params, false, master, secret[0], secret[1],
                                      &world->send_key, &world->receive_key));
    }
    slot->flags |= SLOT_FLAG_TLS;
    slot->tls_version = world->params.version;
    slot->cipher = world->params.cipher;
    slot->suite = kind == WORLD_TLS13 ? 0x1301 : 0xc02f;
    slot->keys[TO_GAME] = world->send_key;
    slot->keys[TO_PLAYER] = world->receive_key;
}

void world_make(struct relay_world *world, enum relay_world_kind kind, uint32_t flags)
{
    int player[2];
    *world = (struct relay_world){.game = -1, .alert = FLOW_ALERT_NONE};
    if (!has_record)
        has_record = record_init();
    assert_true(has_record);
    assert_int_equal(vault_make(&world->vault, 1), 0);
    assert_int_equal(slot_pool_make(&world->slots, &world->vault), 0);
    assert_int_equal(chunk_pool_make(&world->chunks, &world->vault), 0);
    world->slot = slot_prepare(&world->slots);
    assert_non_null(world->slot);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, player), 0);
    world->player = player[1];
    if (kind != WORLD_PLAIN)
        make_keys(world, kind);
    world->slot->flags |= flags;
    slot_claim(world->slot, player[0]);
    world->relay = (struct relay){.vault = &world->vault,
                                  .chunks = &world->chunks,
                                  .slot = world->slot,
                                  .conn = &world->conn,
                                  .work = RELAY_WORK_ALL};
    relay_world_recv = relay_world_send = relay_world_memory = relay_world_seal =
        relay_world_linger = (struct relay_world_failure){0};
    relay_world_on_commit = NULL;
    relay_world_on_close = NULL;
    relay_world_on_clock = NULL;
    relay_world_vault = &world->vault;
}

void world_free(struct relay_world *world)
{
    const int fd = world->vault.fd;
    relay_world_vault = NULL;
    close(world->player);
    if (world->game >= 0)
        close(world->game);
    if (world->slot->game_fd >= 0)
        close(world->slot->game_fd);
    close(world->slot->player_fd);
    slot_pool_free(&world->slots);
    chunk_pool_free(&world->chunks);
    vault_unmap(&world->vault);
    close(fd);
}

void world_link(struct relay_world *world, bool is_resumed, uint32_t flags)
{
    int game[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, game), 0);
    relay_prepare_link(&world->relay, is_resumed);
    world_check(world);
    slot_link(world->slot, game[0], world->slot->flags | SLOT_FLAG_LINKED | flags);
    world->game = game[1];
}

void world_unlink(struct relay_world *world)
{
    close(world->game);
    world->game = -1;
    relay_unlink(&world->relay);
    world_check(world);
}

void world_check(const struct relay_world *world)
{
    unsigned n_of[(1 + VAULT_FAREWELLS) * CHUNKS_PER_SLOT] = {0};
    const uint32_t n_chunks = world->vault.head->n_chunks;
    assert_int_equal(verify_slot(&world->vault, world->slot), I_NONE);
    assert_true(n_chunks <= sizeof n_of / sizeof *n_of);
    for (uint32_t i = 0; i < world->chunks.n_free; i++)
        n_of[world->chunks.free[i]]++;
    for (int dir = 0; dir < 2; dir++) {
        const struct flow_state *now = flow_now(&world->slot->flow[dir]);
        if (now->in.chunk != CHUNK_NONE)
            n_of[now->in.chunk]++;
        if (now->out.chunk != CHUNK_NONE)
            n_of[now->out.chunk]++;
    }
    for (uint32_t i = 0; i < n_chunks; i++)
        assert_int_equal(n_of[i], 1);
}

void world_fill_out(struct relay_world *world, enum flow_dir dir, uint32_t start, uint32_t left,
                    int byte)
{
    struct flow_state next = *world_now(world, dir);
    assert_int_equal(next.out.chunk, CHUNK_NONE);
    next.out = (struct buffer){chunk_take(&world->chunks), (uint16_t)start,
                               (uint16_t)(CHUNK_BYTES - left)};
    memset(vault_chunk(&world->vault, next.out.chunk), byte, CHUNK_BYTES);
    next.received += buffer_bytes(&next.out);
    __real_flow_commit(world->slot, dir, &next);
    world_check(world);
}

unsigned world_run_with(struct relay_world *world, unsigned ready)
{
    world->conn.ready = (uint8_t)ready;
    const unsigned wants = relay_run(&world->relay);
    world_check(world);
    return wants;
}

unsigned world_run(struct relay_world *world)
{
    return world_run_with(world, RELAY_READY_ALL);
}

static void send_all(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

size_t world_player_seals(struct relay_world *world, const void *text, size_t n, uint8_t *record)
{
    n = __real_record_seal(&world->params, &world->send_key, &world->send_state, text, n, record,
                           n + RECORD_OVERHEAD, &world->send_state);
    assert_true(n > 0);
    return n;
}

void world_player_says(struct relay_world *world, const void *text, size_t n)
{
    static uint8_t record[RECORD_MAX_TEXT + RECORD_OVERHEAD];
    if (!slot_is_tls(world->slot)) {
        send_all(world->player, text, n);
        return;
    }
    n = world_player_seals(world, text, n, record);
    send_all(world->player, record, n);
}

void world_player_says_record(struct relay_world *world, uint8_t type, const void *content,
                              size_t n)
{
    uint8_t wire_record[512];
    const struct player_record record = {.type = type, .content = content, .n_content = n};
    n = player_seal(&world->params, &world->send_key, world->send_state.seq++, &record,
                    wire_record);
    send_all(world->player, wire_record, n);
}

void world_player_says_alert(struct relay_world *world, uint8_t alert)
{
    uint8_t record[64];
    const size_t n = __real_record_seal_alert(&world->params, &world->send_key, &world->send_state,
                                              alert, record, sizeof record, &world->send_state);
    assert_true(n > 0);
    send_all(world->player, record, n);
}

void world_player_rekeys(struct relay_world *world, bool request_update)
{
    uint8_t record[64];
    struct record_key next;
    const size_t n = __real_record_seal_key_update(&world->params, &world->send_key,
                                                   &world->send_state, request_update, record,
                                                   sizeof record, &world->send_state, &next);
    assert_true(n > 0);
    world->send_key = next;
    send_all(world->player, record, n);
}

void world_game_says(struct relay_world *world, const void *text, size_t n)
{
    send_all(world->game, text, n);
}

static uint8_t wire[512 * 1024];
static uint8_t heard[512 * 1024];

static size_t receive_all(int fd, uint8_t *bytes, size_t room, bool *is_end)
{
    size_t n = 0;
    ssize_t got;
    *is_end = false;
    while ((got = recv(fd, bytes + n, room - n, MSG_DONTWAIT)) > 0)
        n += (size_t)got;
    *is_end = got == 0;
    return n;
}

// Every record must be whole.
static size_t open_all(struct relay_world *world, size_t n_wire)
{
    size_t n = 0;
    for (size_t at = 0; at < n_wire;) {
        struct record_opened opened;
        __real_record_open(&world->params, &world->receive_key, &world->receive_state, wire + at,
                           n_wire - at, heard + n, sizeof heard - n, &opened);
        // Nothing comes behind the last alert.
        assert_true(world->alert == FLOW_ALERT_NONE || world->alert == RECORD_NO_RENEGOTIATION);
        switch (opened.status) {
        case RECORD_REKEYED:
            world->receive_key = opened.key;
            world->n_updates++;
            break;
        case RECORD_CLOSED:
            world->alert = RECORD_CLOSE_NOTIFY;
            break;
        case RECORD_DEAD:
            world->alert = opened.alert;
            return n;
        default:
            assert_int_equal(opened.status, RECORD_TEXT);
            world->n_records++;
        }
        world->receive_state = opened.state;
        n += opened.n_text;
        at += opened.n_read;
    }
    return n;
}

size_t world_player_reads(struct relay_world *world, const uint8_t **text, bool *is_end)
{
    size_t n = receive_all(world->player, wire, sizeof wire, is_end);
    if (slot_is_tls(world->slot))
        n = open_all(world, n);
    else
        memcpy(heard, wire, n);
    *text = heard;
    return n;
}

void world_player_hears(struct relay_world *world, const void *text, size_t n, bool is_end)
{
    const uint8_t *read;
    bool is_eof;
    assert_int_equal(world_player_reads(world, &read, &is_eof), n);
    assert_memory_equal(read, text, n);
    assert_int_equal(is_eof, is_end);
    if (is_end && slot_is_tls(world->slot))
        assert_int_not_equal(world->alert, FLOW_ALERT_NONE);
}

void world_game_hears(struct relay_world *world, const void *text, size_t n, bool is_end)
{
    bool is_eof;
    assert_int_equal(receive_all(world->game, heard, sizeof heard, &is_eof), n);
    assert_memory_equal(heard, text, n);
    assert_int_equal(is_eof, is_end);
}
