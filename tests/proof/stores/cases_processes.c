// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What processes tell each other: orders, entries, what they are shown, who holds what.
#include "cases.h"

#include "entry/page.h"
#include "entry/tickets.h"
#include "guard/entry_place.h"
#include "guard/upgrade/probation.h"
#include "players/players.h"
#include "process/death_note.h"
#include "process/heritage.h"
#include "process/lease.h"
#include "vault/asked.h"
#include "vault/handover.h"
#include "vault/suspects.h"
#include "vault/upgrading.h"
#include "vault/view.h"

#include <signal.h>
#include <string.h>

// ---- Orders ----

void case_asked_for(void)
{
    struct vault_reload *reload = &the_vault.head->reload;
    struct vault_order *order = &reload->order[1 % VAULT_ORDERS];
    order->number = UINT64_C(0x1122334455667788);
    order->result = ASKED_BAD;
    watch("order", order, sizeof *order);
    watch("number", &order->number, sizeof order->number);
    watch("asked", &reload->asked, sizeof reload->asked);
    before("asked.h", "number#1", "order");
    published("asked.h", "order", "number#2");
    published("asked.h", "number#2", "asked");
    stored("asked.h", "number", 2);
    stored("asked.h", "asked", 1);
    watch_begin();
    asked_for(the_vault.head, 0x5a5a5a5a);
}

void case_asked_answer(void)
{
    struct vault_reload *reload = &the_vault.head->reload;
    struct vault_order *order = &reload->order[1 % VAULT_ORDERS];
    reload->asked = 1;
    order->number = 1;
    watch("text", order->text, sizeof order->text);
    watch("result", &order->result, sizeof order->result);
    watch("done", &reload->done, sizeof reload->done);
    published("asked.h", "text", "result");
    published("asked.h", "result", "done");
    stored("asked.h", "result", 1);
    stored("asked.h", "done", 1);
    watch_begin();
    asked_answer(the_vault.head, 1, ASKED_GOOD, "-all is well\n");
}

void case_upgrading_ask(void)
{
    struct vault_upgrade *note = &the_vault.head->upgrade;
    note->done_token = 3;
    watch("note", note, sizeof *note);
    watch("asked", &note->asked, sizeof note->asked);
    published("upgrading.h", "note", "asked");
    stored("upgrading.h", "asked", 1);
    watch_begin();
    upgrading_ask(the_vault.head, 5, "/usr/sbin/stayd");
}

void case_upgrading_begin(void)
{
    struct vault_upgrade *note = &the_vault.head->upgrade;
    static char path[VAULT_PATH_BYTES];
    note->asked = 1;
    note->token = 5;
    strcpy(note->path, "/usr/sbin/stayd");
    watch("phase", &note->phase, sizeof note->phase);
    watch("of the trial", &note->at_ms, sizeof note->at_ms);
    watch("why", note->why, sizeof note->why);
    watch("from", note->from, sizeof note->from);
    watch("to", note->to, sizeof note->to);
    watch("done_token", &note->done_token, sizeof note->done_token);
    watch("taken", &note->taken, sizeof note->taken);
    published("upgrading.h", "why", "phase");
    published("upgrading.h", "of the trial", "phase");
    before("upgrading.h", "phase", "done_token");
    published("upgrading.h", "from", "taken");
    published("upgrading.h", "to", "taken");
    published("upgrading.h", "done_token", "taken");
    stored("upgrading.h", "phase", 1);
    stored("upgrading.h", "taken", 1);
    watch_begin();
    upgrading_begin(the_vault.head, "0.1.0", path);
}

void case_probation_begin(void)
{
    struct vault_upgrade *note = &the_vault.head->upgrade;
    watch("note", note, sizeof *note);
    watch("phase", &note->phase, sizeof note->phase);
    published("probation.h", "note", "phase");
    stored("probation.h", "phase", 1);
    watch_begin();
    probation_begin(the_vault.head, 8);
}

