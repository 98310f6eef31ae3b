// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// `reload` (reload_task.h). The order is found again by a token of who asks and under which ID, so
// the same process can ask again after the worker's death, and does not order twice.
#include "ops/reload_task.h"

#include "base/hash.h"
#include "base/log.h"
#include "ops/answer.h"
#include "process/lease.h"
#include "vault/asked.h"

#include <signal.h>
#include <string.h>

#define TEXT_BYTES 900u // of a line, which may be quoted to four times that

static uint64_t make_token(const struct task *task)
{
    uint64_t hash = hash64_add_text(HASH64_START, task->request.id);
    hash = hash64_add_number(hash, task->asker.uid);
    hash = hash64_add_number(hash, (uint64_t)task->asker.pid);
    return hash ? hash : 1;
}

// An item a line; the mark says what it is.
static void put_items(struct task *task, const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t n = strcspn(line, "\n");
        if (n < 2)
            continue;
        struct answer answer;
        answer_item(&answer, task->request.id);
        answer_text(&answer, "what", *line == ASKED_WRONG ? "wrong" : "remark");
        answer_bytes(&answer, "text", line + 1, n - 1 < TEXT_BYTES ? n - 1 : TEXT_BYTES);
        answer_finish(&answer);
        task_put(task, &answer);
    }
}

static bool end_with(struct task *task, const struct vault_order *order)
{
    char text[VAULT_ORDER_TEXT_BYTES];
    memcpy(text, order->text, sizeof text);
    text[sizeof text - 1] = '\0';
    put_items(task, text);
    if (order->result == ASKED_BAD)
        return task_end_error(
            task, REQUEST_REFUSED,
            "nothing was changed, for the reasons given; put that right and reload "
            "again");
    return task_end_well(task);
}

bool reload_task_step(struct task *task, struct players *players)
{
    struct vault_head *head = players->vault->head;
    if (players->heritage->is_alone)
        return task_end_error(task, REQUEST_REFUSED,
                              "stayd runs --alone and cannot reload; restart it without");
    const struct vault_order *order = asked_for(head, make_token(task));
    if (!order)
        return task_end_error(task, REQUEST_SHORT, "too many reloads are waited for; ask again");
    if (order->result != ASKED_WAITS)
        return end_with(task, order);
    if (task->next == 0) {
        log_event(LOG_CONTROL_ORDER, "verb=reload uid=%u pid=%d", (unsigned)task->asker.uid,
                  (int)task->asker.pid);
        // A guard that is not there any more has a successor, who looks by itself.
        if (lease_is_alive(head->guard))
            kill(lease_pid(head->guard), SIGUSR1);
    }
    task->next = 1;
    task->waits = true;
    return false;
}
