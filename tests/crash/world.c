// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The world of a crash test (world.h). Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world.h"

#include "base/bytes.h"
#include "conf/conf.h"
#include "game/link.h"
#include "guard/guard.h"
#include "guard/sweep.h"
#include "process/clone.h"
#include "relay/relay.h"
#include "vault/flow.h"
#include "vault/receipt.h"
#include "vault/resume.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct trap *armed; // in the small worker's process only

void point_reached(enum point point)
{
    if (!armed || armed->has_fired || point != armed->point || ++armed->seen != armed->nth)
        return;
    armed->has_fired = true;
    kill(getpid(), SIGKILL);
}

bool world_resumes(const struct world *world)
{
    return world->kind != WORLD_TLS12;
}

bool world_acks(const struct world *world)
{
    return world->kind == WORLD_TLS13 || world->kind == WORLD_PLAIN;
}

bool world_is_telnet(const struct world *world)
{
    return world->kind != WORLD_PLAIN;
}

static bool is_tls(const struct world *world)
{
    return world->kind == WORLD_TLS13 || world->kind == WORLD_TLS12;
}

static void make_game(struct world *world)
{
    struct sockaddr_un *address;
    world->conf = calloc(1, sizeof *world->conf);
    world->conf->header = CONF_PROXY_V2;
    address = (struct sockaddr_un *)&world->conf->sockaddr;
    address->sun_family = AF_UNIX;
    // An abstract name (unix(7)): nothing to clean up.
    snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "stayd-crash-%d", (int)getpid());
    world->conf->sockaddr_bytes =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address->sun_path + 1));
    world->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(world->listener, (struct sockaddr *)address, world->conf->sockaddr_bytes),
                     0);
    assert_int_equal(listen(world->listener, 8), 0);
    world->game = -1;
}

static void make_keys(struct world *world)
{
    uint8_t secret[48];
    memset(secret, 0x11, sizeof secret);
    world->params = (struct record_params){
        .version = world->kind == WORLD_TLS12 ? RECORD_TLS12 : RECORD_TLS13,
        .cipher = RECORD_AES_128_GCM,
    };
    if (world->kind == WORLD_TLS12) {
        assert_true(record_keys_tls12(&world->params, false, secret, secret, secret + 8,
                                      &world->send_key, &world->receive_key));
        return;
    }
    assert_true(record_key_tls13(&world->params, secret, 32, &world->send_key));
    secret[0] = 0x22;
    assert_true(record_key_tls13(&world->params, secret, 32, &world->receive_key));
}

