// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The control channel's parsers. The input is read as a line of requests, as a line of an
// answer, and as one of either side of a connector. Held: what is taken is within its bounds and
// means the same when it is written anew; what is refused has an ID that can be answered and a
// known word; a value that was written is read again as it was.
//
// Errors: abort.
#include "fuzz.h"

#include "ops/answer.h"
#include "ops/reply.h"
#include "players/connector_line.h"

static void hold_id(const char *id)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strnlen(id, REQUEST_ID_BYTES);
    hold(n > 0 && n < REQUEST_ID_BYTES && strspn(id, plain) == n);
}

static void hold_refused(const struct request *request)
{
    struct answer answer;
    size_t n = strnlen(request->why, sizeof request->why);
    hold(request->error != REQUEST_GOOD && request->error <= REQUEST_SHORT);
    hold(n > 0 && n < sizeof request->why && request_is_text(request->why, n));
    answer_error(&answer, request->id, request->error, request->why);
    hold(answer.n <= sizeof answer.bytes &&
         memchr(answer.bytes, '\n', answer.n) == answer.bytes + answer.n - 1);
}

static void hold_good(const struct request *request)
{
    hold(request->error == REQUEST_GOOD && request->verb < REQUEST_N_VERBS);
    hold(request->n_pairs <= REQUEST_PAIRS && request->n_state <= sizeof request->state);
    hold(strnlen(request->game, sizeof request->game) < sizeof request->game);
    size_t n = strnlen(request->text, sizeof request->text);
    hold(n < sizeof request->text && request_is_text(request->text, n));
    hold(request->has_text == (n > 0));
}

static void put_conn(char **at, const struct request_pair *pair)
{
    *(*at)++ = ' ';
    for (int i = 0; i < 16; i++)
        *at += sprintf(*at, "%02x", pair->conn[i]);
}

// The request as a line of the plainest form.
static size_t write_anew(char *line, const struct request *request)
{
    char *at = line;
    at += sprintf(at, "%s %s", request->id, request_verb_word(request->verb));
    if (request->game[0])
        at += sprintf(at, " %s", request->game);
    for (unsigned i = 0; i < request->n_pairs; i++) {
        put_conn(&at, &request->pair[i]);
        if (request->verb == REQUEST_ACK)
            at += sprintf(at, " %llu", (unsigned long long)request->pair[i].offset);
    }
    if (request->verb == REQUEST_STATE && request->n_state == 0)
        at += sprintf(at, " -");
    else if (request->verb == REQUEST_STATE)
        *at++ = ' ';
    for (size_t i = 0; i < request->n_state; i++)
        at += sprintf(at, "%02x", request->state[i]);
    at +=
        sprintf(at, "%s%s", request->resumes ? " resume" : "", request->acknowledges ? " ack" : "");
    if (request->verb == REQUEST_SHUTDOWN)
        at += sprintf(at, " %s", request->ends ? "end" : "hold");
    if (request->has_text)
        at += sprintf(at, " %s", request->text);
    return (size_t)(at - line);
}

static void hold_same(const struct request *one, const struct request *other)
{
    hold(strcmp(one->id, other->id) == 0 && one->verb == other->verb);
    hold(one->resumes == other->resumes && one->acknowledges == other->acknowledges);
    hold(one->ends == other->ends && one->has_text == other->has_text);
    hold(strcmp(one->game, other->game) == 0 && strcmp(one->text, other->text) == 0);
    hold(one->n_pairs == other->n_pairs && one->n_state == other->n_state);
    hold(memcmp(one->state, other->state, one->n_state) == 0);
    for (unsigned i = 0; i < one->n_pairs; i++)
        hold(memcmp(one->pair[i].conn, other->pair[i].conn, 16) == 0 &&
             one->pair[i].offset == other->pair[i].offset);
}

static void read_requests(const uint8_t *data, size_t size)
{
    static struct request request, again;
    static char line[REQUEST_PAIRS * 64 + 2 * REQUEST_LINE_BYTES];
    size = size < REQUEST_LINE_BYTES ? size : REQUEST_LINE_BYTES;
    bool is_good = request_parse(&request, data, size);
    hold_id(request.id);
    if (!is_good) {
        hold_refused(&request);
    } else {
        hold_good(&request);
        hold(request_parse(&again, line, write_anew(line, &request)));
        hold_same(&request, &again);
    }
    request_too_long(&request, data, size);
    hold_id(request.id);
    hold_refused(&request);
}

static void read_answers(const uint8_t *data, size_t size)
{
    static char line[ANSWER_LINE_BYTES + 1];
    struct reply reply;
    struct answer answer;
    size_t n = size < ANSWER_LINE_BYTES ? size : ANSWER_LINE_BYTES;
    memcpy(line, data, n);
    line[n] = '\0';
    hold(reply_parse(&reply, line) == reply.kind && reply.n_pairs <= REPLY_PAIRS);
    // As a value there and back.
    n = n < 900 ? n : 900;
    answer_item(&answer, "id");
    answer_bytes(&answer, "key", data, n);
    answer_finish(&answer);
    hold(answer.n < sizeof answer.bytes);
    memcpy(line, answer.bytes, answer.n - 1);
    line[answer.n - 1] = '\0';
    hold(reply_parse(&reply, line) == REPLY_ITEM && reply.n_pairs == 1);
    const char *value = reply_find(&reply, "key");
    hold(memchr(data, 0, n) || (strlen(value) == n && memcmp(value, data, n) == 0));
}

static void read_connector(const uint8_t *data, size_t size)
{
    static char line[CONNECTOR_ASK_BYTES + 64];
    struct connector_ask ask;
    struct connector_answer answer;
    size_t n = size < sizeof line - 1 ? size : sizeof line - 1;
    memcpy(line, data, n);
    line[n] = '\0';
    if (connector_parse_ask(&ask, line)) {
        char anew[CONNECTOR_ASK_BYTES];
        struct connector_ask again;
        hold(ask.n_header > 0 && ask.n_header <= sizeof ask.header);
        anew[connector_print_ask(anew, &ask) - 1] = '\0';
        hold(connector_parse_ask(&again, anew) && again.number == ask.number &&
             again.n_header == ask.n_header && memcmp(again.header, ask.header, ask.n_header) == 0);
    }
    if (connector_parse_answer(&answer, line)) {
        char anew[CONNECTOR_ANSWER_BYTES];
        struct connector_answer again;
        anew[connector_print_answer(anew, &answer) - 1] = '\0';
        hold(connector_parse_answer(&again, anew) && again.number == answer.number &&
             again.error == answer.error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_requests(data, size);
    read_answers(data, size);
    read_connector(data, size);
    return 0;
}
