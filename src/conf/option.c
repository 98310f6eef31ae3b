// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of options as data, and its texts: for messages, for a terminal
// (stayd --options) and for the manual.
//
// Errors: none.
#include "conf/option.h"

#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const struct conf_option conf_options[] = {
#define OPTION(its_section, type, its_key, its_kind, member, ...)                                  \
    {.section = CONF_##its_section,                                                                \
     .key = its_key,                                                                               \
     .kind = CONF_KIND_##its_kind,                                                                 \
     .offset = offsetof(struct type, member),                                                      \
     __VA_ARGS__},
#define STAYD(...) OPTION(STAYD, conf, __VA_ARGS__)
#define LISTEN(...) OPTION(LISTEN, conf_listener, __VA_ARGS__)
#define GAME(...) OPTION(GAME, conf_game, __VA_ARGS__)
#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
#include "conf/options.def"
};

const unsigned conf_n_options = sizeof conf_options / sizeof conf_options[0];
static_assert(sizeof conf_options / sizeof conf_options[0] <= CONF_MAX_OPTIONS,
              "raise CONF_MAX_OPTIONS");
static_assert(sizeof(enum conf_header) == sizeof(unsigned), "choices are set as unsigned");

static const char *const section_forms[CONF_N_SECTIONS] = {"[stayd]", "[listen NAME]",
                                                           "[game NAME]"};

const struct conf_option *conf_option_find(enum conf_section section, const char *key)
{
    for (unsigned i = 0; i < conf_n_options; i++)
        if (conf_options[i].section == section && strcmp(conf_options[i].key, key) == 0)
            return &conf_options[i];
    return NULL;
}

const char *conf_section_form(enum conf_section section)
{
    return section_forms[section];
}

const char *conf_form_print(char text[CONF_FORM_TEXT_BYTES], const struct conf_option *option)
{
    size_t n = 0;
    if (!option->choices)
        return option->form;
    for (const char *const *choice = option->choices; *choice && n < CONF_FORM_TEXT_BYTES; choice++)
        n += (size_t)snprintf(text + n, CONF_FORM_TEXT_BYTES - n, "%s%s", n ? "|" : "", *choice);
    return text;
}

const char *conf_time_print(char text[CONF_TIME_TEXT_BYTES], uint64_t time_ms)
{
    static const struct {
        uint64_t unit_ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    if (time_ms == CONF_FOREVER || time_ms == 0) {
        snprintf(text, CONF_TIME_TEXT_BYTES, "%s", time_ms ? "forever" : "0");
        return text;
    }
    unsigned unit = 0;
    while (time_ms % units[unit].unit_ms)
        unit++;
    snprintf(text, CONF_TIME_TEXT_BYTES, "%" PRIu64 "%s", time_ms / units[unit].unit_ms,
             units[unit].name);
    return text;
}

const char *conf_range_print(char text[CONF_RANGE_TEXT_BYTES], const struct conf_option *option)
{
    char low[CONF_TIME_TEXT_BYTES], high[CONF_TIME_TEXT_BYTES];
    const char *space = option->unit ? " " : "";
    const char *unit = option->unit ? option->unit : "";
    text[0] = '\0';
    if (option->kind == CONF_KIND_TIME)
        snprintf(text, CONF_RANGE_TEXT_BYTES, "%s to %s", conf_time_print(low, option->low),
                 conf_time_print(high, option->high));
    else if (option->kind == CONF_KIND_NUMBER && option->low == option->high)
        snprintf(text, CONF_RANGE_TEXT_BYTES, "only %" PRIu64 "%s%s", option->low, space, unit);
    else if (option->kind == CONF_KIND_NUMBER || option->kind == CONF_KIND_LIMIT)
        snprintf(text, CONF_RANGE_TEXT_BYTES, "%" PRIu64 " to %" PRIu64 "%s%s", option->low,
                 option->high, space, unit);
    else if (option->kind == CONF_KIND_ADDRESSES || option->kind == CONF_KIND_FILES ||
             option->kind == CONF_KIND_HOSTS || option->kind == CONF_KIND_NETWORKS)
        snprintf(text, CONF_RANGE_TEXT_BYTES, "at most %" PRIu64, option->high);
    else if (option->kind == CONF_KIND_PATH || option->kind == CONF_KIND_TEXT)
        snprintf(text, CONF_RANGE_TEXT_BYTES, "at most %" PRIu64 " bytes", option->high);
    return text;
}

void conf_complain(struct conf_complaints *complaints, int line, const char *fmt, ...)
{
    va_list arguments;
    complaints->n++;
    if (line)
        fprintf(complaints->out, "%s:%d: ", complaints->path, line);
    else
        fprintf(complaints->out, "%s: ", complaints->path);
    va_start(arguments, fmt);
    vfprintf(complaints->out, fmt, arguments);
    va_end(arguments);
    fputc('\n', complaints->out);
}

// Words of text, broken into lines at most `width` wide, each with an indent; for roff also after
// each sentence, which it spaces itself.
static void print_wrapped(FILE *out, const char *text, int indent, int width, bool is_roff)
{
    int column = 0;
    bool is_sentence_over = false;
    while (*text) {
        int n_word = (int)strcspn(text, " ");
        if (column && (column + 1 + n_word > width || is_sentence_over)) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column ? 1 : indent, "", n_word, text);
        is_sentence_over = is_roff && text[n_word - 1] == '.';
        text += n_word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static bool is_required(const struct conf_option *option)
{
    return !option->preset && strcmp(option->absent, "required") == 0;
}

void conf_print_options(FILE *out)
{
    char form[CONF_FORM_TEXT_BYTES], range[CONF_RANGE_TEXT_BYTES];
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        if (i == 0 || option->section != option[-1].section)
            fprintf(out, "%s%s\n", i ? "\n" : "", section_forms[option->section]);
        fprintf(out, "  %s = %s", option->key, conf_form_print(form, option));
        if (*conf_range_print(range, option))
            fprintf(out, "   (%s)", range);
        if (is_required(option))
            fprintf(out, "\n      required\n");
        else if (option->preset)
            fprintf(out, "\n      default: %s\n", option->preset);
        else
            fprintf(out, "\n      default: none (%s)\n", option->absent);
        print_wrapped(out, option->help, 6, 78, false);
    }
}

// Is the option's default a sentence, with a full stop of its own?
static bool is_sentence(const struct conf_option *option)
{
    size_t n = option->preset ? strlen(option->preset) : 0;
    return n > 0 && option->preset[n - 1] == '.';
}

void conf_print_options_mdoc(FILE *out)
{
    char form[CONF_FORM_TEXT_BYTES], range[CONF_RANGE_TEXT_BYTES];
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        if (i == 0 || option->section != option[-1].section)
            fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", i ? ".El\n" : "",
                    section_forms[option->section]);
        fprintf(out, ".It Cm %s No = Ar %s\n", option->key, conf_form_print(form, option));
        print_wrapped(out, option->help, 0, 78, true);
        if (*conf_range_print(range, option))
            fprintf(out, "Range: %s.\n", range);
        if (is_required(option))
            fprintf(out, "Required.\n");
        else if (option->preset)
            fprintf(out, "Default:\n.Li %s%s\n", option->preset, is_sentence(option) ? "" : " .");
        else
            fprintf(out, "Default: none (%s).\n", option->absent);
        fprintf(out, "Changed by: %s.\n", option->is_fixed ? "restart" : "reload");
    }
    fprintf(out, ".El\n");
}