void world_make(struct world *world, enum world_kind kind, struct trap *trap)
{
    int pair[2];
    *world = (struct world){.kind = kind, .trap = trap, .is_acking = true, .child = -1};
    assert_int_equal(vault_make(&world->vault, 4), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    world->player = pair[0];
    world->accepted = pair[1];
    make_game(world);
    make_keys(world);
    const int claimed[] = {
        0, 1, 2, world->player, world->accepted, world->listener, world->vault.fd};
    for (unsigned i = 0; i < sizeof claimed / sizeof *claimed; i++)
        heritage_claim(&world->vault, i, claimed[i]);
}

void world_free(struct world *world)
{
    int fds[] = {world->player, world->listener, world->game, world->child, world->vault.fd};
    vault_unmap(&world->vault);
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(world->conf);
}

// The small worker: recover, let the player in if it is not in yet, then serve
// until nothing moves. Exit status 0; 1 when an invariant is broken.
static struct slot *let_in(const struct world *world, struct slot_pool *slots)
{
    struct slot *slot = slot_prepare(slots);
    if (!slot)
        _exit(1);
    if (world_is_telnet(world))
        slot->flags |= SLOT_FLAG_TELNET | SLOT_FLAG_MNES;
    if (is_tls(world)) {
        slot->flags |= SLOT_FLAG_TLS;
        slot->tls_version = world->params.version;
        slot->cipher = world->params.cipher;
        slot->suite = 0x1301;
        slot->keys[TO_GAME] = world->send_key;
        slot->keys[TO_PLAYER] = world->receive_key;
    }
    slot_claim(slot, world->accepted);
    return slot;
}

static void count_broken(void *arg, uint32_t slot, enum invariant invariant)
{
    (void)arg;
    fprintf(stderr, "slot %u breaks I%d\n", slot, invariant);
}

static void join(const struct world *world, struct relay *relay)
{
    struct slot *slot = relay->slot;
    uint8_t state[VAULT_RESUME_BYTES];
    bool is_resumed = slot_has(slot, SLOT_FLAG_LINKED) && slot_has(slot, SLOT_FLAG_RESUMES);
    int fd;
    relay_prepare_link(relay, is_resumed);
    const struct header_resumed resumed = {.input = relay_input_offset(slot),
                                           .output = relay_output_offset(slot),
                                           .state = state,
                                           .n_state = resume_get(relay->vault, slot, state)};
    const struct link_terms terms = {.flags = (world_acks(world) ? SLOT_FLAG_ACKS : 0) |
                                              (world_resumes(world) ? SLOT_FLAG_RESUMES : 0),
                                     .resumed = is_resumed ? &resumed : NULL};
    if (link_connect(world->conf, &fd) != LINK_MADE ||
        link_make(slot, world->conf, fd, &terms) != LINK_MADE)
        _exit(1);
}

// The worker's part in away and back (players/away.c), with the test's judgement. True: run again.
static bool judge(const struct world *world, struct relay *relay, unsigned wants)
{
    const struct slot *slot = relay->slot;
    const struct relay_words back = {.text = WORLD_BACK, .clear = FLOW_AWAY};
    const struct flow_state *now = flow_now(&slot->flow[TO_PLAYER]);
    if (slot->game_fd >= 0 && now->flags & FLOW_AWAY)
        return relay_say(relay, &back);
    if (!(wants & RELAY_JUDGE))
        return false;
    if (slot->game_fd < 0)
        return relay_mend(relay, WORLD_AWAY);
    if (world->is_dead)
        relay_unlink(relay);
    else
        relay_let_end(relay);
    return true;
}

static void serve(const struct world *world, struct slot_pool *slots, struct chunk_pool *chunks,
                  struct cell_pool *cells, struct slot *slot)
{
    struct vault vault = world->vault;
    struct relay_conn conn = RELAY_CONN_NEW;
    struct relay relay = {
        .vault = &vault, .chunks = chunks, .slot = slot, .conn = &conn, .work = RELAY_WORK_ALL};
    conn.is_orphan = world->is_dead;
    // Twice with everything ready: nothing may be left that only needs another look.
    for (int i = 0; i < 12; i++) {
        if (slot->game_fd < 0 && !world->is_dead &&
            flow_now(&slot->flow[TO_PLAYER])->phase == FLOW_OPEN)
            join(world, &relay);
        conn.ready = RELAY_READY_ALL;
        unsigned wants = relay_run(&relay);
        while (judge(world, &relay, wants))
            wants = relay_run(&relay);
        if (wants & RELAY_DONE) {
            slot_free(slots, chunks, cells, slot);
            return;
        }
        if (world->is_acking && slot->game_fd >= 0 &&
            !relay_acknowledge(&relay, relay_input_offset(slot)))
            _exit(3);
    }
    if (world_resumes(world) &&
        !resume_put(cells, slot, (const uint8_t *)WORLD_STATE, sizeof WORLD_STATE - 1))
        _exit(4);
}

// Housekeeping after other players' burst.
static void use_and_trim(struct chunk_pool *chunks)
{
    uint32_t taken[8];
    for (int i = 0; i < 8; i++)
        taken[i] = chunk_take(chunks);
    for (int i = 0; i < 8; i++)
        chunk_give(chunks, taken[i]);
    chunk_pool_trim(chunks);
}

static _Noreturn void small_worker(const struct world *world)
{
    struct vault vault = world->vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot *slot = NULL;
    receipt_settle(&vault);
    if (verify_head(&vault) || verify_all(&vault, count_broken, NULL) ||
        slot_pool_make(&slots, &vault) < 0 || chunk_pool_make(&chunks, &vault) < 0 ||
        cell_pool_make(&cells, &vault) < 0)
        _exit(1);
    slot_pool_wipe(&slots);
    for (uint32_t i = 0; i < vault.head->slots_reserved; i++)
        if (vault.slots[i].state == SLOT_LIVE)
            slot = &vault.slots[i];
    // A slot whose end was reached is not let in again: its descriptor is closed.
    if (!slot && fcntl(world->accepted, F_GETFD) < 0)
        _exit(0);
    if (!slot)
        slot = let_in(world, &slots);
    serve(world, &slots, &chunks, &cells, slot);
    use_and_trim(&chunks);
    // Nothing waits for a peer in these lives but the header, acknowledgements, and those whose
    // game is dead: an idle player owns no chunk.
    bool must_be_idle = world->game >= 0 && world->is_acking && !world->is_dead;
    _exit(chunks.n_free == vault.head->n_chunks || !must_be_idle ? 0 : 2);
}

static void work(const struct world *world)
{
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    armed = world->trap;
    if (world->worker)
        world->worker(world);
    small_worker(world);
}

static void say_words(struct world *world)
{
    const struct slot *slot = &world->vault.slots[0];
    if (!world->words || slot->game_fd < 0 || flow_now(&slot->flow[TO_PLAYER])->phase != FLOW_CUT)
        return;
    world_player_says(world, (const uint8_t *)world->words, strlen(world->words));
    world->words = NULL;
}

static bool is_blank(const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    while (n > 0 && at[n - 1] == 0)
        n--;
    return n == 0;
}

static bool note_cell(void *used, uint32_t cell)
{
    ((bool *)used)[cell] = true;
    return true;
}

// Wherever workers died, the last one has left no key and no state that no live slot uses.
static void check_wiped(const struct world *world)
{
    const struct vault *vault = &world->vault;
    bool *used = calloc(vault->head->n_cells, sizeof *used);
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        const struct flow *flow = slot->flow;
        unsigned unused =
            slot_free_key(flow_now(&flow[TO_GAME])->key, flow_now(&flow[TO_PLAYER])->key);
        for (unsigned key = 0; key < SLOT_KEYS; key++)
            if (slot->state != SLOT_LIVE || key == unused)
                assert_true(is_blank(&slot->keys[key], sizeof slot->keys[key]));
        if (slot->state == SLOT_LIVE)
            resume_walk(vault, slot, note_cell, used);
    }
    for (uint32_t cell = 0; cell < vault->head->cells_reserved; cell++)
        assert_true(used[cell] || is_blank(vault->cells[cell].bytes, CELL_BYTES));
    free(used);
}

