# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Programs that are wrong, which is to be found: for each case two stores, or a store and a call, are exchanged; or all
barriers are left out."""
import os

from image import SOURCE

# file; the statement; what it is put in front of; and for each case that is to notice: its name, the broken rule.
EXCHANGES = (
    ("src/vault/receipt.c", "    atomic_fetch_add_explicit(&receipt->id, 1, memory_order_release);\n",
     "    receipt->slot = slot;\n",
     ("receipt_recv", "fields", "id"), ("receipt_send", "fields", "id")),
    ("src/vault/receipt.c", "    count_set(receipt, UNSET);\n    POINT(RECEIPT_UNSET);\n",
     "    POINT(RECEIPT_FILLED);\n",
     ("receipt_recv", "count", "fields"), ("receipt_send", "count", "fields")),
    ("src/vault/flow.c", "    atomic_store_explicit(&flow->current, now ^ 1u, memory_order_release);\n",
     "    flow->copy[now ^ 1u] = *next;\n",
     ("flow_commit_to_game", "copy", "current"), ("flow_commit_to_player", "copy", "current"),
     ("relay_say", "copy", "current")),
    ("src/vault/slot.c", "    atomic_store_explicit(&slot->state, SLOT_LIVE, memory_order_release);\n",
     "    slot->player_fd = player_fd;\n", ("slot_claim", "slot", "state"), ("inbox_take_in", "slot", "state")),
    ("src/vault/slot.c", "    atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_release);\n",
     "    resume_release(cells, slot);\n", ("slot_free", "state", "shutdown()"), ("slot_free", "state", "close()")),
    ("src/vault/slot.h", "    atomic_fetch_add_explicit(&slot->n_links, 1, memory_order_relaxed);\n",
     "}\n\nstatic inline bool slot_has(", ("link_make", "number", "link")),
    ("src/game/link.c", "    slot->game_pid = terms->pid;\n", "    POINT(LINK_CLAIMED);\n",
     ("link_make", "of whom", "link")),
    ("src/relay/dead_game.c", "    atomic_store_explicit(&slot->game_fd, -1, memory_order_release);\n",
     "}\n\nbool relay_mend(", ("relay_unlink", "game_fd", "close()")),
    ("src/vault/facts.c", "    *n_used = (uint8_t)(used + 2 + n_bytes);\n", "    memcpy(facts + used + 2,",
     ("facts_add", "facts", "facts_bytes")),
    ("src/vault/resume.c", "    give_chain(pool, old);\n", "    POINT(RESUME_WRITTEN);\n",
     ("resume_put", "resume", "old cell")),
    ("src/vault/vault.c", "    head->slots_reserved = n;\n", "    if (put_memory(vault, VAULT_HEAD_BYTES,",
     ("vault_reserve_slots", "fallocate()", "slots_reserved")),
    ("src/vault/vault.c", "    head->cells_reserved = n;\n", "    if (put_memory(vault, cells_offset",
     ("vault_reserve_cells", "fallocate()", "cells_reserved")),
    ("src/vault/vault.c", "    POINT(CHUNK_RESERVED);\n    head->chunks_reserved = n;\n",
     "    if (put_memory(vault, chunks_offset",
     ("vault_reserve_chunks", "fallocate()", "chunks_reserved")),
    ("src/vault/vault.c", "    (void)fallocate(vault->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,\n"
     "                    (off_t)(chunks_offset(head->n_slots) + chunks_bytes(n)),\n"
     "                    (off_t)chunks_bytes(have - n));\n",
     "    // First nobody counts on the memory", ("vault_trim_chunks", "chunks_reserved", "fallocate()")),
    ("src/vault/game.h", "    atomic_store_explicit(&it->current, other, memory_order_release);\n",
     "    it->copy[other] = *next;\n", ("game_commit", "copy", "current")),
    ("src/vault/asked.c", "    order->number = before + 1;\n", "    order->token = token;\n",
     ("asked_for", "order", "number#2")),
    ("src/vault/asked.c", "    order->result = result;\n", "    memcpy(order->text, text, n);\n",
     ("asked_answer", "text", "result")),
    ("src/vault/upgrading.c", "    atomic_fetch_add_explicit(&note->asked, 1, memory_order_release);\n",
     "    upgrading_say(note->path, sizeof note->path, path);\n", ("upgrading_ask", "note", "asked")),
    ("src/vault/upgrading.c", "    atomic_store_explicit(&note->taken, asked, memory_order_release);\n",
     "    // First it is no longer", ("upgrading_begin", "from", "taken")),
    ("src/vault/upgrading.c", "    atomic_store_explicit(&note->phase, phase, memory_order_release);\n",
     "    if (why)\n",
     ("upgrading_begin", "why", "phase")),
    ("src/guard/upgrade/probation.c", "    upgrading_set(head, UPGRADE_PROBATION, \"\");\n",
     "    head->upgrade.last_table = table_number;\n", ("probation_begin", "note", "phase")),
    ("src/players/players.c", "    head->store.claims_noted++;\n", "    atomic_fetch_or(",
     ("players_note_claims", "mark", "claims_noted")),
    ("src/guard/entry_place.c", "    entry->state = ENTRY_MADE;\n", "    entry->pid = 0;\n",
     ("entry_place_make", "entry", "state"), ("entry_place_make", "serial", "state")),
    ("src/guard/entry_place.c", "    entry_place(vault, i)->state = ENTRY_FREE;\n",
     "    heritage_renew(vault, HERITAGE_ENTRY_PIDFD + i, -1);\n", ("entry_place_free", "queue", "state")),
    ("src/process/heritage.c", "    if (old >= 0 && old != fd)\n        close(old);\n",
     "    heritage_claim(vault, place, fd);\n", ("heritage_renew", "claim", "close()")),
    ("src/vault/handover.c", "    handover_take(queue);\n", "    entry->crashes = 0;\n",
     ("handover_settle", "taken", "take()"), ("handover_settle", "crashes", "take()")),
    ("src/worker/inbox.c", "    entry->taken = message->number;\n    take(queue, fd);\n",
     "    switch (arrive_claim(", ("inbox_take_in", "state", "take()")),
    ("src/entry/page.c", "    page->refusals = *refusals;\n", "    atomic_fetch_add(&page->changes, 1);\n    // On",
     ("page_put_refusals", "changes#1", "refusals")),
    ("src/entry/tickets.c", "    __atomic_store_n(&key->made_s, now_boot_s ? now_boot_s : 1, __ATOMIC_RELEASE);\n",
     "    memcpy(key->name, fresh.name,", ("tickets_make", "key", "made_s#2")),
    ("src/vault/view.c", "    __atomic_store_n(&to->made_s, from->made_s, __ATOMIC_RELEASE);\n", "    memcpy(to->name,",
     ("view_copy", "key", "made_s#2")),
    ("src/vault/suspects.c", "    place->crashes = crashes + 1;\n", "    memcpy(place->address, address, 16);\n",
     ("suspects_blame_address", "address", "crashes#2")),
    ("src/process/death_note.c", "    note->n_frames = n;\n", "    int n_calls = backtrace",
     ("death_note", "frames", "n_frames")),
    ("src/entry/handshake.c", "    pulse->serving_address_set = 1;\n", "    memcpy(pulse->serving_address,",
     ("handshake_proceed", "address", "set#1")),
    ("lib/preload/table.c", "    atomic_store(&place->cookie, cookie);\n", "    memcpy(place->words, words,",
     ("table_put", "words", "cookie#2")),
    # A word in two halves.
    ("src/process/lease.c", "    return atomic_compare_exchange_strong(place, &seen, mine) ? mine : 0;\n", None,
     ("lease_take", "place", None)),
)
HALVES = """    volatile uint32_t *halves = (volatile uint32_t *)place;
    halves[0] = (uint32_t)mine;
    halves[1] = (uint32_t)(mine >> 32);
    return mine;
