// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Cutting text (text.h). Errors: none.
#include "text.h"

#include <string.h>

char *text_trim(char *text)
{
    text += strspn(text, " ");
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
    return text;
}

char *text_split(char *text)
{
    size_t n = strcspn(text, " ");
    char *rest = text + n + (text[n] == ' ' ? 1 : 0);
    text[n] = '\0';
    return text_trim(rest);
}

char *text_cut(char *text)
{
    char *behind = strchr(text, '=');
    if (behind) {
        *behind++ = '\0';
        behind = text_trim(behind);
    }
    memmove(text, text + strspn(text, " "), strlen(text + strspn(text, " ")) + 1);
    text_trim(text);
    return behind;
}
