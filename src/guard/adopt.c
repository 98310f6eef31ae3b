// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Going on where another program has stopped (adopt.h). Both ways look at the same things; on trial
// what is wrong is said to the program that asks. Errors: as there.
#include "guard/adopt.h"

#include "base/log.h"
#include "guard/baton.h"
#include "guard/guard.h"
#include "guard/lease.h"
#include "guard/probation.h"
#include "guard/start.h"
#include "guard/trial.h"

#include <errno.h>
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

static bool map_vault(struct heritage *heritage, const struct baton *baton, FILE *words)
{
    if (vault_map(&heritage->vault, baton->vault_fd) < 0)
        return say_layout(words, baton->vault_fd);
    heritage->vault.table_number = baton->table_number;
    return true;
}

// Sockets are open, and slots name listeners and games by number: those must be the same.
static bool is_same_shape(const struct heritage *heritage, const struct baton *baton, FILE *words)
{
    char *shape = baton_shape(&heritage->conf);
    bool is_same = shape && strcmp(shape, baton->shape) == 0;
    free(shape);
    if (!is_same)
        fprintf(words,
                "in %s `control`, `log`, listeners or games are not those that run; put them "
                "back, or restart\n",
                heritage->conf.path);
    return is_same;
}

static bool can_go_on(struct heritage *heritage, const struct baton *baton, const char *conf,
                      bool may_make, FILE *words, FILE *remarks)
{
    if (conf_load(&heritage->conf, conf, words) > 0 || !is_same_shape(heritage, baton, words) ||
        !start_load_certs(heritage, may_make, words, remarks))
        return false;
    if (record_init())
        return true;
    fprintf(words, "this OpenSSL lacks AES-GCM or ChaCha20-Poly1305\n");
    return false;
}

int adopt_try(struct heritage *heritage, const char *text, const char *conf)
{
    struct baton baton;
    start_harden();
    FILE *nowhere = fopen("/dev/null", "w"); // what a start has remarked, the next one will
    if (!nowhere || !baton_read(&baton, text)) {
        fprintf(stderr, "it does not understand what it is handed\n");
        return 1;
    }
    bool is_good = map_vault(heritage, &baton, stderr) &&
                   can_go_on(heritage, &baton, conf, false, stderr, nowhere);
    fclose(nowhere);
    if (is_good) {
        fprintf(stdout, "\n" TRIAL_GOOD STAYD_VERSION "\n");
        start_free(heritage);
        vault_unmap(&heritage->vault);
    }
    baton_free(&baton);
    return is_good && fflush(stdout) == 0 ? 0 : 1;
}

// In the order in which start.c has opened them, which the shape says.
static void take_sockets(struct heritage *heritage)
{
    const _Atomic int32_t *fds = vault_guard_fds(&heritage->vault);
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++)
        for (unsigned j = 0; j < heritage->conf.listener[i].n_addresses; j++) {
            heritage->socket[heritage->n_sockets] =
                (struct heritage_socket){fds[HERITAGE_SOCKETS + heritage->n_sockets], (uint16_t)i};
            heritage->n_sockets++;
        }
}

static void take_fds(struct heritage *heritage)
{
    const _Atomic int32_t *fds = vault_guard_fds(&heritage->vault);
    heritage->lock_fd = fds[HERITAGE_LOCK];
    heritage->control_fd = fds[HERITAGE_CONTROL];
    take_sockets(heritage);
    log_adopt(heritage->conf.log, (enum log_level)heritage->conf.log_level, fds[HERITAGE_LOG]);
}

uint64_t adopt_prepare(struct heritage *heritage, const char *text, const char *conf)
{
    struct baton baton;
    char *said = NULL;
    size_t n_said;
    start_harden();
    // Nothing of players' and games' for programs that a library may run.
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (!baton_read(&baton, text) || !map_vault(heritage, &baton, stderr))
        exit(1); // which the trial has excluded
    uint64_t word = heritage->vault.head->guard;
    if (word != baton.guard_word || lease_pid(word) != getpid())
        exit(1);
    FILE *words = open_memstream(&said, &n_said);
    if (!words || !can_go_on(heritage, &baton, conf, true, words, stderr)) {
        if (words)
            fclose(words);
        probation_fail(&heritage->vault, "%s", said ? said : "no memory");
    }
    fclose(words);
    free(said);
    take_fds(heritage);
    heritage->program = strdup(baton.program);
    heritage->started_ms = baton.started_ms;
    baton_free(&baton);
    log_event(LOG_UPGRADE, "phase=adopted version=%s conf=%s", STAYD_VERSION, heritage->conf.path);
    return word;
}
