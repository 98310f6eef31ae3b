// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The note of an upgrade (upgrading.h). Errors: none.
#include "vault/upgrading.h"

#include "base/clock.h"

#include <string.h>

enum upgrading_answer upgrading_ask(struct vault_head *head, uint32_t token, const char *path)
{
    struct vault_upgrade *note = &head->upgrade;
    if (note->asked != note->taken)
        return note->token == token ? UPGRADING_ASKED : UPGRADING_ANOTHER;
    bool is_under_way = upgrading_is_under_way(head);
    if (note->done_token == token)
        return is_under_way ? UPGRADING_RUNS : UPGRADING_DONE;
    if (is_under_way)
        return UPGRADING_ANOTHER;
    upgrading_say(note->path, sizeof note->path, path);
    note->token = token;
    // A guard that takes it up finds the whole of it.
    atomic_fetch_add_explicit(&note->asked, 1, memory_order_release);
    return UPGRADING_ASKED;
}

bool upgrading_is_asked(const struct vault_head *head)
{
    const struct vault_upgrade *note = &head->upgrade;
    return atomic_load_explicit(&note->asked, memory_order_acquire) != note->taken;
}

void upgrading_begin(struct vault_head *head, const char *from, char path[VAULT_PATH_BYTES])
{
    struct vault_upgrade *note = &head->upgrade;
    uint32_t asked = atomic_load_explicit(&note->asked, memory_order_acquire);
    bool is_asked = asked != note->taken;
    upgrading_say(path, VAULT_PATH_BYTES, is_asked ? note->path : "");
    // First it is no longer the last upgrade that is noted here, then it is this order's.
    upgrading_set(head, UPGRADE_TRIAL, "");
    upgrading_say(note->from, sizeof note->from, from);
    upgrading_say(note->to, sizeof note->to, "");
    note->done_token = is_asked ? note->token : 0;
    atomic_store_explicit(&note->taken, asked, memory_order_release);
}

void upgrading_set(struct vault_head *head, enum upgrade_phase phase, const char *why)
{
    struct vault_upgrade *note = &head->upgrade;
    if (why)
        upgrading_say(note->why, sizeof note->why, why);
    note->at_ms = clock_boot_ms();
    atomic_store_explicit(&note->phase, phase, memory_order_release);
}

// Texts that a program has said: one line, and nothing that a log line or an answer would trip
// over.
void upgrading_say(char *field, size_t n_field, const char *text)
{
    size_t n = strnlen(text, n_field - 1);
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)text[i];
        field[i] = byte < ' ' || byte == 0x7f ? ' ' : byte == '"' ? '\'' : text[i];
    }
    field[n] = '\0';
}

bool upgrading_is_under_way(const struct vault_head *head)
{
    return head->upgrade.phase == UPGRADE_TRIAL || head->upgrade.phase == UPGRADE_PROBATION;
}

const char *upgrading_word(enum upgrade_phase phase)
{
    static const char *const words[] = {
        [UPGRADE_NONE] = "none", [UPGRADE_TRIAL] = "trial",     [UPGRADE_PROBATION] = "probation",
        [UPGRADE_GOOD] = "good", [UPGRADE_REFUSED] = "refused", [UPGRADE_BACK] = "back",
    };
    return phase <= UPGRADE_BACK ? words[phase] : "none";
}
