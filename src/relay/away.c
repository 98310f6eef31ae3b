// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A slot between two lives of its game: the dead one's link is given up, the player's terminal put
// right, and it is settled which input is for the next one.
//
//   game_fd, TO_PLAYER OPEN ──relay_unlink──▶ -1, CUT ──relay_mend──▶ -1, OPEN
//        ▲                                                              │
//        └───────────── link_make ◀──── relay_prepare_link ◀────────────┘
//
// Each arrow can be cut by a crash between its commits, and is then walked again (I19).
// Errors: false, when it must be tried later.
#include "relay/flow_io.h"

#include "base/clock.h"

#include <string.h>
#include <unistd.h>

#define DROP_RECEIVES 8u // of a player's input are dropped when a link is made

// Unsent input goes; it counts as sent, so that offsets go on (I11).
static void drop_unsent(struct flow_state *next, uint32_t n)
{
    next->sent += n;
    buffer_take(&next->out, n);
}

// `out` has gone as far as *next says, and `front` is where that has left the line or the command
// begun: is the rest of that still to come? Telnet's follower finds its end by itself.
static void note_rest(const struct relay_run *run, struct flow_state *next, uint8_t front)
{
    bool is_telnet = slot_has(run->slot, SLOT_FLAG_TELNET);
    if (front)
        next->flags |= FLOW_SKIP;
    else if (!is_telnet)
        next->flags &= (uint8_t)~FLOW_SKIP;
    next->input.front = is_telnet ? 0 : front;
}

// All of `out` goes, and with it what is still to come of a line begun.
static void drop_out(const struct relay_run *run, struct flow_state *next)
{
    uint32_t n = buffer_bytes(&next->out);
    uint8_t front = next->input.front;
    if (slot_has(run->slot, SLOT_FLAG_TELNET)) {
        next->flags |= FLOW_DISCARD; // telnet's follower knows where the line ends
        next->input.front = 0;
    } else {
        if (n)
            front = front_follow(front, false,
                                 vault_chunk(run->vault, next->out.chunk) + next->out.start, n);
        note_rest(run, next, front);
    }
    drop_unsent(next, n);
}

// The rest of what the dead game had begun is for nobody.
static void skip_rest(const struct relay_run *run, struct flow_state *next)
{
    uint32_t n = buffer_bytes(&next->out);
    uint8_t front = next->input.front;
    if (n)
        n = (uint32_t)front_rest(&front, slot_has(run->slot, SLOT_FLAG_TELNET),
                                 vault_chunk(run->vault, next->out.chunk) + next->out.start, n);
    drop_unsent(next, n);
    note_rest(run, next, front);
}

bool run_skip_line(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_GAME);
    if (slot_has(run->slot, SLOT_FLAG_TELNET) || !(next.flags & FLOW_SKIP) ||
        next.out.chunk == CHUNK_NONE)
        return false;
    uint64_t sent = next.sent;
    skip_rest(run, &next);
    // A game that is linked already does not count what it does not get.
    next.input.origin += next.sent - sent;
    run_commit(run, TO_GAME, &next);
    return true;
}

// What the player has typed: all of it is kept for a game that resumes; what it has had and not
// acknowledged goes to the next one again, but for the end of a line whose beginning could not be
// kept. Without acknowledgements it has had what was sent, up to the line in the middle of which it
// died.
static void keep_input(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_GAME);
    if (next.phase == FLOW_SHUT)
        return;
    next.sent -= next.input.kept;
    next.input.kept = 0;
    if (!slot_has(run->slot, SLOT_FLAG_RESUMES)) {
        drop_out(run, &next);
    } else {
        // A line begun for a game before this one is still to be passed over; what follows it is
        // not.
        if (next.flags & FLOW_DISCARD)
            next.flags = (uint8_t)((next.flags & ~FLOW_DISCARD) | FLOW_SKIP);
        if (next.flags & FLOW_HEADLESS)
            skip_rest(run, &next);
        else if (slot_has(run->slot, SLOT_FLAG_TELNET) || !(next.flags & FLOW_SKIP))
            next.input.front = 0;
    }
    next.flags &= (uint8_t)~FLOW_HEADLESS;
    next.telnet.flags &= (uint8_t)~TELNET_DROPPING;
    run_commit(run, TO_GAME, &next);
}

