// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reload in the guard (reload.h).
#include "guard/reload/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/align.h"
#include "guard/certs_all.h"
#include "guard/control_socket.h"
#include "guard/limits.h"
#include "guard/reload/listen.h"
#include "vault/asked.h"
#include "vault/slot.h"
#include "vault/upgrading.h"
#include "vault/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELOAD_LOOK_MS 5 // while a new worker starts

static volatile sig_atomic_t signals;

void reload_note_signal(int signal_number)
{
    (void)signal_number;
    signals = signals + 1;
}

static struct vault_head *head_of(const struct reload *reload)
{
    return reload->heritage->vault.head;
}

// Each line of text into the log, and, behind its mark, to `out` (NULL: only into the log).
static void pass_on(char *text, char mark, enum log_event event, FILE *out)
{
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (*line == '\0')
            continue;
        if (out)
            fprintf(out, "%c%s\n", mark, line);
        for (char *at = line; *at; at++)
            if (*at == '"')
                *at = '\'';
        log_event(event, "what=\"%s\"", line);
    }
}

void reload_look_at_use(const struct vault *vault, struct conf_use *use)
{
    *use = (struct conf_use){0};
    slot_each_live(vault, slot) {
        if (slot->listener < CONF_MAX_LISTENERS)
            use->listener[slot->listener] = true;
        if (slot->game < CONF_MAX_GAMES)
            use->game[slot->game] = true;
    }
}

static bool read_conf(const struct reload *reload, struct heritage *fresh, FILE *complaints,
                      FILE *remarks)
{
    const struct heritage *now = reload->heritage;
    if (conf_load(&fresh->conf, now->conf_path, complaints) > 0)
        return false;
    if (conf_read_lists(&fresh->conf, complaints) == 0 &&
        listen_fit(&fresh->conf, complaints, remarks) &&
        conf_align(&fresh->conf, &now->conf, &reload->use, complaints, remarks)) {
        limits_fit_handshakes(&fresh->conf, now->vault.head->n_slots, remarks);
        return true;
    }
    conf_free(&fresh->conf);
    return false;
}

// Make *fresh from the files. False: it holds nothing.
static bool read_all(const struct reload *reload, struct heritage *fresh, FILE *complaints,
                     FILE *remarks)
{
    *fresh = *reload->heritage;
    memset(fresh->certs, 0, sizeof fresh->certs);
    if (reload->kind == RELOAD_ALL && !read_conf(reload, fresh, complaints, remarks))
        return false;
    struct certs_all_loaded loaded =
        certs_all_load(fresh, reload->heritage, CERTS_ALL_RELOAD, complaints, remarks);
    if (loaded.is_good &&
        (reload->kind == RELOAD_ALL || loaded.has_news || loaded.n_complaints == 0))
        return true;
    certs_all_free(fresh);
    if (reload->kind == RELOAD_ALL)
        conf_free(&fresh->conf);
    return false;
}

// What a reload makes and says, until it is over.
struct fresh {
    struct heritage *heritage;
    bool is_full; // it holds certificates, and, if all is reloaded, a configuration
    struct text complaints;
    struct text remarks;
};

// False: without memory. To be dropped in any case.
static bool fresh_begin(struct fresh *fresh)
{
    *fresh = (struct fresh){.heritage = malloc(sizeof *fresh->heritage)};
    return fresh->heritage && text_begin(&fresh->complaints) && text_begin(&fresh->remarks);
}

static void fresh_drop(const struct reload *reload, struct fresh *fresh)
{
    if (fresh->is_full) {
        certs_all_free(fresh->heritage);
        if (reload->kind == RELOAD_ALL)
            conf_free(&fresh->heritage->conf);
    }
    free(fresh->heritage);
    text_drop(&fresh->complaints);
    text_drop(&fresh->remarks);
}

// In the rehearsal's process: only whether it can be done, and the complaints, are of interest.
static bool try_to_read(void *arg, FILE *out)
{
    const struct reload *reload = arg;
    struct heritage *fresh = malloc(sizeof *fresh);
    FILE *remarks = fopen("/dev/null", "w");
    if (fresh && remarks)
        return read_all(reload, fresh, out, remarks);
    fprintf(out, "memory could not be had; try again\n");
    return false;
}

// It stands in the log already.
static void tell_log_remark(const struct reload *reload, FILE *out)
{
    if (reload->kind == RELOAD_ALL && reload->log_remark[0])
        fprintf(out, "%c%s", ASKED_REMARK, reload->log_remark);
}

