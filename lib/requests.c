// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The queue of requests (requests.h). Sans-I/O, but for random bytes at the start.
//
// Errors: false with errno.
#include "requests.h"

#include "answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define HEX_ID_BYTES (2u * STAY_ID_BYTES + 1u)
#define PAIR_BYTES (HEX_ID_BYTES + 1u + 21u) // " CONN OFFSET"

void stay_requests_open(struct stay_requests *requests)
{
    uint32_t random = 0;
    *requests = (struct stay_requests){0};
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t)(uintptr_t)requests; // it only has to differ from the last program's
    snprintf(requests->prefix, sizeof requests->prefix, "%08" PRIx32, random);
}

static void let_go(struct stay_line *line)
{
    if (line->held_fd >= 0)
        close(line->held_fd);
    line->held_fd = -1;
}

static void free_line(struct stay_line *line)
{
    let_go(line);
    free(line);
}

void stay_requests_free(struct stay_requests *requests)
{
    while (requests->first) {
        struct stay_line *line = requests->first;
        requests->first = line->next;
        free_line(line);
    }
    stay_wishes_free(&requests->wishes);
    *requests = (struct stay_requests){0};
}

static bool has_room(const struct stay_requests *requests, size_t n_more)
{
    if (requests->n_line_bytes + requests->wishes.n_bytes + n_more <= STAY_REQUESTS_MAX_BYTES)
        return true;
    errno = ENOBUFS;
    return false;
}

void stay_requests_name(struct stay_requests *requests, char id[STAY_REQUESTS_ID_BYTES])
{
    snprintf(id, STAY_REQUESTS_ID_BYTES, "%s-%" PRIu64, requests->prefix, ++requests->n_ever);
}

static char *put_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return out;
}

// The text is cut to its length, LF included, by finish_line.
static struct stay_line *make_line(struct stay_requests *requests, size_t room)
{
    struct stay_line *line = malloc(sizeof *line + room + 1);
    if (!line) {
        errno = ENOMEM;
        return NULL;
    }
    *line = (struct stay_line){.held_fd = -1};
    stay_requests_name(requests, line->text);
    return line;
}

static void append_line(struct stay_requests *requests, struct stay_line *line)
{
    *(requests->last ? &requests->last->next : &requests->first) = line;
    requests->last = line;
    if (!requests->unsent)
        requests->unsent = line;
    requests->n_lines++;
    requests->n_line_bytes += line->n;
}

static void finish_line(struct stay_requests *requests, struct stay_line *line)
{
    line->n = strlen(line->text);
    line->text[line->n++] = '\n';
    line->text[line->n] = '\0';
    append_line(requests, line);
}

static bool add_words(struct stay_requests *requests, bool is_plan, const char *words)
{
    size_t room = STAY_REQUESTS_ID_BYTES + 1 + strlen(words) + 1;
    struct stay_line *line = has_room(requests, room) ? make_line(requests, room) : NULL;
    if (!line)
        return false;
    line->is_plan = is_plan;
    char *at = line->text + strlen(line->text);
    *at++ = ' ';
    strcpy(at, words);
    finish_line(requests, line);
    return true;
}

bool stay_requests_leave(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                         const void *state, size_t n_state)
{
    return has_room(requests, n_state + sizeof(struct stay_wish)) &&
           stay_wishes_leave(&requests->wishes, id, state, n_state);
}

bool stay_requests_acknowledge(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                               uint64_t n_input)
{
    return has_room(requests, sizeof(struct stay_wish)) &&
           stay_wishes_acknowledge(&requests->wishes, id, n_input);
}

bool stay_requests_end(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                       const char *last_words)
{
    char words[sizeof "close " + HEX_ID_BYTES + 1024];
    char hex[HEX_ID_BYTES];
    put_hex(hex, id, STAY_ID_BYTES);
    bool has_words = last_words && last_words[0] != '\0';
    snprintf(words, sizeof words, "close %s%s%s", hex, has_words ? " " : "",
             has_words ? last_words : "");
    if (!add_words(requests, false, words))
        return false;
    stay_wishes_forget(&requests->wishes, id);
    return true;
}

void stay_requests_hold(struct stay_requests *requests, int fd)
{
    requests->last->held_fd = fd;
}

void stay_requests_let_go(struct stay_requests *requests)
{
    for (struct stay_line *line = requests->first; line; line = line->next)
        let_go(line);
}

static bool make_state_line(struct stay_requests *requests, struct stay_wish *wish)
{
    static const char verb[] = " state ";
    size_t room =
        STAY_REQUESTS_ID_BYTES + sizeof verb + HEX_ID_BYTES + 1 + 2 * (wish->n_state + 1) + 1;
    struct stay_line *line = make_line(requests, room);
    if (!line)
        return false;
    char *at = stpcpy(line->text + strlen(line->text), verb);
    at = put_hex(at, wish->id, STAY_ID_BYTES);
    *at++ = ' ';
    if (wish->n_state == 0)
        strcpy(at, "-");
    else
        put_hex(at, wish->state, wish->n_state);
    finish_line(requests, line);
    stay_wishes_take_state(&requests->wishes, wish);
    return true;
}