void relay_unlink(struct vault *vault, struct chunk_pool *chunks, struct slot *slot)
{
    struct relay_run run = {.vault = vault, .chunks = chunks, .slot = slot};
    struct flow_state next = run_state(&run, TO_PLAYER);
    int fd = slot->game_fd;
    if (next.phase == FLOW_OPEN) {
        flow_set_phase(&next, TO_PLAYER, FLOW_CUT);
        run_commit(&run, TO_PLAYER, &next);
    }
    if (fd < 0)
        return;
    keep_input(&run);
    slot->held_ms = clock_boot_ms(); // what stands there may be of a hold long over
    atomic_store_explicit(&slot->game_fd, -1, memory_order_release);
    POINT(LINK_DROPPED);
    slot_end_fd(fd);
}

// A line of stayd's own, beginning on a line of its own.
static size_t put_line(uint8_t *out, const char *text, bool is_in_line)
{
    size_t n = 0;
    if (*text == '\0')
        return 0;
    if (is_in_line) {
        memcpy(out, "\r\n", 2);
        n = 2;
    }
    memcpy(out + n, text, strlen(text));
    n += strlen(text);
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}

#define LINE_BYTES 1200u // stayd's own words, line ends included

static void take_words(struct flow_state *next, const struct relay_words *words, size_t n)
{
    next->received += n; // our own words count as the game's (I11)
    next->output.aside += n;
    if (n)
        next->http = HTTP_NOT; // the player has heard something else
    next->flags = (uint8_t)((next->flags | words->set) & ~words->clear);
    if (words->notice)
        next->output.notice = words->notice;
    if (words->are_last)
        flow_set_phase(next, TO_PLAYER, FLOW_ENDING);
}

// Where telnet will be behind all that the game has said so far.
static struct telnet_state telnet_behind(const struct vault *vault, const struct slot *slot)
{
    static uint8_t sink[CHUNK_BYTES + TELNET_HELD_BYTES];
    const struct flow_state *now = flow_now(&slot->flow[TO_PLAYER]);
    struct telnet_state telnet = now->telnet;
    struct telnet_rules rules = {.may_compress = slot_has(slot, SLOT_FLAG_MAY_COMPRESS),
                                 .is_forwarded = slot_has(slot, SLOT_FLAG_FORWARDED),
                                 .other = &flow_now(&slot->flow[TO_GAME])->telnet};
    if (slot_has(slot, SLOT_FLAG_TELNET) && now->in.chunk != CHUNK_NONE)
        telnet_filter(&telnet, &rules, vault_chunk(vault, now->in.chunk) + now->in.start,
                      buffer_bytes(&now->in), sink);
    return telnet;
}

static bool is_mid(const struct telnet_state *telnet)
{
    return telnet->command != TELNET_TEXT || telnet->ansi != TELNET_ANSI_NONE ||
           telnet->utf8_left || telnet->flags & TELNET_COMPRESSED;
}

bool relay_is_mid_sequence(const struct vault *vault, const struct slot *slot)
{
    struct telnet_state telnet = telnet_behind(vault, slot);
    return is_mid(&telnet);
}

// The game's side has ended, and that is not passed on yet.
static bool can_say_last(const struct flow_state *now)
{
    return (now->phase == FLOW_CUT || now->phase == FLOW_ENDING) &&
           !(now->flags & FLOW_CLOSE_SEALED);
}

bool relay_say(struct vault *vault, struct chunk_pool *chunks, struct slot *slot,
               const struct relay_words *words)
{
    struct relay_run run = {.vault = vault, .chunks = chunks, .slot = slot};
    struct flow_state next = run_state(&run, TO_PLAYER);
    struct buffer *buffer = slot_receive_buffer(slot, &next);
    uint8_t line[LINE_BYTES];
    const bool is_http = relay_is_http(slot);
    if (next.phase != FLOW_OPEN && !(words->are_last && can_say_last(&next)))
        return false;
    struct telnet_state telnet = telnet_behind(vault, slot);
    if (is_mid(&telnet) && !is_http)
        return false;
    size_t n = put_line(line, is_http ? "" : words->text, telnet.flags & TELNET_IN_LINE);
    if (buffer_room(buffer) < n)
        return false;
    if (n) {
        uint32_t chunk = run_chunk(&run, buffer);
        if (chunk == CHUNK_NONE)
            return false;
        memcpy(vault_chunk(vault, chunk) + buffer->end, line, n);
        buffer->chunk = chunk;
        buffer->end = (uint16_t)(buffer->end + n);
    }
    take_words(&next, words, n);
    run_commit(&run, TO_PLAYER, &next);
    return true;
}

