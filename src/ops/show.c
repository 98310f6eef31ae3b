// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Items (show.h). Errors: none.
#include "ops/show.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/certs.h"
#include "entry/verdict.h"
#include "players/connector.h"
#include "players/orders.h"
#include "players/waiting.h"
#include "process/lease.h"
#include "record/suites.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "vault/upgrading.h"
#include "vault/workers.h"

#include <string.h>

static uint64_t seconds_since(uint64_t boot_ms)
{
    uint64_t now_ms = clock_boot_ms();
    return now_ms > boot_ms ? (now_ms - boot_ms) / 1000 : 0;
}

// Nothing, if there was none.
static void add_upgrade(struct answer *answer, const struct vault_upgrade *note)
{
    enum upgrade_phase phase = note->phase;
    if (phase == UPGRADE_NONE)
        return;
    answer_text(answer, "upgrade", upgrading_word(phase));
    answer_text(answer, "upgrade-from", note->from);
    answer_text(answer, "upgrade-to", note->to);
    answer_number(answer, "upgrade-since", seconds_since(note->at_ms));
    if (phase == UPGRADE_REFUSED || phase == UPGRADE_BACK)
        answer_text(answer, "upgrade-why", note->why);
}

void show_upgrade(struct answer *answer, const char *id, const struct vault_upgrade *note)
{
    char why[VAULT_WHY_BYTES + 128];
    if (note->phase == UPGRADE_GOOD) {
        answer_ok(answer, id);
        answer_text(answer, "from", note->from);
        answer_text(answer, "to", note->to);
        answer_finish(answer);
        return;
    }
    snprintf(why, sizeof why, "%s goes on, because of the new program: %s; put that right",
             note->from, note->why);
    answer_error(answer, id, REQUEST_NOT_UPGRADED, why);
}

// Nothing of what has not happened.
static void add_deaths(struct answer *answer, const struct vault_head *head)
{
    char crashes[WORKERS_CRASHES_BYTES];
    if (*workers_print_crashes(crashes, head))
        answer_text(answer, "crashes", crashes);
    if (head->deaths.entries)
        answer_number(answer, "entry-crashes", head->deaths.entries);
    if (head->deaths.poisoned)
        answer_number(answer, "poisoned", head->deaths.poisoned);
    if (head->deaths.last_ms == 0)
        return;
    answer_text(answer, "last-death", head->deaths.last);
    answer_number(answer, "last-death-since", seconds_since(head->deaths.last_ms));
}

// The one that lets players in.
static void add_entry(struct answer *answer, const struct vault *vault)
{
    const struct vault_entries *all = vault_entries(vault);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        struct page_pulse pulse;
        if (all->place[i].state != ENTRY_MADE || all->place[i].edition != all->wanted ||
            !page_read_pulse(vault_guard_fds(vault)[VAULT_ENTRY_PAGES + i], &pulse))
            continue;
        answer_number(answer, "entry", all->place[i].pid);
        answer_text(answer, "entry-phase", page_phase_name((enum page_phase)pulse.phase));
        answer_number(answer, "handshakes", pulse.handshakes);
        return;
    }
}

void show_stayd(struct answer *answer, const char *id, const struct players *players)
{
    const struct vault_head *head = players->vault->head;
    answer_item(answer, id);
    answer_text(answer, "what", "stayd");
    answer_text(answer, "version", STAYD_VERSION);
    answer_number(answer, "uptime", seconds_since(players->heritage->started_ms));
    answer_number(answer, "players", players_count(players));
    answer_number(answer, "max-players", head->n_seats);
    if (head->store.is_in_use)
        answer_number(answer, "stored", head->store.n_players);
    if (head->store.is_in_use && head->store.claims_stored != head->store.claims_noted)
        answer_text(answer, "store", "behind");
    answer_number(answer, "guard", (uint64_t)lease_pid(head->guard));
    answer_number(answer, "spare", (uint64_t)lease_pid(head->spare));
    answer_number(answer, "worker", (uint64_t)lease_pid(head->table));
    answer_text(answer, "worker-phase", workers_phase_name(workers_phase(head)));
    add_entry(answer, players->vault);
    answer_number(answer, "workers-made", head->workers_made);
    add_deaths(answer, head);
    add_upgrade(answer, &head->upgrade);
    answer_finish(answer);
}