// A slot's claims are marked before they are counted: who has done all marks has stored that many.
void case_players_note_claims(void)
{
    static struct players players;
    struct vault_store *store = &the_vault.head->store;
    players.vault = &the_vault;
    vault_guard_fds(&the_vault)[HERITAGE_CLAIMS] = 9;
    watch("mark", &store->marks[0], sizeof store->marks[0]);
    watch("claims_noted", &store->claims_noted, sizeof store->claims_noted);
    published("store.h", "mark", "claims_noted");
    before("store.h", "claims_noted", "eventfd_write()");
    stored("store.h", "claims_noted", 1);
    watch_begin();
    players_note_claims(&players, &the_vault.slots[0]);
}

// ---- Entries ----

// What is the place's is claimed, and described, before it is made.
void case_entry_place_make(void)
{
    static struct heritage heritage;
    struct vault_entry *entry = &vault_entries(&the_vault)->place[1];
    _Atomic int32_t *fds = vault_guard_fds(&the_vault);
    heritage.vault = the_vault;
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        fds[i] = -1;
    memset(entry, 0x77, sizeof *entry);
    entry->state = ENTRY_FREE;
    watch("serials", &the_vault.head->entry_serials, sizeof(uint64_t));
    watch("fds", fds, VAULT_GUARD_FDS * sizeof *fds);
    watch("pidfd", &fds[HERITAGE_ENTRY_PIDFD + 1], sizeof *fds);
    watch("sending", &fds[HERITAGE_ENTRY_SENDING], sizeof *fds);
    watch("entry", entry, sizeof *entry);
    watch("serial", &entry->serial, sizeof entry->serial);
    watch("state", &entry->state, sizeof entry->state);
    watch("pid", &entry->pid, sizeof entry->pid);
    published("layout.h", "fds", "state");
    published("layout.h", "entry", "state");
    before("I28", "serials", "serial");
    published("layout.h", "serial", "state");
    before("layout.h", "pid#1", "state");
    before("layout.h", "state", "clone_with_copy()");
    before("layout.h", "pidfd", "pid#2");
    stored("layout.h", "state", 1);
    stored("layout.h", "pid", 2);
    watch_begin();
    entry_place_make(&heritage, 1, false);
}

void case_entry_place_free(void)
{
    struct vault_entry *entry = &vault_entries(&the_vault)->place[1];
    _Atomic int32_t *fds = vault_guard_fds(&the_vault);
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        fds[i] = 20 + (int)i;
    entry->state = ENTRY_READ_OUT;
    watch("fds", fds, VAULT_GUARD_FDS * sizeof *fds);
    watch("queue", &fds[HERITAGE_ENTRY_QUEUE + 1], sizeof *fds);
    watch("state", &entry->state, sizeof entry->state);
    published("layout.h", "queue", "state");
    published("layout.h", "fds", "state");
    stored("layout.h", "state", 1);
    watch_begin();
    entry_place_free(&the_vault, 1);
}

// A claim is given up before the descriptor is closed.
void case_heritage_renew(void)
{
    _Atomic int32_t *fds = vault_guard_fds(&the_vault);
    fds[HERITAGE_VIEW] = 20;
    watch("claim", &fds[HERITAGE_VIEW], sizeof *fds);
    before("I10", "claim", "close()");
    stored("I10", "claim", 1);
    watch_begin();
    heritage_renew(&the_vault, HERITAGE_VIEW, 0x11223344);
}

void case_handover_settle(void)
{
    struct slot *slot = a_slot(0);
    struct vault_entry *entry = &vault_entries(&the_vault)->place[0];
    entry->state = ENTRY_MADE;
    entry->serial = 4;
    entry->crashes = 1;
    entry->taken = 2;
    slot->arrival = handover_key(4, 3);
    vault_guard_fds(&the_vault)[VAULT_ENTRY_QUEUES] = 11;
    watch("crashes", &entry->crashes, sizeof entry->crashes);
    watch("taken", &entry->taken, sizeof entry->taken);
    before("I14", "crashes", "take()");
    before("I28", "taken", "take()");
    stored("I28", "taken", 1);
    watch_begin();
    handover_settle(&the_vault);
}

