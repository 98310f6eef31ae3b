// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The storm's game: `storm_game LEDGER-FD LISTEN-FD`. It accepts stayd's
// connections, reads each one's PROXY v2 header and hello, and then sends a
// verified stream and checks the one it receives, in bursts with pauses. On
// SIGHUP it reboots as games do: it execs itself. Descriptors stay open, all it
// knows stands in the ledger, and loading takes a random moment in which nobody
// reads or writes.
//
// Errors: what a player's stream suffered is written into the ledger; a call that
// fails for other reasons ends the game, which the storm reports.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "proxy.h"

#define GAME_BUFFER_BYTES 65536u
#define GAME_MAX_LIVE 1024u
#define GAME_LOADING_MS 150u

static struct ledger *ledger;
static int listener;
static uint32_t live[GAME_MAX_LIVE]; // indices of links that are open
static unsigned n_live;
static volatile sig_atomic_t reboot_asked;
static uint8_t buffer[GAME_BUFFER_BYTES];

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "storm_game: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void damage(const struct ledger_link *link, const char *what)
{
    if (atomic_load(&ledger->damaged))
        return;
    snprintf(ledger->damage_text, sizeof ledger->damage_text,
             "game: player %" PRIu64 ", link %td: %s", link->from_player.number,
             link - ledger->link, what);
    atomic_store(&ledger->damaged, 1);
}

static void link_close(struct ledger_link *link, const char *reason)
{
    if (atomic_load(&link->state) < LEDGER_LIVE)
        atomic_fetch_add(&ledger->unfinished, 1);
    snprintf(link->reason, sizeof link->reason, "%s", reason);
    close(link->fd);
    link->fd = -1;
    atomic_store(&link->state, LEDGER_CLOSED);
}

// A worker killed after the header went out and before it could note so makes the link anew, with
// the same id. Nothing of the player can have come over the older one.
static void supersede(const struct ledger_link *newer)
{
    for (unsigned i = 0; i < n_live; i++) {
        struct ledger_link *older = &ledger->link[live[i]];
        if (older == newer || older->fd < 0 || atomic_load(&older->state) == LEDGER_HEADER ||
            memcmp(older->id, newer->id, sizeof older->id) != 0)
            continue;
        if (atomic_load(&older->received) != 0)
            damage(older, "linked anew although bytes had come over the first link");
        atomic_fetch_add(&ledger->superseded, 1);
        link_close(older, "superseded by a newer link with the same id");
    }
}

static void take_header(struct ledger_link *link)
{
    size_t wanted = proxy_wanted(link->head, link->head_bytes);
    if (link->head_bytes < wanted)
        return;
    if (!proxy_read(link->head, link->head_bytes, link->id, &link->port)) {
        damage(link, "the PROXY header is not what it should be");
        link_close(link, "bad PROXY header");
        return;
    }
    link->head_bytes = 0;
    atomic_store(&link->state, LEDGER_HELLO);
    supersede(link);
}

static void take_hello(struct ledger_link *link)
{
    if (link->head_bytes < STREAM_HELLO_BYTES)
        return;
    if (!stream_read_hello(&link->from_player, ledger->seed, STREAM_TO_GAME, link->head) ||
        link->from_player.number >= LEDGER_PLAYERS) {
        damage(link, "the hello is not what it should be");
        link_close(link, "bad hello");
        return;
    }
    const uint32_t index = (uint32_t)(link - ledger->link);
    stream_init(&link->to_player, ledger->seed, STREAM_TO_PLAYER, index,
                link->from_player.quota[STREAM_TO_GAME], link->from_player.quota[STREAM_TO_PLAYER],
                link->from_player.game_ends);
    link->dice.state = dice_mix(link->to_player.key);
    atomic_store(&link->received, STREAM_HELLO_BYTES);
    atomic_store(&ledger->link_of_player[link->from_player.number], index + 1);
    atomic_store(&link->state, LEDGER_LIVE);
}

// Reads no byte beyond what the present state is about.
static size_t head_room(const struct ledger_link *link)
{
    size_t wanted = atomic_load(&link->state) == LEDGER_HELLO
                        ? STREAM_HELLO_BYTES
                        : proxy_wanted(link->head, link->head_bytes);
    if (wanted > sizeof link->head)
        wanted = sizeof link->head;
    return wanted - link->head_bytes;
}

