// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads files of networks: `allow`, `deny` and `exempt`. A line holds one network; # and ; begin
// comments.
//
// Errors: complaints, the first ones of each file; the rest of it is read on.
#include "conf/option.h"

#include <string.h>

#define LIST_MAX_BYTES (4u << 20)
#define COMPLAINTS 10 // about one file: nobody mends a wrong file by its hundredth line

// Connections of proxies on this machine come from its own addresses, each for another player.
static const char own_machine[] = "127.0.0.0/8\n::1\n";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

// One line, without its end.
static void take_line(struct networks *networks, const char *from, size_t n, int line,
                      struct conf_complaints *complaints)
{
    char text[NETWORK_TEXT_BYTES];
    struct network network;
    for (size_t i = 0; i < n; i++)
        if (from[i] == '#' || from[i] == ';')
            n = i;
    while (n > 0 && is_blank(from[n - 1]))
        n--;
    while (n > 0 && is_blank(*from)) {
        from++;
        n--;
    }
    if (n == 0)
        return;
    if (n >= sizeof text || memchr(from, '\0', n)) {
        conf_complain(complaints, line,
                      "not a network; write one a line, such as 192.0.2.0/24 or 2001:db8::/32");
        return;
    }
    memcpy(text, from, n);
    text[n] = '\0';
    const char *wrong = network_parse(text, &network);
    if (wrong)
        conf_complain(complaints, line, "%s: %s", text, wrong);
    else if (!networks_add(networks, &network))
        conf_complain(complaints, line, "out of memory; try again");
}

void conf_read_networks(struct networks *networks, const char *text, size_t n_text,
                        struct conf_complaints *complaints)
{
    const int n_before = complaints->n;
    const char *end = text + n_text;
    if (n_text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (int line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop)
            stop = end;
        if (complaints->n - n_before == COMPLAINTS) {
            conf_complain(complaints, line,
                          "not looked at any further; mend the %d lines before first", COMPLAINTS);
            return;
        }
        take_line(networks, text, (size_t)(stop - text), line, complaints);
        text = stop + (stop < end);
    }
}

static int parse_list(struct conf_list *list, const char *otherwise, FILE *out)
{
    struct conf_complaints complaints = {.out = out, .path = list->file ? list->file : "exempt"};
    if (list->text)
        conf_read_networks(&list->networks, list->text, list->n_text, &complaints);
    else if (!list->file)
        conf_read_networks(&list->networks, otherwise, strlen(otherwise), &complaints);
    networks_sort(&list->networks);
    return complaints.n;
}

int conf_parse_lists(struct conf *conf, FILE *complaints)
{
    int n = parse_list(&conf->allow, "", complaints);
    n += parse_list(&conf->deny, "", complaints);
    return n + parse_list(&conf->exempt, own_machine, complaints);
}

static int slurp_list(struct conf_list *list, FILE *out)
{
    struct conf_complaints complaints = {.out = out, .path = list->file};
    if (list->file)
        list->text =
            conf_slurp(list->file, LIST_MAX_BYTES, "a list of networks",
                       "name a file with a network in each line", &list->n_text, &complaints);
    return complaints.n;
}

int conf_read_lists(struct conf *conf, FILE *complaints)
{
    int n = slurp_list(&conf->allow, complaints);
    n += slurp_list(&conf->deny, complaints);
    n += slurp_list(&conf->exempt, complaints);
    return n + conf_parse_lists(conf, complaints);
}