void case_page_put_refusals(void)
{
    static struct entry_page page;
    static struct refusals refusals;
    memset(&refusals, 0x5a, sizeof refusals);
    whole(&page, sizeof page);
    watch("refusals", &page.refusals, sizeof page.refusals);
    watch("changes", &page.changes, sizeof page.changes);
    published("page.h", "changes#1", "refusals");
    published("page.h", "refusals", "changes#2");
    stored("page.h", "changes", 2);
    watch_begin();
    page_put_refusals(&page, &refusals);
}

static void watch_key(struct vault_ticket_key *key)
{
    watch("key", key, offsetof(struct vault_ticket_key, made_s));
    watch("made_s", &key->made_s, sizeof key->made_s);
    published("tickets.c", "made_s#1", "key");
    published("tickets.c", "key", "made_s#2");
    stored("tickets.c", "made_s", 2);
}

void case_tickets_make(void)
{
    struct vault_view *view = &the_vault.head->view;
    view->ticket_keys[1].made_s = UINT64_C(0x1122334455667788);
    view->ticket_keys[0].made_s = 1; // long ago
    watch_key(&view->ticket_keys[1]);
    watch("ticket_current", &view->ticket_current, sizeof view->ticket_current);
    published("tickets.c", "made_s#2", "ticket_current");
    stored("tickets.c", "ticket_current", 1);
    watch_begin();
    tickets_tick(view, UINT64_C(0x5a5a5a5a5a));
}

void case_view_copy(void)
{
    static struct vault_view to, from;
    memset(&from.ticket_keys[1], 0x5a, sizeof from.ticket_keys[1]);
    memset(from.suspects, 0x5a, sizeof from.suspects);
    from.ticket_current = 1;
    to.ticket_keys[1].made_s = UINT64_C(0x1122334455667788);
    whole(&to, sizeof to);
    watch("suspects", to.suspects, sizeof to.suspects);
    watch_key(&to.ticket_keys[1]);
    watch("ticket_current", &to.ticket_current, sizeof to.ticket_current);
    published("view.c", "made_s#2", "ticket_current");
    stored("view.c", "ticket_current", 1);
    watch_begin();
    view_copy(&to, &from);
}

// Another address is never beside the crashes of the one before.
void case_suspects_blame_address(void)
{
    struct vault_view *view = &the_vault.head->view;
    for (unsigned i = 0; i < VAULT_SUSPECTS; i++)
        view->suspects[i] =
            (struct vault_suspect){.address = {1, (uint8_t)i}, .crashes = 2, .crashed_s = 9};
    struct vault_suspect *place = &view->suspects[0];
    watch("address", place->address, sizeof place->address);
    watch("crashed_s", &place->crashed_s, sizeof place->crashed_s);
    watch("crashes", &place->crashes, sizeof place->crashes);
    before("I14", "crashes#1", "address");
    before("I14", "crashes#1", "crashed_s");
    before("I14", "address", "crashes#2");
    before("I14", "crashed_s", "crashes#2");
    stored("I14", "crashes", 2);
    watch_begin();
    suspects_blame_address(view, (const uint8_t[16]){0x5a, 0x5a, 0x5a, 0x5a}, 100000);
}

// ---- Places, and a death ----

void case_lease_take(void)
{
    vault_place *place = &the_vault.head->guard;
    *place = UINT64_C(3) << 32 | 77;
    watch("place", place, sizeof *place);
    stored("lease.h", "place", 1);
    watch_begin();
    lease_take(place, UINT64_C(3) << 32 | 77);
}

void case_death_note(void)
{
    struct death_note *note = &the_vault.head->deaths.note;
    death_note_prepare(note);
    watch("signal", &note->signal, sizeof note->signal);
    watch("frames", note->frame, sizeof note->frame);
    watch("n_frames", &note->n_frames, sizeof note->n_frames);
    before("death_note.h", "signal", "backtrace()");
    before("death_note.h", "frames", "n_frames");
    before("death_note.h", "n_frames", "raise()");
    stored("death_note.h", "n_frames", 1);
    watch_begin();
    the_handler(SIGSEGV);
}