void show_game(struct answer *answer, const char *id, struct players *players, unsigned game)
{
    static const char *const states[] = {
        [ORDER_GAME_UNKNOWN] = "unknown",
        [ORDER_GAME_HERE] = "here",
        [ORDER_GAME_AWAY] = "away",
    };
    const struct conf_game *conf = &players->heritage->conf.game[game];
    struct order_game look = {0};
    order_look(players, game, &look);
    answer_item(answer, id);
    answer_text(answer, "what", "game");
    answer_text(answer, "name", conf->name);
    answer_text(answer, "connect", conf->connect);
    answer_text(answer, "state", states[look.state]);
    answer_number(answer, "pid", (uint64_t)look.pid);
    answer_flag(answer, "attached", look.is_attached);
    answer_flag(answer, "resume", look.resumes);
    answer_flag(answer, "ack", look.acknowledges);
    if (conf->links == CONF_LINKS_CONNECTOR)
        answer_flag(answer, "connector", connector_is_here(players, game));
    answer_number(answer, "players", look.n_players);
    answer_number(answer, "held", look.n_held);
    if (look.error)
        answer_text(answer, "error", waiting_why(look.error));
    if (conf->is_gone)
        answer_flag(answer, "removed", true);
    // It has been unknown since stayd started.
    uint64_t since_ms = look.since_ms ? look.since_ms : players->heritage->started_ms;
    answer_number(answer, "since", seconds_since(since_ms));
    answer_finish(answer);
}

void show_certificate(struct answer *answer, const char *id, const struct players *players,
                      const struct page_certificate *certificate)
{
    const struct certs_fact fact = certificate->fact;
    char date[CERTS_DATE_BYTES];
    int64_t left_s = fact.expires_s - (int64_t)(clock_wall_ms() / 1000);
    answer_item(answer, id);
    answer_text(answer, "what", "certificate");
    answer_text(answer, "name", fact.name);
    answer_text(answer, "key", certs_kind_name(fact.kind));
    answer_text(answer, "listener", players->heritage->conf.listener[certificate->listener].name);
    answer_text(answer, "expires", certs_print_date(date, fact.expires_s));
    answer_number(answer, "days", left_s > 0 ? (uint64_t)left_s / (24 * 3600) : 0);
    answer_finish(answer);
}

bool show_limited(struct answer *answer, const char *id, const struct refusals *refusals,
                  unsigned i)
{
    char text[NETWORK_TEXT_BYTES];
    const struct refusal *refusal = refusals_at(refusals, i);
    if (!refusal)
        return false;
    answer_item(answer, id);
    answer_text(answer, "what", "limited");
    answer_text(answer, "network",
                refusal->network.bits ? network_print(text, &refusal->network) : "any");
    answer_text(answer, "limit", verdict_limit_name(refusal->why));
    answer_number(answer, "refused", refusal->n);
    answer_number(answer, "since", seconds_since(refusal->since_ms));
    answer_number(answer, "last", seconds_since(refusal->last_ms));
    answer_finish(answer);
    return true;
}

static void add_address(struct answer *answer, const struct slot *slot)
{
    char text[ADDRESS_TEXT_BYTES];
    answer_text(answer, "address", address_print(text, slot->address));
}

static void begin_player(struct answer *answer, const char *id, const struct slot *slot)
{
    char text[LOG_ID_BYTES];
    answer_item(answer, id);
    answer_text(answer, "conn", log_id(text, slot->id));
    add_address(answer, slot);
}

void show_player(struct answer *answer, const char *id, const struct players *players,
                 const struct slot *slot)
{
    const struct conf *conf = &players->heritage->conf;
    const struct suite *suite = suite_find(slot->suite);
    size_t n_host = 0;
    const uint8_t *host = facts_find(slot, FACT_HOST, &n_host);
    begin_player(answer, id, slot);
    answer_number(answer, "port", slot->port);
    answer_bytes(answer, "host", host ? (const void *)host : "", host ? n_host : 0);
    answer_text(answer, "game", conf->game[slot->game].name);
    answer_text(answer, "listener", conf->listener[slot->listener].name);
    answer_text(answer, "tls", slot_is_tls(slot) ? suite_version_name(slot->tls_version) : "no");
    answer_text(answer, "cipher", suite ? suite->name : "");
    answer_flag(answer, "held", order_is_held(slot));
    answer_number(answer, "since", seconds_since(slot->opened_ms));
    answer_number(answer, "from-player", flow_now(&slot->flow[TO_GAME])->received);
    answer_number(answer, "to-player", flow_now(&slot->flow[TO_PLAYER])->sent);
    answer_finish(answer);
}

void show_held(struct answer *answer, const char *id, const struct slot *slot)
{
    begin_player(answer, id, slot);
    answer_number(answer, "since", seconds_since(slot->opened_ms));
    answer_finish(answer);
}