static bool make_ack_line(struct stay_requests *requests)
{
    static const char verb[] = " ack";
    size_t room = STAY_REQUESTS_ID_BYTES + sizeof verb + requests->wishes.n * PAIR_BYTES + 1;
    if (room > STAY_CONTROL_LINE_BYTES)
        room = STAY_CONTROL_LINE_BYTES;
    struct stay_line *line = make_line(requests, room);
    if (!line)
        return false;
    char *at = stpcpy(line->text + strlen(line->text), verb);
    struct stay_wish *wish = requests->wishes.acks.first;
    while (wish && (size_t)(at - line->text) + PAIR_BYTES + 1 <= room) {
        struct stay_wish *next = wish->next;
        *at++ = ' ';
        at = put_hex(at, wish->id, STAY_ID_BYTES);
        at += sprintf(at, " %" PRIu64, wish->n_input);
        stay_wishes_take_ack(&requests->wishes, wish);
        wish = next;
    }
    finish_line(requests, line);
    return true;
}

// As many states as n_bytes allow, then every acknowledgement that no longer has a state before it.
static bool make_lines(struct stay_requests *requests, size_t n_bytes)
{
    size_t n_before = requests->n_line_bytes;
    struct stay_wishes *wishes = &requests->wishes;
    while (wishes->states.first && requests->n_line_bytes - n_before < n_bytes)
        if (!make_state_line(requests, wishes->states.first))
            return false;
    while (wishes->acks.first)
        if (!make_ack_line(requests))
            return false;
    return true;
}

bool stay_requests_plan(struct stay_requests *requests, const char *words)
{
    return make_lines(requests, SIZE_MAX) && add_words(requests, true, words);
}

bool stay_requests_has_plan(const struct stay_requests *requests)
{
    const struct stay_line *line = requests->first;
    while (line && !line->is_plan)
        line = line->next;
    return line != NULL;
}

static bool may_make(const struct stay_requests *requests)
{
    return requests->wishes.n > 0 && requests->n_bytes_under_way < STAY_REQUESTS_UNDER_WAY_BYTES;
}

bool stay_requests_has_next(const struct stay_requests *requests)
{
    return requests->unsent || may_make(requests);
}

bool stay_requests_next(struct stay_requests *requests, struct stay_line **line)
{
    bool is_well = true;
    if (!requests->unsent && may_make(requests))
        is_well = make_lines(requests, STAY_REQUESTS_UNDER_WAY_BYTES - requests->n_bytes_under_way);
    *line = requests->unsent;
    return is_well || *line;
}

void stay_requests_sent(struct stay_requests *requests)
{
    requests->n_bytes_under_way += requests->unsent->n;
    requests->unsent = requests->unsent->next;
}

void stay_requests_rewind(struct stay_requests *requests)
{
    for (struct stay_line *line = requests->first; line != requests->unsent; line = line->next)
        line->is_repeated = true;
    requests->unsent = requests->first;
    requests->n_bytes_under_way = 0;
}

const struct stay_line *stay_requests_asked(const struct stay_requests *requests)
{
    return requests->first != requests->unsent ? requests->first : NULL;
}

void stay_requests_answered(struct stay_requests *requests)
{
    struct stay_line *line = requests->first;
    requests->first = line->next;
    if (!requests->first)
        requests->last = NULL;
    requests->n_lines--;
    requests->n_line_bytes -= line->n;
    requests->n_bytes_under_way -= line->n;
    free_line(line);
}

size_t stay_requests_count(const struct stay_requests *requests)
{
    return requests->n_lines + requests->wishes.n;
}

bool stay_requests_save(struct stay_requests *requests, struct stay_carry *carry)
{
    if (!make_lines(requests, SIZE_MAX))
        return false;
    for (const struct stay_line *line = requests->first; line; line = line->next) {
        struct stay_carry_record record = {.kind = STAY_CARRY_REQUEST,
                                           .fd = line->held_fd,
                                           .state = (const uint8_t *)line->text,
                                           .n_state = line->n};
        if (!line->is_plan && !stay_carry_add(carry, &record))
            return false;
    }
    return true;
}

bool stay_requests_restore(struct stay_requests *requests, const struct stay_carry_record *record)
{
    struct stay_line *line = malloc(sizeof *line + record->n_state + 1);
    if (!line || record->n_state == 0 || record->state[record->n_state - 1] != '\n') {
        free(line);
        return false;
    }
    *line = (struct stay_line){.held_fd = record->fd, .is_repeated = true, .n = record->n_state};
    memcpy(line->text, record->state, record->n_state);
    line->text[line->n] = '\0';
    append_line(requests, line);
    return true;
}
