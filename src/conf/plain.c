// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What of a value is meant: without a comment behind it, and without quotes around it (option.h).
//
// Errors: none.
#include "conf/option.h"

#include <string.h>

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void cut(char *text, size_t n)
{
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    text[n] = '\0';
}

// Does a comment begin here? In a text, "#1" and "#help" may be meant.
static bool is_comment(const char *text, size_t at, bool is_text)
{
    char next = text[at + 1];
    return text[at] == '#' && (at == 0 || is_blank(text[at - 1])) &&
           (!is_text || next == '\0' || is_blank(next));
}

// The place of the quote that closes the one at the beginning, if nothing but a comment follows it;
// 0: there is none.
static size_t find_closing(const char *text)
{
    const char *end = is_quote(*text) ? strchr(text + 1, *text) : NULL;
    if (!end)
        return 0;
    size_t after = (size_t)(end - text) + 1;
    size_t rest = after + strspn(text + after, " \t");
    return text[rest] == '\0' || is_comment(text, rest, false) ? after - 1 : 0;
}

bool conf_unquote(char *text)
{
    size_t n = strlen(text);
    size_t closing = find_closing(text);
    if (closing == 0)
        return n == 0 || (!is_quote(*text) && !is_quote(text[n - 1]));
    memmove(text, text + 1, closing - 1);
    text[closing - 1] = '\0';
    return true;
}

void conf_plain(char *text, bool is_text)
{
    bool is_quoted = false;
    if (find_closing(text)) {
        conf_unquote(text);
        return;
    }
    for (size_t at = 0; text[at]; at++) {
        if (text[at] == '"')
            is_quoted = !is_quoted;
        if (!is_quoted && is_comment(text, at, is_text)) {
            cut(text, at);
            return;
        }
    }
}
