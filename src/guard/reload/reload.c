// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reload in the guard (reload.h).
#include "guard/reload/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/align.h"
#include "conf/copy.h"
#include "entry/certs_all.h"
#include "entry/wallet.h"
#include "guard/control_socket.h"
#include "guard/limits.h"
#include "guard/reload/listen.h"
#include "vault/asked.h"
#include "vault/handover.h"
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

// An entry that retires still knows listeners by the indices of its time.
static bool is_one_retiring(const struct vault *vault)
{
    const struct vault_entries *all = vault_entries(vault);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (all->place[i].state != ENTRY_FREE && all->place[i].edition != all->wanted)
            return true;
    return false;
}

void reload_look_at_use(const struct vault *vault, struct conf_use *use)
{
    *use = (struct conf_use){0};
    if (is_one_retiring(vault))
        memset(use->listener, true, sizeof use->listener);
    slot_each_live(vault, slot) {
        if (slot_is_farewell(slot))
            continue;
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
        limits_fit_handshakes(&fresh->conf, remarks);
        conf_remark_names(&fresh->conf, remarks);
        return true;
    }
    conf_free(&fresh->conf);
    return false;
}

// Would the certificates do? What is said of them, and behind REMARKS_MARK, if they do, what is
// remarked.
#define REMARKS_MARK '\f'
static bool try_certs(const struct reload *reload, const struct conf *conf, int wallet_fd,
                      FILE *out)
{
    struct certs *certs[CONF_MAX_LISTENERS];
    struct text remarks;
    struct wallet *wallet = wallet_fd < 0 ? NULL : wallet_read(wallet_fd);
    const struct certs_all_wish wish = {.conf = conf,
                                        .conf_before = &reload->heritage->conf,
                                        .wallet = wallet,
                                        .use = CERTS_ALL_RELOAD};
    if (!text_begin(&remarks))
        return false;
    struct certs_all_loaded loaded = certs_all_load(&wish, certs, out, remarks.out);
    bool is_good = loaded.is_good &&
                   (reload->kind == RELOAD_ALL || loaded.has_news || loaded.n_complaints == 0);
    char *lines = text_end(&remarks);
    if (is_good)
        fprintf(out, "%c%s", REMARKS_MARK, lines);
    free(lines);
    return is_good;
}

