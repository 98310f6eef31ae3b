// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Obituaries and the brake (obituary.h). Errors: none.
#include "guard/obituary.h"

#include "base/address.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define TOKENS_PER_S 1.0
#define BRAKE_MS 1000u

static bool is_crash(int signal_number)
{
    return signal_number == SIGSEGV || signal_number == SIGABRT || signal_number == SIGILL ||
           signal_number == SIGFPE || signal_number == SIGTRAP;
}

static void blame_slot(struct vault *vault, uint32_t index)
{
    if (index < vault->head->slots_reserved && vault->slots[index].crashes < UINT8_MAX)
        vault->slots[index].crashes++;
}

static void blame_address(struct vault_head *head)
{
    struct vault_suspect *place = &head->suspects[0];
    for (unsigned i = 0; i < VAULT_SUSPECTS; i++) {
        struct vault_suspect *suspect = &head->suspects[i];
        if (suspect->crashes && memcmp(suspect->address, head->serving_address, 16) == 0) {
            suspect->crashes++;
            return;
        }
        if (suspect->crashes < place->crashes)
            place = suspect;
    }
    memcpy(place->address, head->serving_address, 16);
    place->crashes = 1;
}

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

int obituary_write(struct vault *vault, pid_t pid, int status, char how[OBITUARY_HOW_BYTES])
{
    struct vault_head *head = vault->head;
    int signal_number =
        status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : (int)head->worker_signal;
    bool has_crashed = is_crash(signal_number);
    bool is_blamed = has_crashed && vault_is_proven(vault);
    char serving[ADDRESS_TEXT_BYTES + 16] = "-";
    if (head->serving_slot != SLOT_NONE) {
        snprintf(serving, sizeof serving, "slot:%u", head->serving_slot);
        if (is_blamed)
            blame_slot(vault, head->serving_slot);
    } else if (head->serving_address_set) {
        char address[ADDRESS_TEXT_BYTES];
        snprintf(serving, sizeof serving, "handshake:%s",
                 address_print(address, head->serving_address));
        if (is_blamed)
            blame_address(head);
    }
    describe(how, status, signal_number);
    log_event(LOG_WORKER_DIED, "pid=%d how=\"%s\" serving=%s", (int)pid, how, serving);
    head->worker_signal = 0;
    head->serving_slot = SLOT_NONE;
    head->serving_address_set = 0;
    return has_crashed ? signal_number : 0;
}

uint32_t brake_count(struct brake *brake, bool is_bad, uint64_t now_ms)
{
    brake->tokens += (double)(now_ms - brake->at_ms) / 1000.0 * TOKENS_PER_S;
    brake->at_ms = now_ms;
    if (brake->tokens > BRAKE_FULL)
        brake->tokens = BRAKE_FULL;
    if (!is_bad)
        return 0;
    if (brake->tokens >= 1.0) {
        brake->tokens -= 1.0;
        return 0;
    }
    log_event(LOG_BRAKE, "wait_ms=%u", BRAKE_MS);
    return BRAKE_MS;
}
