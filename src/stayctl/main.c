// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayctl: what an admin asks of a running stayd, from a shell. The arguments become a line of the
// control channel, which is checked here by stayd's own parser before anybody is asked.
//
// Errors: on stderr, with --json as a document on standard output; exit status 1 for an error that
// stayd answers, 2 for wrong arguments, 3 when stayd cannot be reached.
#include "base/hex.h"
#include "base/nearest.h"
#include "conf/conf.h"
#include "stayctl/ask.h"
#include "stayctl/print.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define DEFAULT_CONTROL "/run/stayd/control.sock"
#define PREFIX_DIGITS 4u

enum status { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_USAGE = 2, STATUS_UNREACHABLE = 3 };

static const char usage[] =
    "Usage: stayctl [-c CONF | --control PATH] [--json] VERB [ARGUMENT ...]\n"
    "       stayctl --help | --version\n"
    "\n"
    "Ask a running stayd.\n"
    "\n";
static const char usage_options[] =
    "\n"
    "  -c, --conf CONF     the control socket is the one that this configuration names\n"
    "      --control PATH  the control socket (default " DEFAULT_CONTROL ")\n"
    "      --json          answer with one JSON document\n"
    "      --help, --version\n"
    "\n"
    "CONN is a player's id, as `list` shows it; to kick, as many of its first digits (4 or\n"
    "more) as no other player's has. See stayctl(8).\n";

struct arguments {
    const char *conf;
    const char *control;
    bool is_json;
    enum request_verb verb;
    char **rest; // behind the verb
    unsigned n_rest;
};

enum { OPTION_CONTROL = 256, OPTION_JSON, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
    {"conf", required_argument, NULL, 'c'},
    {"control", required_argument, NULL, OPTION_CONTROL},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static void print_usage(FILE *out)
{
    fputs(usage, out);
    request_print_verbs(out);
    fputs(usage_options, out);
}

static _Noreturn void end_usage(const char *wrong)
{
    if (wrong)
        fprintf(stderr, "stayctl: %s\n", wrong);
    fputs("stayctl --help says more\n", stderr);
    exit(STATUS_USAGE);
}

static void take_option(int option, struct arguments *arguments)
{
    switch (option) {
    case 'c':
        arguments->conf = optarg;
        break;
    case OPTION_CONTROL:
        arguments->control = optarg;
        break;
    case OPTION_JSON:
        arguments->is_json = true;
        break;
    case OPTION_HELP:
        print_usage(stdout);
        exit(STATUS_OK);
    case OPTION_VERSION:
        puts("stayctl " STAYD_VERSION);
        exit(STATUS_OK);
    default:
        end_usage(NULL);
    }
}

// `verb`: the one of the protocol that has this word, or REQUEST_N_VERBS.
static void say_no_verb(const char *word, enum request_verb verb)
{
    const char *words[REQUEST_N_VERBS];
    unsigned n = 0;
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++)
        if (request_verb_is_shell((enum request_verb)i))
            words[n++] = request_verb_word((enum request_verb)i);
    const char *nearest = nearest_find(word, words, n);
    fprintf(stderr, "stayctl: ");
    if (verb != REQUEST_N_VERBS) {
        fprintf(stderr, "there is no verb %s here; games ask it themselves (PROTOCOL.control)\n",
                word);
        return;
    }
    fputs("there is no verb ", stderr);
    print_words(stderr, word);
    if (nearest) {
        fprintf(stderr, "; did you mean %s?\n", nearest);
        return;
    }
    fputs("; there are", stderr);
    for (unsigned i = 0; i < n; i++)
        fprintf(stderr, " %s", words[i]);
    fputc('\n', stderr);
}

static void read_arguments(int argc, char **argv, struct arguments *arguments)
{
    int option;
    while ((option = getopt_long(argc, argv, "+c:", long_options, NULL)) != -1)
        take_option(option, arguments);
    if (arguments->conf && arguments->control)
        end_usage("both -c and --control; give one of them");
    if (optind == argc)
        end_usage("there is no verb");
    const char *word = argv[optind++];
    arguments->verb = request_verb_find(word, strlen(word));
    if (arguments->verb == REQUEST_N_VERBS || !request_verb_is_shell(arguments->verb)) {
        say_no_verb(word, arguments->verb);
        end_usage(NULL);
    }
    arguments->rest = argv + optind;
    arguments->n_rest = (unsigned)(argc - optind);
}

static char *find_control(const struct arguments *arguments)
{
    static struct conf conf;
    if (arguments->control || !arguments->conf)
        return strdup(arguments->control ? arguments->control : DEFAULT_CONTROL);
    if (conf_load(&conf, arguments->conf, stderr) > 0)
        exit(STATUS_USAGE);
    char *control = strdup(conf.control);
    conf_free(&conf);
    return control;
}

// An ID that nobody else has: stayd takes a request with one that it knows for a repeated one.
static void make_id(char id[REQUEST_ID_BYTES])
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (uint64_t)getpid();
    snprintf(id, REQUEST_ID_BYTES, "stayctl-%016llx", (unsigned long long)number);
}

