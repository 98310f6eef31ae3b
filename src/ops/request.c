// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The parser (request.h). A verb's form, as it stands in verbs.def, is walked word by word, each
// word with its reader; so what people are told is what is read.
//
// Errors: see request_refuse; the peer's bytes are never repeated in the words.
#include "ops/request.h"

#include "base/hex.h"
#include "base/nearest.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static_assert(REQUEST_STATE_BYTES * 2 + 64 < REQUEST_LINE_BYTES, "the largest state fits a line");

// What of the line is still to be read.
struct rest {
    const char *at;
    const char *end;
};

struct word {
    const char *at;
    size_t n;
};

bool request_refuse(struct request *request, enum request_error error, const char *fmt, ...)
{
    va_list arguments;
    request->error = error;
    va_start(arguments, fmt);
    vsnprintf(request->why, sizeof request->why, fmt, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_argument(struct request *request, const char *wrong)
{
    const char *form = request_verb_form(request->verb);
    return request_refuse(request, REQUEST_BAD_REQUEST, "%s; write %s%s%s", wrong,
                          request_verb_word(request->verb), *form ? " " : "", form);
}

static void skip_blanks(struct rest *rest)
{
    while (rest->at < rest->end && *rest->at == ' ')
        rest->at++;
}

static bool is_over(const struct rest *rest)
{
    struct rest after = *rest;
    skip_blanks(&after);
    return after.at == after.end;
}

static struct word take_word(struct rest *rest)
{
    skip_blanks(rest);
    struct word word = {.at = rest->at};
    while (rest->at < rest->end && *rest->at != ' ')
        rest->at++;
    word.n = (size_t)(rest->at - word.at);
    return word;
}

static bool is_word(struct word word, const char *text)
{
    return word.n == strlen(text) && memcmp(word.at, text, word.n) == 0;
}

static bool is_plain(struct word word)
{
    for (size_t i = 0; i < word.n; i++) {
        char c = word.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return word.n > 0;
}

bool request_read_conn(uint8_t id[16], const char *digits, size_t n_digits)
{
    uint8_t bytes[16];
    if (n_digits != 32 || !hex_read(bytes, digits, 16))
        return false;
    memcpy(id, bytes, 16);
    return true;
}

// The length of the character at `at` if it is well-formed UTF-8 (RFC 3629, section 4) and no
// control character (C0, DEL, C1); else 0.
static size_t measure_character(const uint8_t *at, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    size_t n_bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc0 || at[0] > 0xf4 || n < n_bytes)
        return 0;
    uint32_t character = at[0] & (0xffu >> (n_bytes + 1));
    for (size_t i = 1; i < n_bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (at[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < least[n_bytes] || character < 0xa0 || character > 0x10ffff || is_surrogate)
        return 0;
    return n_bytes;
}

bool request_is_text(const char *text, size_t n_text)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + n_text;
    if (n_text > REQUEST_TEXT_BYTES)
        return false;
    while (at < end) {
        size_t n = measure_character(at, (size_t)(end - at));
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static bool take_game(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    if (!is_plain(word) || word.n >= REQUEST_GAME_BYTES)
        return refuse_argument(request, "GAME is no name of a game");
    memcpy(request->game, word.at, word.n);
    request->game[word.n] = '\0';
    return true;
}

static bool take_game_or_all(struct request *request, struct rest *rest)
{
    struct rest before = *rest;
    if (!is_word(take_word(rest), "*")) {
        *rest = before;
        return take_game(request, rest);
    }
    strcpy(request->game, "*");
    return true;
}

static bool take_conn(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    if (request->n_pairs == REQUEST_PAIRS)
        return refuse_argument(request, "too many connections");
    struct request_pair *pair = &request->pair[request->n_pairs];
    pair->offset = 0;
    if (!request_read_conn(pair->conn, word.at, word.n))
        return refuse_argument(request, "CONN is not 32 hexadecimal digits");
    request->n_pairs++;
    return true;
}

// Of the connection that was read last.
static bool take_offset(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    uint64_t offset = 0;
    bool is_number = word.n > 0;
    for (size_t i = 0; i < word.n && is_number; i++)
        is_number = word.at[i] >= '0' && word.at[i] <= '9' &&
                    !__builtin_mul_overflow(offset, 10, &offset) &&
                    !__builtin_add_overflow(offset, (uint64_t)(word.at[i] - '0'), &offset);
    if (!is_number)
        return refuse_argument(request, "OFFSET is not a decimal number of 64 bits");
    request->pair[request->n_pairs - 1].offset = offset;
    return true;
}

static bool take_state(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    request->n_state = 0;
    if (is_word(word, "-"))
        return true;
    if (word.n > 2 * sizeof request->state)
        return refuse_argument(request, "HEX is more than 4,096 bytes");
    if (word.n % 2 != 0 || !hex_read(request->state, word.at, word.n / 2))
        return refuse_argument(request, "HEX is not an even number of hexadecimal digits");
    request->n_state = word.n / 2;
    return true;
}

// To the line's end; of the blanks before it one is the separator.
static bool take_text(struct request *request, struct rest *rest)
{
    if (*rest->at == ' ')
        rest->at++;
    size_t n = (size_t)(rest->end - rest->at);
    if (n > REQUEST_TEXT_BYTES)
        return refuse_argument(request, "TEXT is longer than 1,000 bytes");
    if (!request_is_text(rest->at, n))
        return refuse_argument(request, "TEXT is not UTF-8, or holds a control character");
    memcpy(request->text, rest->at, n);
    request->text[n] = '\0';
    request->has_text = true;
    rest->at = rest->end;
    return true;
}

// A path may hold blanks, as a text may.
static bool take_path(struct request *request, struct rest *rest)
{
    skip_blanks(rest);
    if (*rest->at != '/')
        return refuse_argument(request, "PATH is not an absolute path");
    return take_text(request, rest);
}

// Either of attach's flags, in whatever order.
static bool take_flag(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    bool *flag = is_word(word, "resume") ? &request->resumes
                 : is_word(word, "ack")  ? &request->acknowledges
                                         : NULL;
    if (!flag || *flag)
        return refuse_argument(request, "neither resume nor ack, or twice the same");
    *flag = true;
    return true;
}

static bool take_plan(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    request->ends = is_word(word, "end");
    return request->ends || is_word(word, "hold") ||
           refuse_argument(request, "neither hold nor end");
}

typedef bool take_fn(struct request *request, struct rest *rest);

// What reads a word of a form. NULL: nothing does, as of "[CONN", where the form begins anew.
static take_fn *find_reader(struct word form)
{
    static const struct {
        const char *form;
        take_fn *take;
    } readers[] = {
        {"GAME", take_game},  {"[GAME]", take_game},   {"GAME|*", take_game_or_all},
        {"CONN", take_conn},  {"OFFSET", take_offset}, {"HEX", take_state},
        {"TEXT", take_text},  {"[TEXT]", take_text},   {"[resume]", take_flag},
        {"[ack]", take_flag}, {"hold|end", take_plan}, {"[PATH]", take_path},
    };
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (is_word(form, readers[i].form))
            return readers[i].take;
    return NULL;
}

static bool take_arguments(struct request *request, struct rest *rest)
{
    const char *text = request_verb_form(request->verb);
    const struct rest whole = {text, text + strlen(text)};
    struct rest form = whole;
    while (!is_over(&form)) {
        struct word word = take_word(&form);
        take_fn *take = find_reader(word);
        if (is_over(rest)) // what may be left out stands last
            return *word.at == '[' || refuse_argument(request, "an argument is missing");
        if (!take && word.at == whole.at)
            return refuse_argument(request, "nobody can read"); // a mistake in verbs.def
        if (!take)
            form = whole; // once more
        else if (!take(request, rest))
            return false;
    }
    return is_over(rest) || refuse_argument(request, "more than there should be");
}

static bool take_id(struct request *request, struct rest *rest)
{
    strcpy(request->id, "-");
    struct word word = take_word(rest);
    if (!is_plain(word) || word.n >= REQUEST_ID_BYTES)
        return false;
    memcpy(request->id, word.at, word.n);
    request->id[word.n] = '\0';
    return true;
}

// Every verb, or the one that was meant.
static bool refuse_verb(struct request *request, struct word word)
{
    const char *words[REQUEST_N_VERBS];
    char name[24];
    char known[REQUEST_WHY_BYTES] = "";
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++) {
        size_t n = strlen(known);
        words[i] = request_verb_word((enum request_verb)i);
        snprintf(known + n, sizeof known - n, " %s", words[i]);
    }
    snprintf(name, sizeof name, "%.*s", word.n < sizeof name ? (int)word.n : 0, word.at);
    const char *nearest = nearest_find(name, words, REQUEST_N_VERBS);
    if (nearest)
        return request_refuse(request, REQUEST_NO_SUCH_VERB, "no such verb; did you mean %s?",
                              nearest);
    return request_refuse(request, REQUEST_NO_SUCH_VERB, "no such verb; there are%s", known);
}

static bool take_verb(struct request *request, struct rest *rest)
{
    struct word word = take_word(rest);
    if (word.n == 0)
        return request_refuse(request, REQUEST_BAD_REQUEST,
                              "there is no verb; write ID VERB [ARGUMENT ...]");
    request->verb = request_verb_find(word.at, word.n);
    if (request->verb != REQUEST_N_VERBS)
        return true;
    return refuse_verb(request, word);
}

static void clear(struct request *request)
{
    request->error = REQUEST_GOOD;
    request->why[0] = '\0';
    request->verb = REQUEST_N_VERBS;
    request->resumes = request->acknowledges = request->ends = request->has_text = false;
    request->game[0] = request->text[0] = '\0';
    request->n_pairs = 0;
    request->n_state = 0;
}

bool request_parse(struct request *request, const void *line, size_t n_line)
{
    struct rest rest = {line, (const char *)line + n_line};
    clear(request);
    if (n_line > 0 && rest.end[-1] == '\r')
        rest.end--;
    if (!take_id(request, &rest))
        return request_refuse(
            request, REQUEST_BAD_REQUEST,
            "the ID is not 1 to 32 letters, digits, \"-\", \"_\", \".\"; write ID "
            "VERB [ARGUMENT ...]");
    return take_verb(request, &rest) && take_arguments(request, &rest);
}

void request_too_long(struct request *request, const void *begin, size_t n_begin)
{
    struct rest rest = {begin, (const char *)begin + n_begin};
    clear(request);
    // An ID that goes on to where the look ends may be cut.
    if (take_id(request, &rest) && rest.at == rest.end)
        strcpy(request->id, "-");
    request_refuse(request, REQUEST_TOO_LONG,
                   "the line is longer than 16,384 bytes and was passed over; send less at once");
}
