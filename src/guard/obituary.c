// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Obituaries (obituary.h). Errors: none.
#include "guard/obituary.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "vault/receipt.h"
#include "vault/suspects.h"
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
    char address[ADDRESS_TEXT_BYTES];
    if (head->serving_slot != SLOT_NONE)
        snprintf(text, n_text, "slot:%u", head->serving_slot);
    else if (head->serving_address_set)
        snprintf(text, n_text, "handshake:%s", address_print(address, head->serving_address));
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
static void print_trace(char *text, size_t n_text, const struct vault_deaths *deaths)
{
    size_t n = 0;
    unsigned n_frames = deaths->n_frames < VAULT_FRAMES ? deaths->n_frames : VAULT_FRAMES;
    snprintf(text, n_text, "-");
    for (unsigned i = 0; i < n_frames && n < n_text; i++)
        n += (size_t)snprintf(text + n, n_text - n, "%s%llx", i ? "," : "",
                              (unsigned long long)deaths->frame[i]);
}

static void blame(struct vault *vault)
{
    struct vault_head *head = vault->head;
    if (!vault_is_proven(vault))
        return;
    uint32_t slot = head->serving_slot;
    if (slot == SLOT_NONE && head->serving_address_set)
        suspects_blame_address(head, head->serving_address, clock_boot_ms());
    else if (slot < head->slots_reserved)
        suspects_blame_slot(&vault->slots[slot], clock_boot_ms());
}

static void write_last(struct vault_head *head, pid_t pid, const char *how)
{
    char serving[ADDRESS_TEXT_BYTES + 16];
    char trace[VAULT_FRAMES * 17 + 1];
    print_serving(serving, sizeof serving, head);
    print_trace(trace, sizeof trace, &head->deaths);
    snprintf(head->deaths.last, sizeof head->deaths.last, "%s, serving %s, last call %s, trace %s",
             how, serving, name_last_call(head), trace);
    head->deaths.last_ms = clock_boot_ms();
    log_event(LOG_WORKER_DIED, "pid=%d how=\"%s\" last=%s trace=%s serving=%s", (int)pid, how,
              name_last_call(head), trace, serving);
}

int obituary_write(struct vault *vault, pid_t pid, int status, char how[OBITUARY_HOW_BYTES])
{
    struct vault_head *head = vault->head;
    int signal_number = (int)head->worker_signal;
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
    head->worker_signal = 0;
    head->deaths.n_frames = 0;
    head->serving_slot = SLOT_NONE;
    head->serving_address_set = 0;
    return has_crashed ? signal_number : 0;
}
