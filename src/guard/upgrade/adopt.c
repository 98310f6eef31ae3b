// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Going on where another program has stopped (adopt.h). Both ways look at the same things; on trial
// what is wrong is said to the program that asks.
#include "guard/upgrade/adopt.h"

#include "base/harden.h"
#include "base/log.h"
#include "base/text.h"
#include "entry/certs_all.h"
#include "guard/calls.h"
#include "guard/limits.h"
#include "guard/log_file.h"
#include "guard/reload/listen.h"
#include "guard/reload/reload.h"
#include "guard/reload/watch.h"
#include "guard/start.h"
#include "guard/upgrade/baton.h"
#include "guard/upgrade/probation.h"
#include "guard/upgrade/trial.h"
#include "process/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// Magic and layout stand in the same place in every layout.
static bool say_layout(FILE *words, int fd)
{
    uint32_t layout = 0;
    ssize_t n = pread(fd, &layout, sizeof layout, offsetof(struct vault_head, layout));
    if (errno != EPROTO || n != (ssize_t)sizeof layout)
        fprintf(words, "it cannot map the vault: %s\n", strerror(errno));
    else if (layout != VAULT_LAYOUT)
        fprintf(words, "it knows vault layout %u, and the players are in one of layout %u\n",
                VAULT_LAYOUT, layout);
    else
        fprintf(words, "the vault is not of the sizes that it knows\n");
    return false;
}

bool adopt_map_vault(struct vault *vault, int fd, int map(struct vault *, int), FILE *words)
{
    return map(vault, fd) == 0 || say_layout(words, fd);
}

static bool map_vault(struct heritage *heritage, const struct baton *baton,
                      int map(struct vault *, int), FILE *words)
{
    if (!adopt_map_vault(&heritage->vault, baton->vault_fd, map, words))
        return false;
    heritage->vault.table_number = baton->table_number;
    return true;
}

bool adopt_align(struct heritage *heritage, const struct conf *names, FILE *words)
{
    struct conf *conf = &heritage->conf;
    struct conf_use use;
    struct conf *before = malloc(sizeof *before);
    FILE *nowhere = fopen("/dev/null", "w");
    bool is_good = before && nowhere;
    if (is_good) {
        *before = *conf; // what else an alignment would keep is the file's
        memcpy(before->listener, names->listener, sizeof before->listener);
        memcpy(before->game, names->game, sizeof before->game);
        before->n_listeners = names->n_listeners;
        before->n_games = names->n_games;
        reload_look_at_use(&heritage->vault, &use);
        is_good = conf_align(conf, before, &use, words, nowhere);
    }
    if (nowhere)
        fclose(nowhere);
    free(before);
    if (!is_good)
        fprintf(words, "listeners and games cannot be numbered as they are\n");
    return is_good;
}

static bool take_indices(struct heritage *heritage, const struct baton *baton, FILE *words)
{
    struct conf *names = calloc(1, sizeof *names);
    bool is_good = names && baton_names(baton, names) && adopt_align(heritage, names, words);
    free(names);
    return is_good;
}

// Sockets are open, and slots name listeners and games by number: those must be the same.
static bool is_same_shape(const struct heritage *heritage, const struct baton *baton, FILE *words)
{
    char *shape = baton_shape(&heritage->conf);
    bool is_same = shape && strcmp(shape, baton->shape) == 0;
    free(shape);
    if (!is_same)
        fprintf(words,
                "in %s `control`, `log`, `upgrade-programs`, listeners or games are not those that "
                "run; reload, put them back, or restart\n",
                heritage->conf.path);
    return is_same;
}

static bool can_go_on(struct heritage *heritage, const struct baton *baton, const char *conf,
                      FILE *words, FILE *remarks)
{
    if (conf_load(&heritage->conf, conf, words) > 0 ||
        conf_read_lists(&heritage->conf, words) > 0 ||
        !listen_fit(&heritage->conf, words, remarks) || !take_indices(heritage, baton, words) ||
        !is_same_shape(heritage, baton, words))
        return false;
    limits_fit_handshakes(&heritage->conf, remarks);
    if (record_init())
        return true;
    fprintf(words, "this OpenSSL lacks AES-GCM or ChaCha20-Poly1305\n");
    return false;
}