static void refuse(struct reload *reload, char *text)
{
    struct text answer;
    bool is_all = reload->kind == RELOAD_ALL;
    if (!is_all && !watch_refuse(&reload->watch, reload->stamp, text, clock_boot_ms()))
        return;
    log_event(LOG_RELOAD_REFUSED, "what=%s", is_all ? "configuration" : "certificates");
    if (!text_begin(&answer))
        return; // the order stays, and is tried again
    tell_log_remark(reload, answer.out);
    pass_on(text, ASKED_WRONG, LOG_RELOAD_REFUSED, answer.out);
    char *lines = text_end(&answer);
    if (is_all)
        asked_answer(head_of(reload), reload->number, ASKED_BAD, lines);
    free(lines);
}

static void refuse_words(struct reload *reload, const char *words)
{
    char text[256];
    snprintf(text, sizeof text, "%s", words);
    refuse(reload, text);
}

// The new heritage's sockets are open and claimed beside the old ones, or nothing has changed.
static bool take_sockets(struct heritage *fresh, const struct heritage *now, FILE *complaints)
{
    struct vault_reload *reload = &now->vault.head->reload;
    bool is_new = listen_is_new(fresh, now);
    // From here to the claims a guard that dies leaves sockets that nobody accepts from.
    if (is_new)
        reload->strays = 1;
    if (!listen_open(fresh, now, complaints)) {
        reload->strays = 0;
        return false;
    }
    listen_claim_more(fresh);
    return true;
}

// wrong: what could not be taken, and remains as it was.
static void put_into_place(struct reload *reload, struct heritage *fresh, char *wrong,
                           char *remarks)
{
    struct heritage *now = reload->heritage;
    struct text text;
    fresh->id = ++head_of(reload)->reload.heritages;
    log_event(LOG_RELOAD, "what=%s heritage=%u",
              reload->kind == RELOAD_ALL ? "configuration" : "certificates", fresh->id);
    fresh->remarks[0] = '\0';
    if (text_begin(&text)) {
        tell_log_remark(reload, text.out);
        pass_on(wrong, ASKED_REMARK, LOG_RELOAD_REMARK, text.out);
        pass_on(remarks, ASKED_REMARK, LOG_RELOAD_REMARK, text.out);
        char *lines = text_end(&text);
        snprintf(fresh->remarks, sizeof fresh->remarks, "%s", lines);
        free(lines);
    }
    if (reload->kind == RELOAD_ALL) {
        fresh->order = reload->number;
        listen_log_gone(fresh, now);
        log_set_level((enum log_level)fresh->conf.log_level);
        control_socket_set_mode(&fresh->conf);
        conf_free(&now->conf);
    }
    certs_all_free(now);
    *now = *fresh;
}

// The rehearsal went well.
static void take_fresh(struct reload *reload)
{
    struct fresh fresh;
    if (!fresh_begin(&fresh)) {
        fresh_drop(reload, &fresh);
        refuse_words(reload, "memory could not be had; try again");
        return;
    }
    reload_look_at_use(&reload->heritage->vault, &reload->use);
    fresh.is_full = read_all(reload, fresh.heritage, fresh.complaints.out, fresh.remarks.out);
    bool is_good =
        fresh.is_full && (reload->kind == RELOAD_CERTIFICATES ||
                          take_sockets(fresh.heritage, reload->heritage, fresh.complaints.out));
    fflush(fresh.complaints.out);
    fflush(fresh.remarks.out);
    if (is_good && fresh.heritage->has_kept) // it is said below
        watch_refuse(&reload->watch, fresh.heritage->stamp, fresh.complaints.bytes,
                     clock_boot_ms());
    if (is_good) {
        put_into_place(reload, fresh.heritage, fresh.complaints.bytes, fresh.remarks.bytes);
        fresh.is_full = false; // what it held is in force
    } else {
        refuse(reload, fresh.complaints.bytes);
    }
    fresh_drop(reload, &fresh);
}

static void begin(struct reload *reload, enum reload_kind kind, uint64_t now_ms)
{
    reload->kind = kind;
    reload->number = asked_pending(head_of(reload));
    reload->stamp = watch_stamp(&reload->heritage->conf);
    reload_look_at_use(&reload->heritage->vault, &reload->use);
    struct vault vault = reload->heritage->vault;
    if (!rehearsal_start(&reload->rehearsal, &vault, try_to_read, reload, now_ms)) {
        char words[128];
        snprintf(words, sizeof words, "no process could be made to read it in: %s; try again",
                 strerror(errno));
        refuse_words(reload, words);
    }
}

static void go_on(struct reload *reload, uint64_t now_ms)
{
    static char text[REHEARSAL_TEXT_BYTES];
    struct vault vault = reload->heritage->vault;
    switch (rehearsal_look(&reload->rehearsal, &vault, text, now_ms)) {
    case REHEARSAL_RUNS:
        break;
    case REHEARSAL_GOOD:
        take_fresh(reload);
        break;
    case REHEARSAL_BAD:
        refuse(reload, text);
        break;
    }
}

