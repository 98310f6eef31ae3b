// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Orders to reload (asked.h). An order is whole before `asked` counts it; its text is whole before
// `result` is set, and all results stand before `done` counts them. So a kill anywhere leaves an
// order that was not made, or one that is obeyed once more.
#include "vault/asked.h"

#include <stdbool.h>
#include <string.h>

static struct vault_order *place_of(struct vault_head *head, uint64_t number)
{
    return &head->reload.order[number % VAULT_ORDERS];
}

static bool try_order(struct vault_head *head, uint64_t before, uint64_t token)
{
    struct vault_order *order = place_of(head, before + 1);
    order->number = 0;
    order->token = token;
    order->result = ASKED_WAITS;
    order->number = before + 1;
    // It fails if the guard was signalled just now.
    return atomic_compare_exchange_strong(&head->reload.asked, &before, before + 1);
}

const struct vault_order *asked_for(struct vault_head *head, uint64_t token)
{
    uint64_t before = head->reload.asked;
    for (unsigned i = 0; i < VAULT_ORDERS; i++) {
        const struct vault_order *order = &head->reload.order[i];
        if (order->number && order->number <= before && order->token == token)
            return order;
    }
    do {
        before = head->reload.asked;
        if (before - head->reload.done >= VAULT_ORDERS)
            return NULL;
    } while (!try_order(head, before, token));
    return place_of(head, before + 1);
}

void asked_by_signal(struct vault_head *head)
{
    head->reload.asked++;
}

uint64_t asked_pending(const struct vault_head *head)
{
    uint64_t asked = head->reload.asked;
    return asked > head->reload.done ? asked : 0;
}

static void fill(struct vault_order *order, enum asked_result result, const char *text)
{
    size_t n = strlen(text);
    if (n >= sizeof order->text) {
        n = sizeof order->text - 1;
        while (n > 0 && text[n - 1] != '\n')
            n--;
    }
    memcpy(order->text, text, n);
    memset(order->text + n, 0, sizeof order->text - n);
    order->result = result;
}

void asked_answer(struct vault_head *head, uint64_t number, enum asked_result result,
                  const char *text)
{
    for (unsigned i = 0; i < VAULT_ORDERS; i++) {
        struct vault_order *order = &head->reload.order[i];
        if (order->number > head->reload.done && order->number <= number)
            fill(order, result, text);
    }
    head->reload.done = number;
}