bool relay_mend(struct vault *vault, struct chunk_pool *chunks, struct slot *slot, const char *text)
{
    struct relay_run run = {.vault = vault, .chunks = chunks, .slot = slot};
    struct flow_state next = run_state(&run, TO_PLAYER);
    uint8_t out[TELNET_MEND_BYTES + LINE_BYTES];
    size_t n = 0;
    // The dead game's words come first, and only behind them is it clear what is unfinished.
    if (slot_has_step(slot) && next.in.chunk != CHUNK_NONE)
        return false;
    if (slot_has(slot, SLOT_FLAG_TELNET))
        n = telnet_mend(&next.telnet, &flow_now(&slot->flow[TO_GAME])->telnet, out);
    n += put_line(out + n, text, false);
    const struct relay_words words = {.set = FLOW_AWAY};
    take_words(&next, &words, n);
    flow_set_phase(&next, TO_PLAYER, FLOW_OPEN);
    return run_give(&run, &next, out, n);
}

// The game is not told of those before it: no later one resumes what they knew of the player, and
// output is counted from here.
static void begin_anew(struct relay_run *run)
{
    struct flow_state next = run_state(run, TO_PLAYER);
    run->slot->flags &= ~SLOT_FLAG_RESUMES;
    next.output.aside = next.received;
    run_commit(run, TO_PLAYER, &next);
}

// All that has come from the player by now, and the rest of a line begun, was for a game before.
static void drop_input(struct relay_run *run)
{
    struct relay_conn conn = {.ready = RELAY_READ_PLAYER};
    run->conn = &conn;
    run->receives_left = DROP_RECEIVES;
    do {
        struct flow_state next = run_state(run, TO_GAME);
        drop_out(run, &next);
        run_commit(run, TO_GAME, &next);
    } while (to_game_step(run) || to_game_receive(run));
}

void relay_prepare_link(struct vault *vault, struct chunk_pool *chunks, struct slot *slot,
                        bool is_resumed)
{
    struct relay_run run = {.vault = vault, .chunks = chunks, .slot = slot};
    if (!is_resumed)
        begin_anew(&run);
    if (slot_has(slot, SLOT_FLAG_LINKED) && !is_resumed)
        drop_input(&run);
    struct flow_state next = run_state(&run, TO_GAME);
    next.flags |= FLOW_FRESH;
    if (!is_resumed)
        next.input.origin = next.sent;
    run_commit(&run, TO_GAME, &next);
}

uint64_t relay_input_offset(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_GAME]);
    return now->sent - now->input.origin;
}

uint64_t relay_output_offset(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_PLAYER]);
    return now->received - now->output.aside;
}

bool relay_acknowledge(struct vault *vault, struct chunk_pool *chunks, struct slot *slot,
                       uint64_t offset)
{
    struct relay_run run = {.vault = vault, .chunks = chunks, .slot = slot};
    struct flow_state next = run_state(&run, TO_GAME);
    uint64_t first = next.sent - next.input.kept;
    if (offset > next.sent - next.input.origin)
        return false;
    offset += next.input.origin;
    if (offset <= first)
        return true; // what was acknowledged already, or needed no acknowledgement
    uint32_t n = (uint32_t)(offset - first);
    next.input.front = front_follow(next.input.front, slot_has(slot, SLOT_FLAG_TELNET),
                                    vault_chunk(vault, next.out.chunk) + next.out.start, n);
    next.flags &= (uint8_t)~FLOW_HEADLESS; // it knows where in a line it is
    buffer_take(&next.out, n);
    next.input.kept = (uint16_t)(next.sent - offset);
    run_commit(&run, TO_GAME, &next);
    return true;
}
