// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Flows, slots and what they name.
#include "cases.h"

#include "game/link.h"
#include "relay/relay_part.h"
#include "vault/arrival.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/game.h"
#include "vault/receipt.h"
#include "vault/resume.h"

#include <string.h>

// ---- Flows ----

static void watch_flow(struct slot *slot, enum flow_dir dir)
{
    struct flow *flow = &slot->flow[dir];
    watch("copy", &flow->copy[~flow->current & 1], sizeof flow->copy[0]);
    watch("current", &flow->current, sizeof flow->current);
    published("I2", "copy", "current");
    stored("I2", "current", 1);
}

static void commit(enum flow_dir dir, uint32_t current)
{
    struct slot *slot = a_slot(0);
    static struct flow_state next;
    memset(&next, 0x5a, sizeof next);
    next.phase = slot->flow[dir].copy[current].phase = FLOW_OPEN;
    slot->flow[dir].current = current;
    watch_flow(slot, dir);
    watch_begin();
    flow_commit(slot, dir, &next);
}

void case_flow_commit_to_game(void)
{
    commit(TO_GAME, 0);
}

void case_flow_commit_to_player(void)
{
    commit(TO_PLAYER, 1);
}

// Words for a player stand in the chunk before the flow says so.
void case_relay_say(void)
{
    struct slot *slot = a_slot(0);
    static struct chunk_pool chunks;
    static uint32_t free_chunks[] = {2, 1};
    static struct relay_conn conn;
    chunks = (struct chunk_pool){&the_vault, free_chunks, 2, (uint8_t[4]){0}};
    struct relay relay = {
        .vault = &the_vault, .chunks = &chunks, .slot = slot, .conn = &conn, .work = 32};
    the_vault.head->chunks_reserved = 4;
    slot->flags = 0;
    watch("chunk", vault_chunk(&the_vault, 1), CHUNK_BYTES);
    watch_flow(slot, TO_PLAYER);
    published("I5", "chunk", "current");
    watch_begin();
    relay_say(&relay, &(struct relay_words){.text = "The town sleeps.", .set = FLOW_AWAY});
}

// ---- The receipt ----

static void watch_receipt(void)
{
    struct receipt *receipt = &the_vault.head->receipt;
    watch("fields", &receipt->slot, sizeof *receipt - offsetof(struct receipt, slot));
    watch("id", &receipt->id, sizeof receipt->id);
    // struct mmsghdr: the count stands behind the header.
    watch("count", (uint8_t *)receipt->message + sizeof(struct msghdr), sizeof(unsigned));
    published("I3", "count", "fields");
    published("I3", "count", "id");
    published("I3", "fields", "id");
    before("I3", "id", "syscall()");
    before("I4", "syscall()", "copy");
    before("I4", "syscall()", "current");
    stored("I3", "count", 1);
    stored("I3", "id", 1);
}

void case_receipt_recv(void)
{
    struct slot *slot = a_slot(0);
    slot->flags = SLOT_FLAG_TELNET;
    watch_flow(slot, TO_GAME);
    watch_receipt();
    watch_begin();
    receipt_recv(&the_vault, 0, TO_GAME, 7, 1, 0, 100);
}

void case_receipt_send(void)
{
    struct slot *slot = a_slot(0);
    slot->flags = 0;
    slot->flow[TO_PLAYER].copy[0].out = (struct buffer){1, 0, 20};
    watch_flow(slot, TO_PLAYER);
    watch_receipt();
    watch_begin();
    receipt_send(&the_vault, 0, TO_PLAYER, 7);
}

// ---- Slots ----

// From an arrival to a slot that is claimed.
void case_slot_claim(void)
{
    static struct slot_pool pool;
    static uint32_t free_slots[] = {1};
    static struct arrival arrival;
    pool = (struct slot_pool){&the_vault, free_slots, 1};
    the_vault.head->slots_reserved = 2;
    memset(&arrival, 0x5a, sizeof arrival);
    arrival.facts_bytes = 0;
    struct slot *slot = &the_vault.slots[1];
    memset(slot, 0x77, sizeof *slot);
    slot->state = SLOT_FREE;
    watch("slot", &slot->player_fd, sizeof *slot - sizeof slot->state);
    watch("state", &slot->state, sizeof slot->state);
    published("I10", "slot", "state");
    stored("I10", "state", 1);
    watch_begin();
    struct slot *it = slot_prepare(&pool);
    arrival_fill(it, &arrival);
    slot_claim(it, 9);
}

void case_slot_free(void)
{
    struct slot *slot = a_slot(0);
    static struct slot_pool slots;
    static struct chunk_pool chunks;
    static struct cell_pool cells;
    static uint32_t numbers[3][8];
    slots = (struct slot_pool){&the_vault, numbers[0], 0};
    chunks = (struct chunk_pool){&the_vault, numbers[1], 0, (uint8_t[4]){0}};
    cells = (struct cell_pool){&the_vault, numbers[2], 0};
    slot->game_fd = 8;
    slot->resume = UINT64_C(1) << 32 | 5;
    the_vault.cells[1].next = CELL_NONE;
    watch("keys", slot->keys, sizeof slot->keys);
    watch("cell", &the_vault.cells[1], sizeof(struct cell));
    watch("state", &slot->state, sizeof slot->state);
    before("I10", "state", "shutdown()");
    before("I10", "state", "close()");
    before("I10", "state", "keys");
    before("I10", "state", "cell");
    stored("I10", "state", 1);
    watch_begin();
    slot_free(&slots, &chunks, &cells, slot);
}

