// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading answers (dns_answer.h) by ns_parserr(3), because c-ares' own readers take none of several
// names if one is odd.
#include "game/dns_answer.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_RECORDS 64 // of one answer

struct search {
    ns_msg answer;
    ns_type type;
    int at;                  // the next record
    int n_found;             // answers so far
    char owner[NS_MAXDNAME]; // the name that answers stand by, as far as aliases have led
};

static bool begin(struct search *search, const uint8_t *answer, size_t n_answer,
                  const char *question, ns_type type)
{
    search->type = type;
    search->at = search->n_found = 0;
    snprintf(search->owner, sizeof search->owner, "%s", question);
    return ns_initparse(answer, (int)n_answer, &search->answer) == 0;
}

static bool expand(const struct search *search, const ns_rr *record, char name[NS_MAXDNAME])
{
    return dn_expand(ns_msg_base(search->answer), ns_msg_end(search->answer), ns_rr_rdata(*record),
                     name, NS_MAXDNAME) >= 0;
}

// The next answer to the question. False: there is none.
static bool find_next(struct search *search, ns_rr *found)
{
    while (search->at < ns_msg_count(search->answer, ns_s_an) && search->n_found < MAX_RECORDS) {
        if (ns_parserr(&search->answer, ns_s_an, search->at++, found) != 0)
            return false;
        if (ns_rr_class(*found) != ns_c_in || strcasecmp(ns_rr_name(*found), search->owner) != 0)
            continue;
        if (ns_rr_type(*found) == ns_t_cname && !expand(search, found, search->owner))
            return false;
        if (ns_rr_type(*found) == search->type) {
            search->n_found++;
            return true;
        }
    }
    return false;
}

bool dns_answer_repeats(const uint8_t *answer, size_t n_answer, const char *question)
{
    ns_msg parsed;
    ns_rr asked;
    return ns_initparse(answer, (int)n_answer, &parsed) == 0 &&
           ns_parserr(&parsed, ns_s_qd, 0, &asked) == 0 && strcmp(ns_rr_name(asked), question) == 0;
}

void dns_answer_names(const uint8_t *answer, size_t n_answer, const char *question,
                      dns_answer_name_fn *each, void *arg)
{
    struct search search;
    ns_rr found;
    char name[NS_MAXDNAME];
    if (!begin(&search, answer, n_answer, question, ns_t_ptr))
        return;
    while (find_next(&search, &found))
        if (expand(&search, &found, name))
            each(arg, name);
}

bool dns_answer_has(const uint8_t *answer, size_t n_answer, const char *question,
                    const uint8_t *address, size_t n_address)
{
    struct search search;
    ns_rr found;
    if (!begin(&search, answer, n_answer, question, n_address == 4 ? ns_t_a : ns_t_aaaa))
        return false;
    while (find_next(&search, &found))
        if (ns_rr_rdlen(found) == n_address && memcmp(ns_rr_rdata(found), address, n_address) == 0)
            return true;
    return false;
}
