// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See player.h. What is said and heard is in talk.c.
#include "player.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"
#include "verdict.h"

#define PLAYER_STUCK_US 60000000u
#define PLAYER_VISIT_BYTES 150000u
#define PLAYER_CALL_BYTES 2000u // of the many visitors who hardly stay
#define PLAYER_PLAIN_ONE_IN 5u
#define PLAYER_HAND_ON_US 100000u // for the entry to hand a player on, on a busy machine

struct player_kind {
    int version; // 0: plain
    const char *suite;
};

// stayd's own certificate may be RSA or ECDSA: both names of a TLS 1.2 suite are offered.
static const struct player_kind kinds[PLAYER_N_KINDS] = {
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"},
    {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"},
    {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"},
    {0, NULL},
};

// Counts KeyUpdates of stayd's. A ticket of TLS 1.3 tells that the handshake is done there, too.
static void on_message(int is_ours, int version, int type, const void *bytes, size_t n, SSL *ssl,
                       void *argument)
{
    struct player_world *world = argument;
    struct player *player = SSL_get_app_data(ssl);
    if (is_ours || type != SSL3_RT_HANDSHAKE || n == 0)
        return;
    const uint8_t message = *(const uint8_t *)bytes;
    if (message == SSL3_MT_KEY_UPDATE)
        world->keys_updated++;
    else if (message == SSL3_MT_NEWSESSION_TICKET && version == TLS1_3_VERSION &&
             player->shaken_us == 0)
        player->shaken_us = now_us();
}

bool player_world_init(struct player_world *world)
{
    world->context = SSL_CTX_new(TLS_client_method());
    if (world->context == NULL)
        return false;
    SSL_CTX_set_mode(world->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(world->context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_msg_callback(world->context, on_message);
    SSL_CTX_set_msg_callback_arg(world->context, world);
    return true;
}

static unsigned choose_kind(const struct player_world *world, uint64_t number)
{
    unsigned kind = (unsigned)(number % PLAYER_N_KINDS);
    const unsigned n_tls = PLAYER_N_KINDS - 1; // both versions in turn
    if (world->options->mode == OPTIONS_MIX && number % PLAYER_PLAIN_ONE_IN == 0)
        kind = n_tls;
    else if (world->options->mode == OPTIONS_TLS13)
        kind = kind % n_tls & ~1u;
    else if (world->options->mode == OPTIONS_TLS12)
        kind = kind % n_tls | 1u;
    return kind;
}

static bool prepare_tls(struct player *player, struct player_world *world)
{
    const struct player_kind *kind = &kinds[player->kind];
    struct dice *dice = &player->dice;
    SSL *ssl = SSL_new(world->context);
    BIO *bio = wire_bio(&player->wire);
    player->ssl = ssl;
    if (ssl == NULL || bio == NULL)
        return false;
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, player);
    SSL_set_min_proto_version(ssl, kind->version);
    SSL_set_max_proto_version(ssl, kind->version);
    if ((kind->version == TLS1_3_VERSION ? SSL_set_ciphersuites(ssl, kind->suite)
                                         : SSL_set_cipher_list(ssl, kind->suite)) != 1)
        return false;
    // No max_fragment_length: with it OpenSSL 3.0 drops the rest of a half-sent record when a
    // ticket or KeyUpdate comes meanwhile (the write buffer is made anew, in another size).
    if (dice_one_in(dice, 4))
        SSL_set_max_send_fragment(ssl, 512 + (long)dice_below(dice, 15000));
    if (kind->version == TLS1_3_VERSION && dice_one_in(dice, 4))
        SSL_set_block_padding(ssl, 1 + (size_t)dice_below(dice, 4000));
    if (player->is_visitor && world->session[player->kind] != NULL && dice_one_in(dice, 2))
        SSL_set_session(ssl, world->session[player->kind]);
    SSL_set_connect_state(ssl);
    return true;
}

static bool open_socket(struct player *player, struct player_world *world)
{
    const bool is_tls = kinds[player->kind].version != 0;
    player->is_extra = is_tls && player->is_visitor && atomic_load(&world->has_extra) &&
                       dice_one_in(&player->dice, 2);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons(is_tls ? world->ports->tls : world->ports->plain);
    to.sin_addr.s_addr = htonl(player->is_extra ? PORTS_EXTRA_ADDRESS : PORTS_ADDRESS);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    player->wire.fd = fd;
    if (fd < 0)
        return false;
    int size = 16384 << dice_below(&player->dice, 4);
    if (dice_one_in(&player->dice, 2))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    socklen_t bytes = sizeof to;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        if (player->is_extra && errno == ECONNREFUSED) {
            player->state = PLAYER_LOST;
            world->handshakes_lost[1]++;
        }
        return false;
    }
    if (getsockname(fd, (struct sockaddr *)&to, &bytes) != 0)
        return false;
    player->port = ntohs(to.sin_port);
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

bool player_start(struct player *player, struct player_world *world, uint64_t number,
                  bool is_visitor)
{
    const uint64_t seed = world->ledger->seed;
    *player = (struct player){.state = PLAYER_SHAKING, .is_visitor = is_visitor, .number = number};
    player->kind = choose_kind(world, number);
    player->dice.state = dice_mix(seed ^ dice_mix(number + 0x706c6179));
    player->wire.dice.state = dice_next(&player->dice);
    player->born_us = now_us();
    player->n_entries_killed = atomic_load(&world->entry_deaths.n);
    player->game_deaths = atomic_load(&world->ledger->deaths);
    player->wants_write = true;
    uint64_t to_game = STREAM_UNTIL_STOPPED;
    uint64_t to_player = STREAM_UNTIL_STOPPED;
    if (is_visitor) {
        const uint64_t most =
            dice_one_in(&player->dice, 4) ? PLAYER_VISIT_BYTES : PLAYER_CALL_BYTES;
        to_game = STREAM_HELLO_BYTES + dice_below(&player->dice, most);
        to_player = STREAM_HELLO_BYTES + dice_below(&player->dice, most);
    }
    const bool game_ends = is_visitor && dice_one_in(&player->dice, 2);
    stream_init(&player->to_game, seed, STREAM_TO_GAME, number, to_game, to_player, game_ends);
    if (!open_socket(player, world))
        return false;
    if (kinds[player->kind].version != 0)
        return prepare_tls(player, world);
    player->state = PLAYER_PLAYING;
    return true;
}

static void shake_hands(struct player *player, struct player_world *world)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_connect(player->ssl);
    if (done == 1) {
        player->state = PLAYER_PLAYING;
        player->rekey_at_us = now_us() + dice_below(&player->dice, 500000);
        const bool is_resumed = SSL_session_reused(player->ssl);
        world->resumed += is_resumed;
        // In a full handshake of TLS 1.2 stayd has the last word.
        if (SSL_version(player->ssl) == TLS1_2_VERSION && !is_resumed)
            player->shaken_us = now_us();
        return;
    }
    const int error = SSL_get_error(player->ssl, done);
    player->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        talk_failed(player, world, done, "shaking hands");
}

// The bytes that have come of those that were said, and whether they are awaited. False: stuck.
static bool watch_flow(struct player_stall *stall, struct player_world *world, enum stream_dir dir,
                       bool is_awaited, uint64_t total, uint64_t now)
{
    const uint64_t stall_us = stall->since_us != 0 ? now - stall->since_us : 0;
    stall->has_failed |= atomic_load(world->is_failing);
    uint64_t *longest_us = &world->longest_stall_us[dir][stall->has_failed];
    if (stall_us > *longest_us)
        *longest_us = stall_us;
    if (!is_awaited || total != stall->total || stall->since_us == 0) {
        stall->since_us = is_awaited ? now : 0;
        stall->has_failed = false;
    }
    stall->total = total;
    return stall_us <= PLAYER_STUCK_US;
}

static void give_stuck(struct player *player, struct player_world *world, const char *where)
{
    char who[300];
    world->n_dropped++;
    verdict_give(VERDICT_DAMAGE, "%s: stuck, %s", player_describe(player, who, sizeof who), where);
}

// Between two turns: is anything on its way, and for how long?
static void watch(struct player *player, struct player_world *world, uint64_t now)
{
    const struct ledger_link *link = player_link(player, world->ledger);
    if (player->state == PLAYER_SHAKING || link == NULL) {
        if (now - player->born_us > PLAYER_STUCK_US)
            give_stuck(player, world,
                       player->state == PLAYER_SHAKING ? "shaking hands" : "never at the game");
        return;
    }
    const bool is_owed = atomic_load(&link->sent) > player->received && player->read_at_us == 0;
    if (!watch_flow(&player->to_player_stall, world, STREAM_TO_PLAYER, is_owed, player->received,
                    now))
        give_stuck(player, world, "what the game has sent does not come");
    const uint64_t received = atomic_load(&link->received);
    if (!watch_flow(&player->to_game_stall, world, STREAM_TO_GAME, player->sent > received,
                    received, now))
        give_stuck(player, world, "what it has sent does not come to the game");
}

short player_wants(const struct player *player, uint64_t now, uint64_t *next_us)
{
    uint64_t next = UINT64_MAX;
    short events = 0;
    if (player->has_more && player->read_at_us == 0)
        next = now;
    if (player->read_at_us > now)
        next = player->read_at_us;
    else
        events |= POLLIN;
    if (player->wants_write && player->wire.held_until_us > now)
        next = player->wire.held_until_us < next ? player->wire.held_until_us : next;
    else if (player->wants_write)
        events |= POLLOUT;
    else if (player->state == PLAYER_PLAYING && player->write_at_us < next)
        next = player->write_at_us;
    if (next < *next_us)
        *next_us = next;
    return events;
}

static void play(struct player *player, struct player_world *world, short revents, uint64_t now)
{
    const bool is_writable = !player->wants_write || (revents & POLLOUT) != 0 ||
                             (player->wire.held_until_us != 0 && player->wire.held_until_us <= now);
    if (is_writable)
        player->wants_write = false;
    if (player->read_at_us == 0 &&
        (player->has_more || is_writable || (revents & (POLLIN | POLLHUP | POLLERR)) != 0))
        talk_read(player, world, now);
    if (player->state == PLAYER_PLAYING && is_writable)
        talk_rekey(player, world, now);
    if (player->state == PLAYER_PLAYING && is_writable && !player->is_leaving)
        talk_write(player, world, now);
    if (player->state == PLAYER_PLAYING && player->is_visitor && !player->to_game.game_ends &&
        !player->wants_write)
        talk_leave(player);
}

void player_turn(struct player *player, struct player_world *world, short revents, uint64_t now)
{
    if (player->read_at_us <= now || world->is_stopping)
        player->read_at_us = 0;
    player->wire.is_calm = world->is_stopping;
    if (player->state == PLAYER_SHAKING && (revents != 0 || player->wants_write))
        shake_hands(player, world);
    if (player->state == PLAYER_PLAYING)
        play(player, world, revents, now);
    if (player->state == PLAYER_SHAKING || player->state == PLAYER_PLAYING)
        watch(player, world, now);
    if (player->state != PLAYER_DONE || !player->is_visitor || player->ssl == NULL)
        return;
    SSL_SESSION_free(world->session[player->kind]);
    world->session[player->kind] = SSL_get1_session(player->ssl);
}

void player_note_entry_death(struct player_deaths *deaths)
{
    const unsigned n = atomic_load(&deaths->n);
    atomic_store(&deaths->at_us[n % PLAYER_DEATHS], now_us());
    atomic_store(&deaths->n, n + 1);
}

bool player_may_have_lost_entry(const struct player *player, const struct player_deaths *deaths)
{
    const unsigned n = atomic_load(&deaths->n);
    for (unsigned i = player->n_entries_killed; i != n; i++)
        if (player->shaken_us == 0 || n - i > PLAYER_DEATHS ||
            atomic_load(&deaths->at_us[i % PLAYER_DEATHS]) < player->shaken_us + PLAYER_HAND_ON_US)
            return true;
    return false;
}

struct ledger_link *player_link(const struct player *player, struct ledger *ledger)
{
    uint32_t link = atomic_load(&ledger->link_of_player[player->number]);
    return link == 0 ? NULL : &ledger->link[link - 1];
}

bool player_agrees(const struct player *player, struct ledger *ledger)
{
    struct ledger_link *link = player_link(player, ledger);
    return link != NULL && player->unfinished == 0 && !player->is_mending &&
           atomic_load(&link->received) == player->sent &&
           atomic_load(&link->sent) == player->received &&
           player->mends.n == ledger_mends_of(link)->n &&
           player->mends.sum == ledger_mends_of(link)->sum;
}

void player_free(struct player *player)
{
    if (player->ssl != NULL) {
        // Else OpenSSL thinks the session broken and does not resume it.
        SSL_set_shutdown(player->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(player->ssl);
    }
    if (player->wire.fd >= 0)
        close(player->wire.fd);
    *player = (struct player){.state = PLAYER_NONE, .wire.fd = -1};
}

static void describe_visit(const struct player *player, char *out, size_t out_size)
{
    out[0] = '\0';
    if (player->is_visitor)
        snprintf(out, out_size, " of %" PRIu64 "/%" PRIu64 ", %s ends first%s",
                 player->to_game.quota[STREAM_TO_GAME], player->to_game.quota[STREAM_TO_PLAYER],
                 player->to_game.game_ends ? "game" : "player",
                 player->notify_sent ? ", has left" : "");
}

const char *player_describe(const struct player *player, char *out, size_t out_size)
{
    char visit[100];
    describe_visit(player, visit, sizeof visit);
    snprintf(out, out_size,
             "%s %" PRIu64 " (port %u, %s, %s, sent/received %" PRIu64 "/%" PRIu64
             "%s, age %" PRIu64 " ms)",
             player->is_visitor ? "visitor" : "player", player->number, player->port,
             player->ssl ? SSL_get_version(player->ssl) : "plain",
             player->ssl ? SSL_get_cipher_name(player->ssl) : "-", player->sent, player->received,
             visit, (now_us() - player->born_us) / 1000);
    return out;
}