int adopt_try(struct heritage *heritage, const char *text, const char *conf)
{
    struct baton baton;
    harden();
    FILE *nowhere = fopen("/dev/null", "w"); // what a start has remarked, the next one will
    if (!nowhere || !baton_read(&baton, text)) {
        fprintf(stderr, "it does not understand what it is handed\n");
        return 1;
    }
    struct text words;
    if (!text_begin(&words)) {
        fprintf(stderr, "no memory\n");
        return 1;
    }
    struct certs *certs[CONF_MAX_LISTENERS] = {NULL};
    const struct certs_all_wish wish = {.conf = &heritage->conf, .use = CERTS_ALL_UPGRADE_TRY};
    bool is_good = calls_try(words.out) &&
                   map_vault(heritage, &baton, vault_map_to_look, words.out) &&
                   can_go_on(heritage, &baton, conf, words.out, nowhere) &&
                   certs_all_load(&wish, certs, words.out, nowhere).is_good;
    fclose(nowhere);
    char *said = text_end(&words);
    if (!is_good)
        fputs(said, stderr);
    free(said);
    if (is_good) {
        fprintf(stdout, "\n" TRIAL_WORD STAYD_VERSION "\n");
        certs_all_free(certs);
        heritage_free(heritage);
        vault_unmap(&heritage->vault);
    }
    baton_free(&baton);
    return is_good && fflush(stdout) == 0 ? 0 : 1;
}

bool adopt_take_sockets(struct heritage *heritage, const char *places)
{
    const _Atomic int32_t *fds = vault_guard_fds(&heritage->vault);
    for (unsigned i = 0; i < HERITAGE_MAX_SOCKETS; i++)
        heritage->socket[i].fd = -1;
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++)
        for (unsigned j = 0; j < heritage->conf.listener[i].n_addresses; j++) {
            char *end;
            unsigned long place = strtoul(places, &end, 10);
            if (end == places || place >= HERITAGE_MAX_SOCKETS || fds[HERITAGE_SOCKETS + place] < 0)
                return false;
            places = end;
            heritage->socket[place] =
                (struct heritage_socket){fds[HERITAGE_SOCKETS + place], (uint16_t)i, (uint16_t)j};
            if (heritage->n_sockets <= place)
                heritage->n_sockets = (unsigned)place + 1;
        }
    return true;
}

static void take_fds(struct heritage *heritage)
{
    const _Atomic int32_t *fds = vault_guard_fds(&heritage->vault);
    heritage->lock_fd = fds[HERITAGE_LOCK];
    heritage->control_fd = fds[HERITAGE_CONTROL];
    log_take(heritage->conf.log, (enum log_level)heritage->conf.log_level, fds[HERITAGE_LOG]);
    char remark[LOG_FILE_REMARK_BYTES]; // it stands in the log
    log_file_renew(remark, sizeof remark);
}

uint64_t adopt_prepare(struct heritage *heritage, const char *text, const char *conf)
{
    struct baton baton;
    struct text words;
    // By this name the pid in the lock is known for a guard's; the arguments are still needed.
    prctl(PR_SET_NAME, "stayd: guard", 0, 0, 0);
    harden();
    // Nothing of players' and games' for programs that a library may run.
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (!baton_read(&baton, text) || !map_vault(heritage, &baton, vault_map, stderr))
        exit(1); // which the trial has excluded
    uint64_t word = heritage->vault.head->guard;
    if (word != baton.guard_word || lease_pid(word) != getpid())
        exit(1);
    if (!text_begin(&words))
        probation_fail(&heritage->vault, "no memory");
    bool is_good = can_go_on(heritage, &baton, conf, words.out, stderr);
    char *said = text_end(&words);
    if (!is_good)
        probation_fail(&heritage->vault, "%s", said);
    if (!adopt_take_sockets(heritage, baton.places))
        probation_fail(&heritage->vault, "it does not find the listening sockets");
    take_fds(heritage);
    free(said);
    heritage->program_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (heritage->program_fd < 0)
        probation_fail(&heritage->vault, "it cannot open itself: %s", strerror(errno));
    heritage_renew(&heritage->vault, HERITAGE_OWN_PROGRAM, heritage->program_fd);
    heritage_renew(&heritage->vault, HERITAGE_VIEW, -1); // the old program's
    if (!start_show_view(heritage))
        probation_fail(&heritage->vault, "it cannot make what entries are shown: %s",
                       strerror(errno));
    heritage->stamp = watch_stamp(&heritage->conf);
    heritage_begin(heritage);
    heritage->conf_path = conf;
    heritage->program = strdup(baton.program);
    heritage->started_ms = baton.started_ms;
    baton_free(&baton);
    log_event(LOG_UPGRADE, "phase=adopted version=%s conf=%s", STAYD_VERSION, heritage->conf.path);
    return word;
}