// The header is out, then whose the link is, then the link, with its flags.
void case_link_make(void)
{
    struct slot *slot = a_slot(0);
    static struct conf_game game;
    slot->n_links = 3;
    watch("of whom", &slot->game_pid, sizeof slot->game_pid + 4 + sizeof slot->game_start);
    watch("number", &slot->n_links, sizeof slot->n_links);
    watch("link", &slot->link, sizeof slot->link);
    before("I9", "send()", "link");
    published("I24", "number", "link");
    published("slot.h", "of whom", "link");
    stored("slot.h", "link", 1);
    stored("I24", "number", 1);
    watch_begin();
    link_make(slot, &game, 0x11223344, &(struct link_terms){.pid = 5, .start = 6, .flags = 0x3c0});
}

// A dead game's player is marked before the link is given up, and that before it is closed.
void case_relay_unlink(void)
{
    struct slot *slot = a_slot(0);
    static struct relay_conn conn;
    static struct chunk_pool chunks;
    struct relay relay = {
        .vault = &the_vault, .chunks = &chunks, .slot = slot, .conn = &conn, .work = 32};
    slot->game_fd = 8;
    slot->flags = 0;
    watch("slot", slot, sizeof *slot);
    watch_flow(slot, TO_PLAYER);
    watch("game_fd", &slot->game_fd, sizeof slot->game_fd);
    watch("held_ms", &slot->held_ms, sizeof slot->held_ms);
    published("I19", "current", "game_fd");
    published("dead_game.c", "held_ms", "game_fd");
    before("I10", "game_fd", "close()");
    stored("I10", "game_fd", 1);
    watch_begin();
    relay_unlink(&relay);
}

void case_facts_add(void)
{
    struct slot *slot = a_slot(0);
    watch("facts", slot->facts, sizeof slot->facts);
    watch("facts_bytes", &slot->facts_bytes, sizeof slot->facts_bytes);
    before("I26", "facts", "facts_bytes");
    stored("I26", "facts_bytes", 1);
    watch_begin();
    facts_add(slot, FACT_HOST, "a.host.example", 14);
}

void case_resume_put(void)
{
    struct slot *slot = a_slot(0);
    static struct cell_pool cells;
    static uint32_t free_cells[8] = {4, 3, 2};
    static uint8_t bytes[300];
    cells = (struct cell_pool){&the_vault, free_cells, 3};
    memset(bytes, 0x5a, sizeof bytes);
    the_vault.head->cells_reserved = 8;
    slot->resume = UINT64_C(1) << 32 | 5;
    the_vault.cells[1].next = CELL_NONE;
    watch("new cells", &the_vault.cells[2], 2 * sizeof(struct cell));
    watch("old cell", &the_vault.cells[1], sizeof(struct cell));
    watch("resume", &slot->resume, sizeof slot->resume);
    published("I16", "new cells", "resume");
    before("I25", "resume", "old cell");
    stored("I16", "resume", 1);
    watch_begin();
    resume_put(&cells, slot, bytes, sizeof bytes);
}

// ---- Memory ----

void case_vault_reserve_slots(void)
{
    the_vault.head->slots_reserved = 1;
    watch("slots_reserved", &the_vault.head->slots_reserved, 4);
    before("I6", "fallocate()", "slots_reserved");
    stored("I6", "slots_reserved", 1);
    watch_begin();
    vault_reserve_slots(&the_vault, 8);
}

void case_vault_reserve_cells(void)
{
    the_vault.head->cells_reserved = 16;
    watch("cells_reserved", &the_vault.head->cells_reserved, 4);
    before("I6", "fallocate()", "cells_reserved");
    stored("I6", "cells_reserved", 1);
    watch_begin();
    vault_reserve_cells(&the_vault, 17);
}

void case_vault_reserve_chunks(void)
{
    the_vault.head->chunks_reserved = 1;
    watch("chunks_reserved", &the_vault.head->chunks_reserved, 4);
    before("I6", "fallocate()", "chunks_reserved");
    stored("I6", "chunks_reserved", 1);
    watch_begin();
    vault_reserve_chunks(&the_vault, 3);
}

void case_vault_trim_chunks(void)
{
    the_vault.head->chunks_reserved = 4;
    watch("chunks_reserved", &the_vault.head->chunks_reserved, 4);
    before("I6", "chunks_reserved", "fallocate()");
    stored("I6", "chunks_reserved", 1);
    watch_begin();
    vault_trim_chunks(&the_vault, 2);
}

void case_game_commit(void)
{
    struct vault_game *game = &the_vault.head->games[3];
    static struct game_state next;
    memset(&next, 0x5a, sizeof next);
    watch("copy", &game->copy[1], sizeof game->copy[1]);
    watch("current", &game->current, sizeof game->current);
    published("game.h", "copy", "current");
    stored("game.h", "current", 1);
    watch_begin();
    game_commit(the_vault.head, 3, &next);
}
