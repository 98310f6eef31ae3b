// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A receipt's call, instruction by instruction (ptrace(2)): the count stands in the vault with the
// very instruction that moves the bytes, in whichever libc the program was built. Whoever dies
// there has a successor that knows.
//
// Alone, without cmocka, so that another libc can run it. Errors: the exit status; 77: this cannot
// be done here.
#include "vault/chunk.h"
#include "vault/flow.h"
#include "vault/receipt.h"
#include "vault/slot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define TEXT "hello"
#define N_TEXT 5u
#define CHUNK 0u

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(bool is_true, const char *what, int line)
{
    if (is_true)
        return;
    fprintf(stderr, "%d: not true: %s\n", line, what);
    exit(1);
}

struct scene {
    struct vault vault;
    struct slot *slot;
    int own;
    int peer;
    enum receipt_side side;
};

static const struct flow_state *now(const struct scene *scene)
{
    return flow_now(&scene->slot->flow[TO_GAME]);
}

// A plain slot whose game's link is `own`: to send, its buffer holds the text; to receive, it comes
// from there.
static void set(struct scene *scene, enum receipt_side side)
{
    int pair[2];
    CHECK(vault_make(&scene->vault, 4) == 0 && vault_reserve_slots(&scene->vault, 1) == 0 &&
          vault_reserve_chunks(&scene->vault, CHUNK + 1) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    scene->side = side;
    scene->own = pair[0];
    scene->peer = pair[1];
    scene->slot = &scene->vault.slots[0];
    scene->slot->player_fd = scene->own;
    scene->slot->game_fd = -1;
    for (int dir = 0; dir < 2; dir++) {
        struct flow_state *state = &scene->slot->flow[dir].copy[0];
        state->in = state->out = BUFFER_EMPTY;
    }
    struct flow_state *state = &scene->slot->flow[TO_GAME].copy[0];
    if (side == RECEIPT_SEND) {
        memcpy(vault_chunk(&scene->vault, CHUNK), TEXT, N_TEXT);
        state->out = (struct buffer){.chunk = CHUNK, .end = N_TEXT};
        state->received = N_TEXT;
    } else {
        CHECK(write(scene->peer, TEXT, N_TEXT) == N_TEXT);
    }
    scene->slot->state = SLOT_LIVE;
}

static void clear(struct scene *scene)
{
    int fd = scene->vault.fd;
    close(scene->own);
    close(scene->peer);
    vault_unmap(&scene->vault);
    close(fd);
}

static _Noreturn void be_worker(struct scene *scene)
{
    // What no field covers must not be left to chance: the kernel's counts may be wider.
    memset(scene->vault.head->receipt.message, 0xff, sizeof scene->vault.head->receipt.message);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(SKIPPED);
    raise(SIGSTOP);
    ssize_t n = scene->side == RECEIPT_SEND
                    ? receipt_send(&scene->vault, 0, TO_GAME, scene->own)
                    : receipt_recv(&scene->vault, 0, TO_GAME, scene->own, CHUNK, 0, 100);
    _exit(n == N_TEXT ? 0 : 1); // nobody comes so far
}

static bool has_moved(const struct scene *scene)
{
    int n = 0;
    CHECK(ioctl(scene->side == RECEIPT_SEND ? scene->peer : scene->own, FIONREAD, &n) == 0);
    return (n == N_TEXT) == (scene->side == RECEIPT_SEND);
}

// The worker by single steps, up to the one that moves the bytes; then it is killed.
static void step_over_the_call(const struct scene *scene, pid_t worker)
{
    int status;
    CHECK(waitpid(worker, &status, 0) == worker);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        exit(SKIPPED);
    while (!has_moved(scene)) {
        if (ptrace(PTRACE_SINGLESTEP, worker, NULL, NULL) < 0)
            exit(errno == EIO ? SKIPPED : 1);
        CHECK(waitpid(worker, &status, 0) == worker && WIFSTOPPED(status));
    }
    CHECK(kill(worker, SIGKILL) == 0 && waitpid(worker, &status, 0) == worker);
}

static void check_settled(const struct scene *scene)
{
    char text[N_TEXT + 1] = "";
    const struct flow_state *state = now(scene);
    CHECK(state->received == N_TEXT);
    if (scene->side == RECEIPT_SEND) {
        CHECK(state->sent == N_TEXT && state->out.chunk == CHUNK_NONE);
        CHECK(read(scene->peer, text, sizeof text) == N_TEXT);
    } else {
        CHECK(state->sent == 0 && state->out.chunk == CHUNK && buffer_bytes(&state->out) == N_TEXT);
        memcpy(text, vault_chunk(&scene->vault, CHUNK), N_TEXT);
    }
    CHECK(strcmp(text, TEXT) == 0);
}

static void the_successor_knows(enum receipt_side side)
{
    struct scene scene;
    set(&scene, side);
    const struct flow_state before = *now(&scene);
    pid_t worker = fork();
    CHECK(worker >= 0);
    if (worker == 0)
        be_worker(&scene);
    step_over_the_call(&scene, worker);
    CHECK(memcmp(now(&scene), &before, sizeof before) == 0); // killed before the commit
    CHECK(receipt_settle(&scene.vault));
    CHECK(!receipt_settle(&scene.vault));
    check_settled(&scene);
    clear(&scene);
}

int main(void)
{
    the_successor_knows(RECEIPT_SEND);
    the_successor_knows(RECEIPT_RECV);
    return 0;
}