// In the rehearsal's process, which ends then: keys that it has read end with it.
static bool try_to_read(void *arg, int wallet_fd, FILE *out)
{
    const struct reload *reload = arg;
    struct heritage *fresh = malloc(sizeof *fresh);
    FILE *remarks = fopen("/dev/null", "w");
    if (!fresh || !remarks) {
        fprintf(out, "memory could not be had; try again\n");
        return false;
    }
    *fresh = *reload->heritage;
    if (reload->kind == RELOAD_ALL && !read_conf(reload, fresh, out, remarks))
        return false;
    return try_certs(reload, &fresh->conf, wallet_fd, out);
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

// What a reload makes and says, until it is over.
struct fresh {
    struct heritage heritage;
    bool is_full; // it holds a configuration
    struct text complaints;
    struct text remarks;
};

static struct fresh *fresh_begin(const struct reload *reload)
{
    struct fresh *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return NULL;
    fresh->heritage = *reload->heritage;
    if (text_begin(&fresh->complaints) && text_begin(&fresh->remarks))
        return fresh;
    text_drop(&fresh->complaints);
    free(fresh);
    return NULL;
}

static void fresh_drop(struct fresh *fresh)
{
    if (fresh->is_full)
        conf_free(&fresh->heritage.conf);
    text_drop(&fresh->complaints);
    text_drop(&fresh->remarks);
    free(fresh);
}

// Is the configuration the one in force, so that only what it names may be another?
static bool is_unchanged(const struct conf *fresh, const struct conf *now)
{
    bool is_same = conf_is_same(fresh, now) && fresh->n_games == now->n_games;
    for (unsigned i = 0; is_same && i < now->n_games; i++)
        is_same = fresh->game[i].user_uid == now->game[i].user_uid &&
                  fresh->game[i].is_gone == now->game[i].is_gone;
    return is_same;
}

static void put_into_place(const struct reload *reload, struct fresh *fresh)
{
    struct heritage *now = reload->heritage;
    fresh->heritage.id = ++head_of(reload)->reload.heritages;
    listen_log_gone(&fresh->heritage, now);
    log_set_level((enum log_level)fresh->heritage.conf.log_level);
    control_socket_set_mode(&fresh->heritage.conf);
    conf_free(&now->conf);
    *now = fresh->heritage;
    fresh->is_full = false;
}

// wrong: what could not be taken, and remains as it was.
static void note_remarks(const struct reload *reload, char *wrong, char *remarks)
{
    struct heritage *now = reload->heritage;
    struct text text;
    now->remarks[0] = '\0';
    if (!text_begin(&text))
        return;
    tell_log_remark(reload, text.out);
    pass_on(wrong, ASKED_REMARK, LOG_RELOAD_REMARK, text.out);
    pass_on(remarks, ASKED_REMARK, LOG_RELOAD_REMARK, text.out);
    char *lines = text_end(&text);
    snprintf(now->remarks, sizeof now->remarks, "%s", lines);
    free(lines);
}

// The files' configuration into the place of the one in force. False: refused.
static bool take_conf(struct reload *reload, struct fresh *fresh)
{
    struct heritage *now = reload->heritage;
    reload_look_at_use(&now->vault, &reload->use);
    fresh->is_full = read_conf(reload, &fresh->heritage, fresh->complaints.out, fresh->remarks.out);
    bool is_good = fresh->is_full;
    if (is_good && is_unchanged(&fresh->heritage.conf, &now->conf))
        return true;
    is_good = is_good && take_sockets(&fresh->heritage, now, fresh->complaints.out);
    fflush(fresh->complaints.out);
    if (is_good)
        put_into_place(reload, fresh);
    else
        refuse(reload, fresh->complaints.bytes);
    return is_good;
}

// The rehearsal went well, and has said this about certificates.
static void take_fresh(struct reload *reload, char *certs_said)
{
    struct heritage *now = reload->heritage;
    char *rest = certs_said;
    char *wrong = strsep(&rest, "\f");
    struct fresh *fresh = fresh_begin(reload);
    if (!fresh) {
        refuse_words(reload, "memory could not be had; try again");
        return;
    }
    if (reload->kind == RELOAD_CERTIFICATES || take_conf(reload, fresh)) {
        if (reload->kind == RELOAD_ALL)
            now->order = reload->number;
        // What has changed since the rehearsal is seen to be other than this.
        now->stamp = watch_stamp(&now->conf);
        now->has_kept = *wrong != '\0';
        watch_refuse(&reload->watch, now->stamp, wrong, clock_boot_ms()); // it is said below
        vault_want_entry(&now->vault);
        log_event(LOG_RELOAD, "what=%s heritage=%u",
                  reload->kind == RELOAD_ALL ? "configuration" : "certificates", now->id);
        fprintf(fresh->remarks.out, "%s", rest ? rest : "");
        fflush(fresh->remarks.out);
        note_remarks(reload, wrong, fresh->remarks.bytes);
    }
    fresh_drop(fresh);
}

static void begin(struct reload *reload, enum reload_kind kind, uint64_t now_ms)
{
    reload->kind = kind;
    reload->number = asked_pending(head_of(reload));
    reload->stamp = watch_stamp(&reload->heritage->conf);
    reload_look_at_use(&reload->heritage->vault, &reload->use);
    struct vault vault = reload->heritage->vault;
    int wallet = vault_guard_fds(&vault)[HERITAGE_WALLET];
    if (!rehearsal_start(&reload->rehearsal, &vault, try_to_read, reload, wallet, now_ms)) {
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
        take_fresh(reload, text);
        break;
    case REHEARSAL_BAD:
        refuse(reload, text);
        break;
    }
}

// The entry that is to serve does not get ready, or one of before goes on: the order's answer waits no
// longer.
static void answer_late(struct reload *reload)
{
    struct text answer;
    if (!text_begin(&answer))
        return;
    fprintf(answer.out,
            "%cit is read in, but the process that lets players in has not changed over yet, and "
            "the one "
            "before goes on; see entry-died in the log\n%s",
            ASKED_REMARK, reload->heritage->remarks);
    char *lines = text_end(&answer);
    log_event(LOG_RELOAD_REMARK, "what=\"the entry has not changed over yet\"");
    asked_answer(head_of(reload), reload->heritage->order, ASKED_GOOD, lines);
    free(lines);
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
    // Entries have a table of their own.
    const struct vault *vault = &reload->heritage->vault;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (vault_entries(vault)->place[i].state == ENTRY_MADE)
            handover_order(vault_guard_fds(vault)[HERITAGE_ENTRY_QUEUE + i], HANDOVER_LOG);
}

bool reload_is_ordered(const struct reload *reload)
{
    return is_answer_due(reload) || asked_pending(head_of(reload));
}

bool reload_is_under_way(const struct reload *reload)
{
    return reload->rehearsal.pid || reload_is_due(reload) || reload_is_ordered(reload);
}

void reload_step(struct reload *reload, bool has_worker, bool is_open, uint64_t now_ms)
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
    if (!is_answer_due(reload) || is_open || reload->closed_ms == 0)
        reload->closed_ms = now_ms;
    if (has_worker && is_open && is_answer_due(reload) && is_in_force(reload))
        asked_answer(head, heritage->order, ASKED_GOOD, heritage->remarks);
    else if (is_answer_due(reload) && now_ms - reload->closed_ms > RELOAD_PATIENCE_MS)
        answer_late(reload);
    if (upgrading_is_under_way(head)) {
        refuse_for_upgrade(reload);
        return;
    }
    if (reload->rehearsal.pid) {
        go_on(reload, now_ms);
        return;
    }
    // One after the other: not before the present heritage is everybody's.
    if (!has_worker || reload_is_due(reload))
        return;
    // Nor before its entry is open: of orders that come faster than an entry can start, none would
    // ever come into force.
    if (is_answer_due(reload))
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

void reload_end_worker(const struct reload *reload, pid_t worker)
{
    head_of(reload)->reload.leaving = (uint32_t)worker;
    kill(worker, SIGKILL);
}

void reload_prepare_worker(struct reload *reload)
{
    struct vault_reload *it = &head_of(reload)->reload;
    it->leaving = 0;
    listen_claim(reload->heritage);
    it->strays = 0; // the sweep comes before any worker
    it->worker_heritage = reload->heritage->id;
}

int reload_sleep_ms(const struct reload *reload, uint64_t now_ms)
{
    uint64_t until_ms = reload->watch.look_ms;
    if (signals)
        return 0;
    if (reload->rehearsal.pid)
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