// "ID VERB ARGUMENT ...", checked. The caller frees it.
static char *make_line(const char *id, const struct arguments *arguments)
{
    static struct request request;
    char *line;
    size_t n_line;
    FILE *out = open_memstream(&line, &n_line);
    if (!out)
        abort();
    fprintf(out, "%s %s", id, request_verb_word(arguments->verb));
    for (unsigned i = 0; i < arguments->n_rest; i++)
        fprintf(out, " %s", arguments->rest[i]);
    fclose(out);
    if (!request_parse(&request, line, n_line))
        end_usage(request.why);
    return line;
}

static enum status fail(const struct arguments *arguments, enum ask_result result,
                        const char *error, const char *why, const struct ask_answer *answer)
{
    if (arguments->is_json) {
        print_json_error(stdout, error, why, answer);
    } else {
        if (answer)
            print_reasons(stderr, answer);
        fputs("stayctl: ", stderr);
        print_words(stderr, why);
        fputc('\n', stderr);
    }
    return result == ASK_ERROR ? STATUS_ERROR : STATUS_UNREACHABLE;
}

// Put the whole id in the place of the first digits of it, which are kick's first argument.
static enum status complete_conn(struct arguments *arguments, const char *control)
{
    static char whole[REQUEST_ID_BYTES];
    struct arguments list = {.verb = REQUEST_LIST};
    struct ask_answer answer;
    char id[REQUEST_ID_BYTES];
    char why[128];
    unsigned n_found = 0;
    const char *prefix = arguments->n_rest ? arguments->rest[0] : "";
    size_t n_prefix = strlen(prefix);
    if (n_prefix == 32)
        return STATUS_OK;
    if (n_prefix < PREFIX_DIGITS || n_prefix > 32 || strspn(prefix, HEX_DIGITS) != n_prefix)
        end_usage("CONN is not 4 to 32 hexadecimal digits; stayctl list shows them");
    make_id(id);
    char *line = make_line(id, &list);
    enum ask_result result = ask(control, id, line, ASK_PATIENCE_MS, &answer);
    free(line);
    for (size_t i = 0; result == ASK_OK && i < answer.n_items; i++) {
        const char *conn = reply_find(&answer.item[i], "conn");
        if (strncasecmp(conn, prefix, n_prefix) != 0)
            continue;
        n_found++;
        snprintf(whole, sizeof whole, "%s", conn);
    }
    enum status status = STATUS_OK;
    arguments->rest[0] = whole;
    if (result != ASK_OK)
        status = fail(arguments, result, answer.end.error, answer.end.why, NULL);
    else if (n_found != 1) {
        snprintf(why, sizeof why, "the ids of %u players begin with %s; see stayctl list", n_found,
                 prefix);
        status = fail(arguments, ASK_ERROR, "no-such-player", why, NULL);
    }
    ask_free(&answer);
    return status;
}

// upgrade's PATH as it is seen from here; who does it may be elsewhere. Links in it stay, because
// they may be changed to lead to the next program.
static void complete_path(struct arguments *arguments)
{
    static char whole[2 * PATH_MAX];
    char folder[PATH_MAX];
    if (arguments->n_rest == 0 || *arguments->rest[0] == '/')
        return;
    const char *path = arguments->rest[0];
    if (access(path, F_OK) != 0 || !getcwd(folder, sizeof folder)) {
        fprintf(stderr, "stayctl: %s: %s\n", path, strerror(errno));
        exit(STATUS_USAGE);
    }
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    snprintf(whole, sizeof whole, "%s/%s", folder, path);
    arguments->rest[0] = whole;
}

static unsigned patience_for(enum request_verb verb)
{
    return verb == REQUEST_UPGRADE  ? ASK_PATIENCE_UPGRADE_MS
           : verb == REQUEST_RELOAD ? ASK_PATIENCE_RELOAD_MS
                                    : ASK_PATIENCE_MS;
}

static enum status run(struct arguments *arguments, const char *control)
{
    struct ask_answer answer;
    char id[REQUEST_ID_BYTES];
    enum status status = STATUS_OK;
    if (arguments->verb == REQUEST_KICK)
        status = complete_conn(arguments, control);
    if (arguments->verb == REQUEST_UPGRADE)
        complete_path(arguments);
    if (status != STATUS_OK)
        return status;
    make_id(id);
    char *line = make_line(id, arguments);
    enum ask_result result = ask(control, id, line, patience_for(arguments->verb), &answer);
    free(line);
    if (result != ASK_OK)
        status = fail(arguments, result, answer.end.error, answer.end.why, &answer);
    else if (arguments->is_json)
        print_json(stdout, &answer);
    else
        print_answer(stdout, arguments->verb, &answer);
    ask_free(&answer);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    read_arguments(argc, argv, &arguments);
    char *control = find_control(&arguments);
    enum status status = control ? run(&arguments, control) : STATUS_UNREACHABLE;
    free(control);
    if (fflush(stdout) != 0 && status == STATUS_OK)
        status = STATUS_ERROR;
    return (int)status;
}
