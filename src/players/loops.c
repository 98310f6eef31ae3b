// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Finding out that a link has come back (loops.h). PROXY protocol: haproxy's proxy-protocol.txt,
// sections 2.1 and 2.2.
#include "players/loops.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/proxy.h"
#include "entry/verdict.h"
#include "game/link.h"
#include "players/conn.h"
#include "players/ids.h"
#include "players/players.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void note_own(struct loops *loops, int fd)
{
    struct stat socket;
    if (fd >= 0 && fstat(fd, &socket) == 0)
        loops->own[loops->n_own++] = socket.st_ino;
}

void loops_start(struct players *players)
{
    const struct heritage *heritage = players->heritage;
    players->loops->n_own = 0;
    for (unsigned i = 0; i < heritage->n_sockets; i++)
        note_own(players->loops, heritage->socket[i].fd);
    note_own(players->loops, heritage->control_fd);
    slot_each_live(players->vault, slot)
        loops_note_link(players, slot);
}

bool loops_is_own(const struct loops *loops, uint64_t inode)
{
    for (unsigned i = 0; i < loops->n_own; i++)
        if (loops->own[i] == inode)
            return true;
    return false;
}

static bool find_name(int (*name)(int, struct sockaddr *, socklen_t *), int fd, uint8_t address[16],
                      uint16_t *port)
{
    struct sockaddr_storage sockaddr;
    socklen_t n = sizeof sockaddr;
    return name(fd, (struct sockaddr *)&sockaddr, &n) == 0 &&
           address_to_bytes((const struct sockaddr *)&sockaddr, address, port);
}

void loops_note_link(struct players *players, const struct slot *slot)
{
    uint8_t address[16];
    uint16_t port;
    if (slot->game_fd >= 0 && find_name(getsockname, slot->game_fd, address, &port))
        players->loops->port[port / 64] |= UINT64_C(1) << port % 64;
}

static bool is_link(const struct slot *slot, const struct loops_ends *ends)
{
    uint8_t address[16];
    uint16_t port;
    return slot->game_fd >= 0 && find_name(getsockname, slot->game_fd, address, &port) &&
           port == ends->from_port && memcmp(address, ends->from, 16) == 0 &&
           find_name(getpeername, slot->game_fd, address, &port) && port == ends->to_port &&
           memcmp(address, ends->to, 16) == 0;
}

// The slot whose link this is, or NULL. Ports are used again, so that most of those noted are
// nobody's any more; few players have one of them.
static const struct slot *find_link(const struct players *players, const struct loops_ends *ends)
{
    if (!(players->loops->port[ends->from_port / 64] & UINT64_C(1) << ends->from_port % 64))
        return NULL;
    slot_each_live(players->vault, slot)
        if (is_link(slot, ends))
            return slot;
    return NULL;
}

// The slot whose player this is, or NULL: what a proxy between has let through is our own header.
static const struct slot *find_player(const struct players *players, const struct loops_ends *ends)
{
    slot_each_live(players->vault, slot) {
        uint8_t address[16];
        uint16_t port;
        if (slot->port == ends->from_port && memcmp(slot->address, ends->from, 16) == 0 &&
            link_find_door(slot, address, &port) && port == ends->to_port &&
            memcmp(address, ends->to, 16) == 0)
            return slot;
    }
    return NULL;
}

static void put_ipv4(uint8_t address[16], const uint8_t from[4])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(address, mapped, sizeof mapped);
    memcpy(address + 12, from, 4);
}

static bool read_v2(const uint8_t *bytes, size_t n, struct loops_ends *ends)
{
    size_t n_address = bytes[13] == 0x11 ? 4 : 16;
    const uint8_t *from = bytes + 16;
    const uint8_t *to = from + n_address;
    const uint8_t *ports = to + n_address;
    if ((bytes[13] != 0x11 && bytes[13] != 0x21) || n < 16 + 2 * n_address + 4)
        return false;
    if (n_address == 4) {
        put_ipv4(ends->from, from);
        put_ipv4(ends->to, to);
    } else {
        memcpy(ends->from, from, 16);
        memcpy(ends->to, to, 16);
    }
    ends->from_port = bytes_get16(ports);
    ends->to_port = bytes_get16(ports + 2);
    return true;
}

