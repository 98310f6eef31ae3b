// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The tables of verbs and errors as data, and their texts (request.h).
//
// Errors: none.
#include "ops/request.h"

#include <string.h>

enum has { WIRE, SHELL };

static const struct {
    const char *word;
    enum request_who who;
    enum has has;
    const char *form;
    const char *help;
} verbs[REQUEST_N_VERBS] = {
#define VERB(name, verb_word, verb_who, verb_has, does, verb_form, verb_help)                      \
    [REQUEST_##name] = {(verb_word), REQUEST_WHO_##verb_who, (verb_has), (verb_form), (verb_help)},
#include "ops/verbs.def"
#undef VERB
};

static const char *const errors[] = {
    [REQUEST_GOOD] = "ok",
#define ERROR(name, word) [REQUEST_##name] = (word),
#include "ops/errors.def"
#undef ERROR
};

const char *request_verb_word(enum request_verb verb)
{
    return verbs[verb].word;
}

const char *request_verb_form(enum request_verb verb)
{
    return verbs[verb].form;
}

enum request_who request_verb_who(enum request_verb verb)
{
    return verbs[verb].who;
}

bool request_verb_is_shell(enum request_verb verb)
{
    return verbs[verb].has == SHELL;
}

const char *request_error_word(enum request_error error)
{
    return errors[error];
}

enum request_verb request_verb_find(const char *word, size_t n_word)
{
    unsigned i = 0;
    while (i < REQUEST_N_VERBS &&
           (strlen(verbs[i].word) != n_word || memcmp(verbs[i].word, word, n_word) != 0))
        i++;
    return (enum request_verb)i;
}

void request_print_verbs(FILE *out)
{
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++) {
        if (verbs[i].has != SHELL)
            continue;
        int n = fprintf(out, "  %s %s", verbs[i].word, verbs[i].form);
        fprintf(out, "%*s%s\n", n < 24 ? 24 - n : 1, "", verbs[i].help);
    }
}

void request_print_verbs_mdoc(FILE *out)
{
    fprintf(out, ".Bl -tag -width Ds\n");
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++) {
        if (verbs[i].has != SHELL)
            continue;
        fprintf(out, ".It Cm %s", verbs[i].word);
        if (*verbs[i].form)
            fprintf(out, " Ar %s", verbs[i].form);
        fprintf(out, "\n%s\n", verbs[i].help);
    }
    fprintf(out, ".El\n");
}
