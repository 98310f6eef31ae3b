// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading STAYD_PRELOAD (settings.h).
#include "settings.h"

#include <stddef.h>
#include <string.h>

#define SEPARATORS " ,"

static bool read_number(const char *text, size_t n, uint32_t low, uint32_t high, uint32_t *number)
{
    uint64_t value = 0;
    if (n == 0 || n > 10)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *number = (uint32_t)value;
    return value >= low && value <= high;
}

static bool read_word(struct settings *settings, const char *word, size_t n)
{
    uint32_t number;
    if (n > 4 && memcmp(word, "uid=", 4) == 0) {
        // The highest one is setresuid(2)'s "no change", and nobody's.
        if (settings->has_uid || !read_number(word + 4, n - 4, 0, UINT32_MAX - 1, &number))
            return false;
        settings->has_uid = true;
        settings->uid = number;
        return true;
    }
    if (settings->n_ports == SETTINGS_PORTS || !read_number(word, n, 1, UINT16_MAX, &number))
        return false;
    settings->port[settings->n_ports++] = (uint16_t)number;
    return true;
}

bool settings_read(struct settings *settings, const char *text)
{
    *settings = (struct settings){0};
    if (!text)
        return true;
    for (const char *at = text + strspn(text, SEPARATORS); *at; at += strspn(at, SEPARATORS)) {
        size_t n = strcspn(at, SEPARATORS);
        if (!read_word(settings, at, n))
            return false;
        at += n;
    }
    return settings->n_ports > 0;
}