static bool read_text(const char *text, unsigned port, uint8_t address[16], uint16_t *number)
{
    struct sockaddr_storage sockaddr;
    socklen_t n;
    return port > 0 && port <= UINT16_MAX &&
           address_parse(text, (uint16_t)port, &sockaddr, &n) == NULL &&
           address_to_bytes((const struct sockaddr *)&sockaddr, address, number);
}

static bool read_v1(const uint8_t *bytes, size_t n, struct loops_ends *ends)
{
    char line[LOOPS_HEADER_BYTES + 1] = "";
    char from[46], to[46];
    unsigned from_port, to_port;
    memcpy(line, bytes, n < LOOPS_HEADER_BYTES ? n : LOOPS_HEADER_BYTES);
    return sscanf(line, "PROXY TCP%*1[46] %45[0-9a-fA-F:.] %45[0-9a-fA-F:.] %u %u", from, to,
                  &from_port, &to_port) == 4 &&
           read_text(from, from_port, ends->from, &ends->from_port) &&
           read_text(to, to_port, ends->to, &ends->to_port);
}

bool loops_read_header(const uint8_t *bytes, size_t n, struct loops_ends *ends)
{
    static const uint8_t signature[] = "\r\n\r\n\0\r\nQUIT\n";
    if (n >= 16 && memcmp(bytes, signature, sizeof signature - 1) == 0)
        return read_v2(bytes, n, ends);
    return n >= 6 && memcmp(bytes, "PROXY ", 6) == 0 && read_v1(bytes, n, ends);
}

void loops_say(struct players *players, unsigned game, const char *how)
{
    const struct conf_game *conf = &players->heritage->conf.game[game];
    struct loops_said *said = &players->loops->game[game];
    if (said->is_said)
        return;
    said->is_said = true;
    log_event(LOG_GAME_LOOP,
              "game=%s connect=%s how=\"%s\" fix=\"give connect the address where "
              "the game itself listens\"",
              conf->name, conf->connect, how);
}

// The entry has read a header before this player's first bytes: of our own the id is a player's.
// (Version 1 has none; then max-players-per-address ends the loop.)
static const struct slot *find_named(const struct players *players, const struct slot *slot)
{
    size_t n = 0;
    const uint8_t *id = facts_find(slot, FACT_PROXY_ID, &n);
    const uint32_t index = id && n == sizeof slot->id ? ids_find(players->ids, id) : SLOT_NONE;
    return index == SLOT_NONE ? NULL : &players->vault->slots[index];
}

// What it begins with is a header that this listener does not take: no player's, and for no game to
// read.
static void look_for_header(struct conn *conn, const uint8_t *bytes, size_t n)
{
    struct players *players = conn->players;
    if (!proxy_begins(bytes, n))
        return;
    conn->has_header = true;
    verdict_note_address(&players->refusals, conn_slot(conn)->address, GATE_HEADER,
                         clock_boot_ms());
}

// The link that has come back as this player, or NULL.
static const struct slot *find_origin(struct conn *conn, const char **how)
{
    const struct players *players = conn->players;
    const struct slot *slot = conn_slot(conn);
    uint8_t bytes[LOOPS_HEADER_BYTES];
    struct loops_ends ends = {.from_port = slot->port};
    memcpy(ends.from, slot->address, sizeof ends.from);
    const struct slot *origin =
        link_find_door(slot, ends.to, &ends.to_port) ? find_link(players, &ends) : NULL;
    *how = "a link to it has come back as a player";
    if (!origin)
        origin = find_named(players, slot);
    if (origin)
        return origin;
    ssize_t n = recv(slot->player_fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return NULL;
    conn->has_begun = true;
    *how = "a link to it has come back as a player, through a proxy or another stayd";
    if (loops_read_header(bytes, (size_t)n, &ends)) {
        origin = find_link(players, &ends);
        if (!origin)
            origin = find_player(players, &ends);
    }
    if (!origin)
        look_for_header(conn, bytes, (size_t)n);
    return origin;
}

const char *loops_look(struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    const char *how;
    if (conn->has_begun || slot_is_tls(slot) || flow_now(&slot->flow[TO_GAME])->received > 0)
        return NULL;
    const struct slot *origin = find_origin(conn, &how);
    if (!origin)
        return conn->has_header ? "it begins with a PROXY header" : NULL;
    loops_say(conn->players, origin->game, how);
    return "it is a link of stayd's own that has come back";
}
