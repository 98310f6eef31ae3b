// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Obituaries (obituary.h). Errors: none.
#include "guard/obituary.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/page.h"
#include "vault/receipt.h"
#include "vault/suspects.h"
#include "vault/view.h"
#include "vault/workers.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void describe(char text[OBITUARY_HOW_BYTES], int status, int signal_number)
{
    if (signal_number)
        snprintf(text, OBITUARY_HOW_BYTES, "signal %d (%s)", signal_number,
                 strsignal(signal_number));
    else if (status >= 0 && WIFEXITED(status))
        snprintf(text, OBITUARY_HOW_BYTES, "exit %d", WEXITSTATUS(status));
    else
        snprintf(text, OBITUARY_HOW_BYTES, "killed, it seems");
}

// Whom it was serving.
static void print_serving(char *text, size_t n_text, const struct vault_head *head)
{
    if (head->serving_slot != SLOT_NONE)
        snprintf(text, n_text, "slot:%u", head->serving_slot);
    else if (head->serving_entry < VAULT_ENTRIES)
        snprintf(text, n_text, "arrival:%u", head->serving_entry);
    else
        snprintf(text, n_text, "-");
}

// The last socket call, if it was for the slot that was being served.
static const char *name_last_call(const struct vault_head *head)
{
    static const char *const names[2][2] = {
        [TO_GAME] = {[RECEIPT_RECV] = "recv-player", [RECEIPT_SEND] = "send-game"},
        [TO_PLAYER] = {[RECEIPT_RECV] = "recv-game", [RECEIPT_SEND] = "send-player"},
    };
    const struct receipt *receipt = &head->receipt;
    if (head->serving_slot == SLOT_NONE || receipt->slot != head->serving_slot ||
        receipt->dir > TO_PLAYER || receipt->side > RECEIPT_SEND)
        return "-";
    return names[receipt->dir][receipt->side];
}

// "1a2b,3c4d"
static void print_trace(char *text, size_t n_text, const struct death_note *note)
{
    size_t n = 0;
    unsigned n_frames = note->n_frames < VAULT_FRAMES ? note->n_frames : VAULT_FRAMES;
    snprintf(text, n_text, "-");
    for (unsigned i = 0; i < n_frames && n < n_text; i++)
        n += (size_t)snprintf(text + n, n_text - n, "%s%llx", i ? "," : "",
                              (unsigned long long)note->frame[i]);
}

static void blame(struct vault *vault)
{
    struct vault_head *head = vault->head;
    if (!vault_is_proven(vault))
        return;
    uint32_t slot = head->serving_slot;
    if (slot == SLOT_NONE && head->serving_entry < VAULT_ENTRIES)
        vault_entries(vault)->place[head->serving_entry].crashes++;
    else if (slot < head->slots_reserved)
        suspects_blame_slot(&vault->slots[slot], clock_boot_ms());
}

static void write_last(struct vault_head *head, pid_t pid, const char *how)
{
    char serving[ADDRESS_TEXT_BYTES + 16];
    char trace[VAULT_FRAMES * 17 + 1];
    print_serving(serving, sizeof serving, head);
    print_trace(trace, sizeof trace, &head->deaths.note);
    snprintf(head->deaths.last, sizeof head->deaths.last, "%s, serving %s, last call %s, trace %s",
             how, serving, name_last_call(head), trace);
    head->deaths.last_ms = clock_boot_ms();
    log_event(LOG_WORKER_DIED, "pid=%d how=\"%s\" last=%s trace=%s serving=%s", (int)pid, how,
              name_last_call(head), trace, serving);
}

int obituary_write(struct vault *vault, pid_t pid, int status, char how[OBITUARY_HOW_BYTES])
{
    struct vault_head *head = vault->head;
    int signal_number = (int)head->deaths.note.signal;
    if (signal_number == 0 && status >= 0 && WIFSIGNALED(status))
        signal_number = WTERMSIG(status);
    unsigned crash = workers_find_crash(signal_number);
    bool has_crashed = crash < VAULT_CRASH_SIGNALS;
    describe(how, status, signal_number);
    write_last(head, pid, how);
    if (has_crashed) {
        blame(vault);
        head->deaths.crashes[crash]++;
    }
    head->deaths.note.signal = 0;
    head->deaths.note.n_frames = 0;
    head->serving_slot = SLOT_NONE;
    head->serving_entry = ENTRY_NONE;
    return has_crashed ? signal_number : 0;
}

bool obituary_write_entry(const struct vault *vault, struct vault_view *shown, pid_t pid,
                          int status, const struct page_pulse *pulse, char how[OBITUARY_HOW_BYTES])
{
    struct vault_head *head = vault->head;
    char trace[VAULT_FRAMES * 17 + 1];
    char address[ADDRESS_TEXT_BYTES] = "-";
    // What the kernel says counts; only of another guard's child the entry's own note is all there is.
    int signal_number = status < 0            ? (int)pulse->death.signal
                        : WIFSIGNALED(status) ? WTERMSIG(status)
                                              : 0;
    bool has_crashed = workers_find_crash(signal_number) < VAULT_CRASH_SIGNALS;
    if (pulse->exec_error)
        snprintf(how, OBITUARY_HOW_BYTES, "the program cannot be run: %s",
                 strerror((int)pulse->exec_error));
    else
        describe(how, status, signal_number);
    print_trace(trace, sizeof trace, &pulse->death);
    if (pulse->serving_address_set)
        address_print(address, pulse->serving_address);
    log_event(LOG_ENTRY_DIED, "pid=%d how=\"%s\" trace=%s serving=%s", (int)pid, how, trace,
              address);
    head->deaths.entries += has_crashed;
    if (!has_crashed || !pulse->serving_address_set)
        return has_crashed;
    suspects_blame_address(&head->view, pulse->serving_address, clock_boot_ms());
    view_copy(shown, &head->view);
    return true;
}