static bool is_in_force(const struct reload *reload)
{
    const struct vault_head *head = head_of(reload);
    return head->reload.worker_heritage == reload->heritage->id && workers_is_ready(head);
}

// An order that this heritage obeys, and that has not been answered.
static bool is_answer_due(const struct reload *reload)
{
    return reload->heritage->order > head_of(reload)->reload.done;
}

// Another program is to go on with this heritage, or has begun to: it stays as it is.
static void refuse_for_upgrade(struct reload *reload)
{
    uint64_t number = asked_pending(head_of(reload));
    if (number == 0)
        return;
    reload->kind = RELOAD_ALL;
    reload->number = number;
    refuse_words(reload, "an upgrade is under way; reload again when it is over");
}

static void renew_log(struct reload *reload)
{
    uint64_t number = asked_pending(head_of(reload));
    if (number <= reload->log_order)
        return;
    reload->log_order = number;
    log_file_renew(reload->log_remark, sizeof reload->log_remark);
}

bool reload_is_ordered(const struct reload *reload)
{
    return is_answer_due(reload) || asked_pending(head_of(reload));
}

bool reload_is_under_way(const struct reload *reload)
{
    return reload->rehearsal.pid || reload_is_due(reload) || reload_is_ordered(reload);
}

void reload_step(struct reload *reload, bool has_worker, uint64_t now_ms)
{
    struct vault_head *head = head_of(reload);
    const struct heritage *heritage = reload->heritage;
    for (; signals; signals = signals - 1)
        asked_by_signal(head);
    renew_log(reload);
    if (head->ending_until_ms) {
        if (asked_pending(head))
            asked_answer(head, asked_pending(head), ASKED_BAD, "!stayd is ending\n");
        return;
    }
    if (has_worker && is_answer_due(reload) && is_in_force(reload))
        asked_answer(head, heritage->order, ASKED_GOOD, heritage->remarks);
    if (upgrading_is_under_way(head)) {
        refuse_for_upgrade(reload);
        return;
    }
    if (reload->rehearsal.pid) {
        go_on(reload, now_ms);
        return;
    }
    watch_dates(heritage, clock_wall_ms() / 1000);
    // One after the other: not before the present heritage is everybody's.
    if (!has_worker || reload_is_due(reload))
        return;
    if (asked_pending(head) > heritage->order)
        begin(reload, RELOAD_ALL, now_ms);
    else if (watch_look(&reload->watch, heritage, now_ms))
        begin(reload, RELOAD_CERTIFICATES, now_ms);
}

bool reload_is_due(const struct reload *reload)
{
    const struct vault_reload *it = &head_of(reload)->reload;
    return it->strays || it->worker_heritage != reload->heritage->id;
}

void reload_end_worker(struct reload *reload, pid_t worker, uint64_t now_ms)
{
    struct vault_reload *it = &head_of(reload)->reload;
    bool can_ask = it->worker_heritage != reload->heritage->id && workers_is_ready(head_of(reload));
    if (reload->patience_ms == 0) {
        reload->patience_ms = can_ask ? now_ms + RELOAD_PATIENCE_MS : now_ms;
        it->wanted_heritage = reload->heritage->id;
        if (can_ask)
            kill(worker, SIGUSR1);
    }
    if (now_ms < reload->patience_ms)
        return;
    it->leaving = (uint32_t)worker;
    kill(worker, SIGKILL);
}

void reload_prepare_worker(struct reload *reload)
{
    struct vault_reload *it = &head_of(reload)->reload;
    reload->patience_ms = 0;
    it->leaving = 0;
    it->wanted_heritage = reload->heritage->id;
    listen_claim(reload->heritage);
    it->strays = 0; // the sweep comes before any worker
    it->worker_heritage = reload->heritage->id;
}

int reload_sleep_ms(const struct reload *reload, uint64_t now_ms)
{
    uint64_t until_ms = reload->watch.look_ms;
    if (signals)
        return 0;
    if (reload->patience_ms)
        until_ms = reload->patience_ms;
    else if (reload->rehearsal.pid)
        until_ms = reload->rehearsal.until_ms;
    else if (is_answer_due(reload) || asked_pending(head_of(reload)))
        return RELOAD_LOOK_MS;
    else if (!reload->heritage->conf.watches_certificates)
        until_ms = now_ms + 60u * 60u * 1000u; // for the dates
    return until_ms > now_ms ? (int)(until_ms - now_ms) : RELOAD_LOOK_MS;
}

int reload_fd(const struct reload *reload)
{
    return reload->rehearsal.pid ? reload->rehearsal.pidfd : -1;
}