"""

# Without barriers; on aarch64 these are broken.
BARRIERS = (("memory_order_release", "memory_order_relaxed"), ("memory_order_seq_cst", "memory_order_relaxed"),
            ("__ATOMIC_RELEASE", "__ATOMIC_RELAXED"))
UNORDERED = (
    ("receipt_recv", "count", "fields"), ("receipt_recv", "fields", "id"), ("receipt_send", "fields", "id"),
    ("flow_commit_to_game", "copy", "current"), ("flow_commit_to_player", "copy", "current"),
     ("relay_say", "chunk", "current"),
    ("slot_claim", "slot", "state"), ("link_make", "number", "link"), ("resume_put", "new cells", "resume"),
    ("game_commit", "copy", "current"), ("upgrading_ask", "note", "asked"), ("upgrading_begin", "why", "phase"),
    ("probation_begin", "note", "phase"), ("page_put_refusals", "changes#1", "refusals"),
     ("tickets_make", "key", "made_s#2"),
    ("view_copy", "key", "made_s#2"), ("table_put", "cookie#1", "words"), ("relay_unlink", "held_ms", "game_fd"),
)


def read(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def exchanged():
    """The changed files, path: text; and what is to be found, (case, first, then)."""
    changed, found = {}, []
    for path, statement, place, *expected in EXCHANGES:
        text = changed.get(path) or read(path)
        for piece in (statement, place):
            if piece and text.count(piece) != 1:
                raise RuntimeError(f"controls: {path} has {text.count(piece)} times: {piece}")
        if place:
            text = text.replace(statement, "").replace(place, statement + place)
        else:
            text = text.replace(statement, HALVES)
        changed[path] = text
        found += expected
    return changed, found


def unordered(paths):
    changed = {}
    for path in paths:
        text = before = read(path)
        for old, new in BARRIERS:
            text = text.replace(old, new)
        if text != before:
            changed[path] = text
    return changed, list(UNORDERED)