void world_work(struct world *world)
{
    for (;;) {
        int pidfd;
        int status;
        pid_t pid = clone_sharing_table(&pidfd);
        assert_true(pid >= 0);
        if (pid == 0)
            work(world);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        // The worker and its claims are all there is now; invariants hold before recovery too.
        sweep_descriptors(&world->vault);
        assert_int_equal(verify_all(&world->vault, count_broken, NULL), 0);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            check_wiped(world);
            return;
        }
        assert_int_equal(WTERMSIG(status), SIGKILL);
        say_words(world);
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

void world_player_says(struct world *world, const uint8_t *text, size_t n)
{
    static uint8_t record[RECORD_MAX_TEXT + RECORD_OVERHEAD];
    if (!is_tls(world)) {
        send_all(world->player, text, n);
        return;
    }
    do {
        size_t part = n < RECORD_MAX_TEXT ? n : RECORD_MAX_TEXT;
        size_t sealed = record_seal(&world->params, &world->send_key, &world->send_state, text,
                                    part, record, sizeof record, &world->send_state);
        assert_true(sealed > 0);
        send_all(world->player, record, sealed);
        text += part;
        n -= part;
    } while (n > 0);
}

void world_player_rekeys(struct world *world, bool request_update)
{
    uint8_t record[64];
    struct record_key next;
    if (world->kind != WORLD_TLS13)
        return;
    size_t n =
        record_seal_key_update(&world->params, &world->send_key, &world->send_state, request_update,
                               record, sizeof record, &world->send_state, &next);
    assert_true(n > 0);
    world->send_key = next;
    send_all(world->player, record, n);
}

void world_player_closes(struct world *world)
{
    uint8_t record[64];
    if (is_tls(world)) {
        size_t n =
            record_seal_alert(&world->params, &world->send_key, &world->send_state,
                              RECORD_CLOSE_NOTIFY, record, sizeof record, &world->send_state);
        assert_true(n > 0);
        send_all(world->player, record, n);
    }
    assert_int_equal(shutdown(world->player, SHUT_WR), 0);
}

static size_t receive_all(int fd, uint8_t *bytes, size_t room, bool *is_end)
{
    size_t n = 0;
    *is_end = false;
    for (;;) {
        ssize_t got = recv(fd, bytes + n, room - n, 0);
        if (got == 0)
            *is_end = true;
        if (got <= 0)
            return n;
        n += (size_t)got;
    }
}

static uint8_t wire[512 * 1024];
static uint8_t heard[512 * 1024];

// Open all records in `wire`; every one must be whole.
static size_t open_all(struct world *world, size_t n_wire, bool *is_closed)
{
    size_t n = 0;
    *is_closed = false;
    for (size_t at = 0; at < n_wire;) {
        struct record_opened opened;
        record_open(&world->params, &world->receive_key, &world->receive_state, wire + at,
                    n_wire - at, heard + n, sizeof heard - n, &opened);
        if (opened.status == RECORD_REKEYED) {
            world->receive_key = opened.key;
            world->n_received_updates++;
        } else if (opened.status == RECORD_CLOSED) {
            *is_closed = true;
        } else {
            assert_int_equal(opened.status, RECORD_TEXT);
        }
        world->receive_state = opened.state;
        n += opened.n_text;
        at += opened.n_read;
    }
    return n;
}

void world_player_hears(struct world *world, const uint8_t *text, size_t n, bool is_end)
{
    bool is_eof;
    bool is_closed = true;
    size_t n_heard = receive_all(world->player, wire, sizeof wire, &is_eof);
    if (!is_tls(world))
        memcpy(heard, wire, n_heard);
    else
        n_heard = open_all(world, n_heard, &is_closed);
    assert_int_equal(n_heard, n);
    assert_memory_equal(heard, text, n);
    if (is_end)
        assert_true(is_eof && is_closed);
    else
        assert_false(is_eof);
}

// The header's E2, which is its last TLV.
static void note_resumed(struct world *world, const uint8_t *rest, size_t n)
{
    static const char state[] = WORLD_STATE;
    size_t n_tlv = 3 + 16 + sizeof state - 1;
    if (n < n_tlv || rest[n - n_tlv] != HEADER_TLV_RESUMED)
        return;
    const uint8_t *value = rest + n - n_tlv + 3;
    world->n_headers_resumed++;
    world->resumed_input = (uint64_t)bytes_get32(value) << 32 | bytes_get32(value + 4);
    assert_memory_equal(value + 16, state, sizeof state - 1);
}

void world_game_accepts(struct world *world)
{
    uint8_t header[16];
    uint8_t rest[1024];
    int fd;
    // A worker that died with the header sent and the link not claimed left an earlier one.
    while ((fd = accept(world->listener, NULL, NULL)) >= 0) {
        if (world->game >= 0)
            close(world->game);
        world->game = fd;
    }
    assert_true(world->game >= 0);
    heritage_claim(&world->vault, 7, world->game);
    assert_int_equal(recv(world->game, header, 16, 0), 16);
    size_t n = (size_t)header[14] << 8 | header[15];
    assert_true(n <= sizeof rest);
    // And nothing behind it: the header goes alone.
    assert_int_equal(recv(world->game, rest, sizeof rest, MSG_DONTWAIT), (ssize_t)n);
    note_resumed(world, rest, n);
}

void world_game_dies(struct world *world)
{
    world->is_dead = true;
    close(world->game);
    world->game = -1;
    vault_guard_fds(&world->vault)[7] = -1;
}

void world_game_leaves_child(struct world *world)
{
    world->is_dead = true;
    world->child = world->game;
    heritage_claim(&world->vault, 8, world->child);
    world->game = -1;
    vault_guard_fds(&world->vault)[7] = -1;
}

void world_child_heard_nothing(struct world *world)
{
    uint8_t byte;
    assert_true(recv(world->child, &byte, 1, MSG_DONTWAIT) <= 0);
}

void world_game_hears(struct world *world, const uint8_t *text, size_t n, bool is_end)
{
    bool is_eof = false;
    struct pollfd poll_fd = {.fd = world->game, .events = POLLIN};
    size_t n_heard = 0;
    while (poll(&poll_fd, 1, 0) == 1) {
        ssize_t got = recv(world->game, heard + n_heard, sizeof heard - n_heard, MSG_DONTWAIT);
        is_eof = got == 0;
        if (got <= 0)
            break;
        n_heard += (size_t)got;
    }
    assert_int_equal(n_heard, n);
    assert_memory_equal(heard, text, n);
    assert_int_equal(is_eof, is_end);
}

void world_game_says(struct world *world, const uint8_t *text, size_t n)
{
    send_all(world->game, text, n);
}
