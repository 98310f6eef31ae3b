// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayctl prints, whatever is at the other end of the control socket. The input's lines are an
// answer, of which those that are none are left out. Held: for people there is nothing but
// printable ASCII; for programs there is one JSON document (RFC 8259) in UTF-8.
//
// Errors: abort.
#include "fuzz.h"
#include "stayctl/print.h"

#define ITEMS_MAX 64u

static void hold_for_people(const char *text)
{
    for (; *text; text++)
        hold(*text == '\n' || ((uint8_t)*text >= ' ' && (uint8_t)*text < 0x7f));
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \n");
}

static const char *hold_value(const char *at);

static const char *hold_string(const char *at)
{
    hold(*at++ == '"');
    while (*at != '"') {
        size_t n = 1;
        if (*at == '\\') {
            n = at[1] == 'u' ? 6 : 2;
            hold(n == 6 ? strspn(at + 2, "0123456789abcdef") >= 4 : strchr("\"\\", at[1]) != NULL);
        } else if ((uint8_t)*at >= 0x80) {
            n = (uint8_t)*at >= 0xf0 ? 4 : (uint8_t)*at >= 0xe0 ? 3 : 2;
            hold(strnlen(at, n) == n && request_is_text(at, n));
        } else {
            hold((uint8_t)*at >= ' ' && *at != 0x7f);
        }
        at += n;
    }
    return at + 1;
}

static const char *hold_members(const char *at, char end)
{
    at = skip_blanks(at + 1);
    while (*at != end) {
        if (end == '}') {
            at = skip_blanks(hold_string(at));
            hold(*at++ == ':');
        }
        at = skip_blanks(hold_value(skip_blanks(at)));
        hold(*at == ',' || *at == end);
        if (*at == ',') {
            at = skip_blanks(at + 1);
            hold(*at != end);
        }
    }
    return at + 1;
}

static const char *hold_value(const char *at)
{
    if (*at == '{')
        return hold_members(at, '}');
    if (*at == '[')
        return hold_members(at, ']');
    if (*at == '"')
        return hold_string(at);
    if (strncmp(at, "true", 4) == 0)
        return at + 4;
    if (strncmp(at, "false", 5) == 0)
        return at + 5;
    size_t n = strspn(at, "0123456789");
    hold(n == 1 || (n > 1 && *at != '0'));
    return at + n;
}

static void hold_json(const char *text)
{
    hold(*skip_blanks(hold_value(text)) == '\0');
}

static void print_all(const struct ask_answer *answer)
{
    struct fuzz_memory memory;
    for (unsigned verb = 0; verb < REQUEST_N_VERBS; verb++) {
        FILE *out = fuzz_open(&memory);
        print_answer(out, (enum request_verb)verb, answer);
        print_reasons(out, answer);
        print_words(out, answer->end.why);
        char *text = fuzz_text(&memory);
        hold_for_people(text);
        free(text);
    }
    print_json(fuzz_open(&memory), answer);
    char *text = fuzz_text(&memory);
    hold_json(text);
    free(text);
    print_json_error(fuzz_open(&memory), answer->end.error, answer->end.why, answer);
    text = fuzz_text(&memory);
    hold_json(text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply item[ITEMS_MAX];
    char *line[ITEMS_MAX + 1];
    struct ask_answer answer = {.item = item, .end = {.error = "", .why = ""}};
    struct fuzz_input input = {data, size};
    unsigned n_lines = 0;
    while (input.n > 0 && n_lines < ITEMS_MAX) {
        struct reply reply;
        line[n_lines] = fuzz_line(&input);
        switch (reply_parse(&reply, line[n_lines++])) {
        case REPLY_ITEM:
            item[answer.n_items++] = reply;
            break;
        case REPLY_OK:
        case REPLY_ERROR:
            answer.end = reply;
            break;
        case REPLY_BROKEN:
            break;
        }
    }
    print_all(&answer);
    while (n_lines > 0)
        free(line[--n_lines]);
    return 0;
}