static void take_stream(struct ledger_link *link, size_t n)
{
    uint64_t offset = atomic_load(&link->received);
    size_t right = stream_check(&link->from_player, offset, buffer, n);
    if (right != n) {
        char what[300];
        int used =
            snprintf(what, sizeof what, "to_game wrong at offset %" PRIu64 ": ", offset + right);
        stream_explain(what + used, sizeof what - (size_t)used, &link->from_player, offset + right,
                       buffer + right, n - right);
        damage(link, what);
    }
    atomic_store(&link->received, offset + n);
    if (dice_one_in(&link->dice, 500)) // a game that is busy with something else
        link->read_at_ms = now_ms() + dice_wait(&link->dice, 200);
}

// Returns false when there is nothing more to read now.
static bool link_read(struct ledger_link *link)
{
    const bool is_live = atomic_load(&link->state) == LEDGER_LIVE;
    uint8_t *to = is_live ? buffer : link->head + link->head_bytes;
    size_t room = is_live ? (size_t)dice_size(&link->dice) : head_room(link);
    ssize_t n = recv(link->fd, to, room, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            link_close(link, strerror(errno));
        return false;
    }
    if (n == 0) {
        if (is_live)
            link->has_ended = true;
        else
            link_close(link, "end of file before the hello");
        return false;
    }
    if (is_live) {
        take_stream(link, (size_t)n);
        return link->read_at_ms == 0;
    }
    link->head_bytes += (uint32_t)n;
    if (atomic_load(&link->state) == LEDGER_HEADER)
        take_header(link);
    else
        take_hello(link);
    return link->fd >= 0;
}

static uint64_t quota_left(const struct ledger_link *link)
{
    return link->to_player.quota[STREAM_TO_PLAYER] - atomic_load(&link->sent);
}

static void link_send(struct ledger_link *link, uint64_t now)
{
    if (link->burst_left == 0 && now >= link->send_at_ms) {
        link->burst_left = dice_size(&link->dice);
        if (dice_one_in(&link->dice, 50)) // now and then more than all buffers hold
            link->burst_left += 600000;
    }
    while (link->burst_left > 0 && quota_left(link) > 0) {
        size_t n = (size_t)dice_size(&link->dice);
        n = n < link->burst_left ? n : (size_t)link->burst_left;
        n = n < quota_left(link) ? n : (size_t)quota_left(link);
        uint64_t offset = atomic_load(&link->sent);
        stream_fill(&link->to_player, offset, buffer, n);
        ssize_t done = send(link->fd, buffer, n, MSG_NOSIGNAL);
        link->is_full = done < 0 && errno == EAGAIN;
        if (done < 0) {
            if (errno != EAGAIN)
                link_close(link, strerror(errno));
            return;
        }
        atomic_store(&link->sent, offset + (uint64_t)done);
        link->burst_left -= (uint64_t)done;
    }
    if (link->burst_left == 0 && now >= link->send_at_ms)
        link->send_at_ms = now + dice_wait(&link->dice, ledger->pause_ms);
}

// The visit is over: everything was sent and everything came.
static void link_end(struct ledger_link *link)
{
    const bool is_met = quota_left(link) == 0 &&
                        atomic_load(&link->received) == link->from_player.quota[STREAM_TO_GAME];
    if (is_met && (link->has_ended || link->to_player.game_ends))
        link_close(link, "visit is over");
    else if (link->has_ended && quota_left(link) > STREAM_UNTIL_STOPPED / 2)
        link_close(link, "end of file");
    else if (link->has_ended &&
             atomic_load(&link->received) != link->from_player.quota[STREAM_TO_GAME])
        link_close(link, "end of file before the player's last byte");
}

static void link_serve(struct ledger_link *link, short revents, uint64_t now)
{
    if (now >= link->read_at_ms)
        link->read_at_ms = 0;
    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !link->has_ended)
        for (int i = 0; i < 4 && link_read(link); i++)
            ;
    if (link->fd < 0 || atomic_load(&link->state) != LEDGER_LIVE)
        return;
    if (atomic_load(&ledger->is_stopping) == 0 && (!link->is_full || (revents & POLLOUT) != 0))
        link_send(link, now);
    if (link->fd >= 0)
        link_end(link);
}

