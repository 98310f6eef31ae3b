// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What comes from the control socket, whoever is behind it: cut into lines in pieces of every size,
// parsed, and matched with requests that wait ("play-2" and so on, as the corpus writes it). Held:
// the lines are the same however the bytes were cut, a parsed id lies in its line, texts are
// printable, and an answer takes one request away, or two parts into its place.
//
// Errors: abort.
#include "answer.h"
#include "fuzz.h"
#include "requests.h"
#include "text.h"

static void hold_answer(const struct stay_answer *answer, const uint8_t *line, size_t n_line)
{
    char copy[1024];
    hold(answer->n_id > 0 && answer->id >= line && answer->id + answer->n_id <= line + n_line);
    hold(stay_text_take(copy, sizeof copy, (const uint8_t *)answer->text, strlen(answer->text)));
    hold((answer->word[0] != '\0') == (answer->kind == STAY_ANSWER_ERROR));
}

// As control.c does it: the answer's id is compared with that of the request.
static void match(struct stay_requests *requests, const struct stay_answer *answer)
{
    const struct stay_line *asked = stay_requests_asked(requests);
    if (asked == NULL || answer->n_id >= asked->n ||
        memcmp(asked->text, answer->id, answer->n_id) != 0 || asked->text[answer->n_id] != ' ' ||
        answer->kind == STAY_ANSWER_ITEM)
        return;
    size_t n_before = stay_requests_count(requests);
    stay_requests_answered(requests);
    hold(stay_requests_count(requests) == n_before - 1);
}

static void send_all(struct stay_requests *requests)
{
    struct stay_line *line;
    for (;;) {
        hold(stay_requests_next(requests, &line));
        if (line == NULL)
            return;
        stay_requests_sent(requests);
    }
}

// A sum over the lines. They come in pieces of n_piece bytes.
static uint64_t read_lines(const uint8_t *data, size_t size, size_t n_piece)
{
    static struct stay_reader reader;
    static const uint8_t ann[STAY_ID_BYTES] = "ann", bob[STAY_ID_BYTES] = "bob";
    struct stay_requests requests;
    uint64_t sum = 0;
    unsigned version;
    stay_requests_open(&requests);
    strcpy(requests.prefix, "play");
    requests.n_ever = 1;
    hold(stay_requests_acknowledge(&requests, ann, 5) &&
         stay_requests_acknowledge(&requests, bob, 6));
    send_all(&requests);
    hold(stay_requests_leave(&requests, ann, data, size < 9 ? size : 9));
    reader.n = reader.n_taken = 0;
    while (size > 0) {
        size_t room, n_line;
        uint8_t *at = stay_reader_room(&reader, &room);
        size_t n = n_piece < size ? n_piece : size;
        n = n < room ? n : room;
        if (n == 0)
            break; // a line that is too long
        memcpy(at, data, n);
        stay_reader_add(&reader, n);
        data += n;
        size -= n;
        for (const uint8_t *line; (line = stay_reader_line(&reader, &n_line)) != NULL;) {
            struct stay_answer answer;
            sum = sum * 31 + n_line + 1;
            hold(memchr(line, '\n', n_line) == NULL);
            sum += stay_answer_greeting(line, n_line, &version) ? version : 0;
            sum += stay_answer_turns_away(line, n_line, &answer);
            if (stay_answer_parse(line, n_line, &answer)) {
                hold_answer(&answer, line, n_line);
                match(&requests, &answer);
                send_all(&requests);
            }
        }
    }
    sum = sum * 31 + stay_requests_count(&requests);
    stay_requests_free(&requests);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t sum = read_lines(data, size, 1);
    hold(read_lines(data, size, 7) == sum);
    hold(read_lines(data, size, size + 1) == sum);
    return 0;
}