static void accept_all(void)
{
    int fd;
    while (n_live < GAME_MAX_LIVE && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        uint32_t index = atomic_load(&ledger->n_links);
        if (index == LEDGER_LINKS) {
            errno = ENOSPC;
            die("the ledger is full");
        }
        ledger->link[index].fd = fd;
        atomic_store(&ledger->link[index].state, LEDGER_HEADER);
        atomic_store(&ledger->n_links, index + 1);
        live[n_live++] = index;
    }
}

static void forget_closed(void)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n_live; i++)
        if (ledger->link[live[i]].fd >= 0)
            live[kept++] = live[i];
    n_live = kept;
}

static void find_live(void)
{
    for (uint32_t i = 0; i < atomic_load(&ledger->n_links); i++) {
        uint32_t state = atomic_load(&ledger->link[i].state);
        if (state != LEDGER_FREE && state != LEDGER_CLOSED && n_live < GAME_MAX_LIVE)
            live[n_live++] = i;
    }
}

static int wait_for_events(struct pollfd *polled, uint64_t now)
{
    uint64_t next = now + 50;
    polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (unsigned i = 0; i < n_live; i++) {
        const struct ledger_link *link = &ledger->link[live[i]];
        const bool is_reading = !link->has_ended && now >= link->read_at_ms;
        const bool is_sending = atomic_load(&link->state) == LEDGER_LIVE && quota_left(link) > 0 &&
                                atomic_load(&ledger->is_stopping) == 0;
        polled[i + 1] = (struct pollfd){.fd = link->fd};
        if (is_reading)
            polled[i + 1].events |= POLLIN;
        else if (link->read_at_ms != 0 && link->read_at_ms < next)
            next = link->read_at_ms;
        if (is_sending && link->is_full)
            polled[i + 1].events |= POLLOUT;
        else if (is_sending && link->send_at_ms < next)
            next = link->send_at_ms;
    }
    uint64_t wait = next > now ? next - now : 0;
    struct timespec timeout = {.tv_nsec = (long)wait * 1000000};
    sigset_t none;
    sigemptyset(&none);
    return ppoll(polled, n_live + 1, &timeout, &none);
}

static void on_hup(int signal_number)
{
    (void)signal_number;
    reboot_asked = 1;
}

// SIGHUP stays blocked outside ppoll, also over the exec, so that none can come
// before its handler is there again.
static void prepare_signals(void)
{
    sigset_t hup;
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hup, NULL);
    struct sigaction action = {.sa_handler = on_hup};
    sigaction(SIGHUP, &action, NULL);
}

static void finish_reboot(void)
{
    struct dice dice = {.state = ledger->seed ^ atomic_load(&ledger->reboots)};
    struct timespec loading = {.tv_nsec = (long)dice_below(&dice, GAME_LOADING_MS) * 1000000};
    nanosleep(&loading, NULL);
    atomic_fetch_add(&ledger->reboots, 1);
    atomic_store(&ledger->is_rebooting, 0);
}

int main(int argc, char **argv)
{
    static struct pollfd polled[GAME_MAX_LIVE + 1];
    if (argc != 3)
        return 2;
    listener = atoi(argv[2]);
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
    if (ledger == MAP_FAILED)
        die("mmap");
    prepare_signals();
    find_live();
    if (atomic_load(&ledger->is_rebooting))
        finish_reboot();
    for (;;) {
        uint64_t before = now_ms();
        unsigned n_polled = n_live;
        if (wait_for_events(polled, before) < 0 && errno != EINTR)
            die("ppoll");
        if (reboot_asked) {
            execv("/proc/self/exe", argv);
            die("exec");
        }
        uint64_t now = now_ms();
        for (unsigned i = 0; i < n_polled; i++)
            if (ledger->link[live[i]].fd >= 0)
                link_serve(&ledger->link[live[i]], polled[i + 1].revents, now);
        accept_all();
        forget_closed();
    }
}
