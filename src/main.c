// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The program's arguments, and what is asked for: check, list, or run. From here
// the way goes to guard/start.c, guard/guard.c, and with each player
// through entry/, vault/, record/ and relay/ to game/ (doc/tour.md).
//
// Errors: on stderr; exit status 2 for wrong arguments, 1 for all else.
#include "base/log.h"
#include "base/title.h"
#include "base/wipe.h"
#include "entry/certs_all.h"
#include "entry/run.h"
#include "guard/calls.h"
#include "guard/guard.h"
#include "guard/reload/listen.h"
#include "guard/start.h"
#include "guard/store/manager.h"
#include "guard/upgrade/adopt.h"
#include "process/death_note.h"
#include "process/role.h"
#include "worker/worker.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONF "/etc/stayd/stayd.conf"

static const char usage[] =
    "Usage: stayd [-c FILE] [-d]\n"
    "       stayd --check [-c FILE]\n"
    "       stayd --options | --events | --help | --version\n"
    "\n"
    "Keep players connected: take their TLS and plain connections, and pipe each to the\n"
    "game over a socket of its own, whatever happens to the game or to stayd.\n"
    "\n"
    "  -c, --conf FILE  the configuration (default " DEFAULT_CONF ")\n"
    "  -d, --daemon     detach; ends when players can connect, or with what is wrong\n"
    "      --check      check configuration and certificates, start nothing\n"
    "      --options    list every option with type, range, default and meaning\n"
    "      --events     list every event that can be logged\n"
    "      --alone      for debugging: one process that serves and is not restarted\n"
    "      --help, --version\n"
    "\n"
    "SIGTERM, SIGINT or SIGQUIT to the guard process ends in order: what is queued is sent,\n"
    "and every player's connection is closed properly. See stayd(8), stayd.conf(5).\n";

static role_fn *const roles[N_ROLES] = {
    [ROLE_GUARD] = guard_run,
    [ROLE_ADOPTED_GUARD] = guard_adopt,
    [ROLE_SPARE] = guard_spare_run,
    [ROLE_WORKER] = worker_run,
};

struct arguments {
    const char *conf;
    bool is_daemon;
    bool is_check;
    bool is_alone;
    // How one program runs the next one (guard/upgrade/upgrade.h); of no use to people.
    const char *trial;
    const char *adopt;
    bool is_entry; // ... and how the guard runs an entry (entry/run.h)
};

enum {
    OPTION_CHECK = 256,
    OPTION_OPTIONS,
    OPTION_EVENTS,
    OPTION_ALONE,
    OPTION_TRIAL,
    OPTION_ADOPT,
    OPTION_ENTRY,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"conf", required_argument, NULL, 'c'},
    {"daemon", no_argument, NULL, 'd'},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"options", no_argument, NULL, OPTION_OPTIONS},
    {"events", no_argument, NULL, OPTION_EVENTS},
    {"alone", no_argument, NULL, OPTION_ALONE},
    {"trial", required_argument, NULL, OPTION_TRIAL},
    {"adopt", required_argument, NULL, OPTION_ADOPT},
    {ENTRY_OPTION, no_argument, NULL, OPTION_ENTRY},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static void read_arguments(int argc, char **argv, struct arguments *arguments)
{
    int option;
    while ((option = getopt_long(argc, argv, "c:d", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments->conf = strdup(optarg); // argv is overwritten by process titles
            break;
        case 'd':
            arguments->is_daemon = true;
            break;
        case OPTION_CHECK:
            arguments->is_check = true;
            break;
        case OPTION_ALONE:
            arguments->is_alone = true;
            break;
        case OPTION_TRIAL:
            arguments->trial = optarg;
            break;
        case OPTION_ADOPT:
            arguments->adopt = optarg;
            break;
        case OPTION_ENTRY:
            arguments->is_entry = true;
            break;
        case OPTION_OPTIONS:
            conf_print_options(stdout);
            exit(0);
        case OPTION_EVENTS:
            log_print_events(stdout);
            exit(0);
        case OPTION_HELP:
            fputs(usage, stdout);
            exit(0);
        case OPTION_VERSION:
            puts("stayd " STAYD_VERSION);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind == argc)
        return;
    fprintf(stderr, "stayd: unexpected argument: %s\n%s", argv[optind], usage);
    exit(2);
}

// Run the rest in a process of its own session; this one waits until that one says
// that players can connect, or is gone.
static int detach(void)
{
    int ready[2];
    char said;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(ready[1]);
        _exit(read(ready[0], &said, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    setsid();
    return ready[1];
}

// Were one of 0 to 2 closed, something of ours would get its number, and the next would
// close it.
static void fill_standard(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd > STDERR_FILENO)
        close(fd);
}

// Standard input is nobody's; as a daemon, stderr was for complaints until now.
static void close_standard(bool is_daemon)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    if (is_daemon) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    if (null > STDERR_FILENO)
        close(null);
}

// As it was called, as an absolute path: links in it stay, because they may be changed to lead to
// the next program. NULL: no memory.
static char *name_absolute(const char *called)
{
    char *folder = *called == '/' ? NULL : getcwd(NULL, 0);
    char *path = NULL;
    while (strncmp(called, "./", 2) == 0)
        called += 2;
    if (*called == '/')
        path = strdup(called);
    else if (folder && asprintf(&path, "%s/%s", folder, called) < 0)
        path = NULL;
    free(folder);
    return path;
}

// Is this program there? `real`: where it is; NULL without /proc, and then it is believed.
static bool is_there(const char *path, const char *real)
{
    char *there = realpath(path, NULL);
    bool is_it = there && (real ? strcmp(there, real) == 0 : access(path, X_OK) == 0);
    free(there);
    return is_it;
}

// Where a program that was called by its name alone was found; NULL: nowhere.
static char *look_in_path(const char *name, const char *real)
{
    const char *folders = getenv("PATH");
    for (const char *at = folders ? folders : ""; *at; at += *at == ':') {
        int n = (int)strcspn(at, ":");
        char *path = NULL;
        if (asprintf(&path, "%.*s/%s", n ? n : 1, n ? at : ".", name) < 0)
            return NULL;
        if (is_there(path, real))
            return path;
        free(path);
        at += n;
    }
    return NULL;
}

// The path by which an upgrade finds the program that has then been put there: as it was called, by
// a path or by its name alone, because that may be a link which is changed; if what is there is
// another program, where this one is.
static char *find_program(const char *called)
{
    char *real = realpath("/proc/self/exe", NULL);
    char *found = strchr(called, '/') ? strdup(called) : look_in_path(called, real);
    char *path = found && is_there(found, real) ? name_absolute(found) : NULL;
    if (!path)
        path = strdup(real ? real : called);
    free(found);
    free(real);
    return path;
}

int main(int argc, char **argv)
{
    static struct heritage heritage = {
        .lock_fd = -1, .control_fd = -1, .ready_fd = -1, .wallet_fd = -1};
    static struct stored stored = {.before.lock_fd = -1};
    static struct arguments arguments = {.conf = DEFAULT_CONF};
    title_init(argc, argv);
    wipe_what_openssl_frees();
    wipe_what_libevent_frees();
    fill_standard();
    read_arguments(argc, argv, &arguments);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); // what is written beyond a limit then fails with words
    death_note_load();
    if (arguments.is_entry)
        entry_run();
    heritage.conf_path = arguments.conf;
    if (arguments.trial)
        return adopt_try(&heritage, arguments.trial, arguments.conf);
    if (arguments.adopt)
        role_first(roles, ROLE_ADOPTED_GUARD, &heritage,
                   adopt_prepare(&heritage, arguments.adopt, arguments.conf));
    manager_meet(!arguments.is_daemon && !arguments.is_alone && !arguments.is_check);
    if (!arguments.is_alone && !calls_try(stderr))
        return 1;
    restore_look(&stored);
    heritage.program = find_program(argv[0]);
    if (conf_load(&heritage.conf, arguments.conf, stderr) > 0 ||
        conf_read_lists(&heritage.conf, stderr) > 0 ||
        (stored.is_there && !restore_align(&heritage, &stored)))
        return 1;
    heritage.is_alone = arguments.is_alone;
    if (arguments.is_check) {
        bool is_good = listen_fit(&heritage.conf, stderr, stderr);
        conf_remark_names(&heritage.conf, stderr);
        struct certs *certs[CONF_MAX_LISTENERS];
        const struct certs_all_wish wish = {.conf = &heritage.conf, .use = CERTS_ALL_CHECK};
        is_good &= certs_all_load(&wish, certs, stderr, stderr).is_good;
        if (!start_check(&heritage) || !is_good)
            return 1;
        start_check_as_user(&heritage, stderr);
        printf("%s: good\n", heritage.conf.path);
        certs_all_free(certs);
        heritage_free(&heritage);
        return 0;
    }
    if (arguments.is_daemon && (heritage.ready_fd = detach()) < 0) {
        perror("stayd: cannot detach");
        return 1;
    }
    if (!start_load_certs(&heritage) || !start_prepare(&heritage, &stored))
        return 1;
    close_standard(arguments.is_daemon);
    if (arguments.is_alone)
        role_first(roles, ROLE_WORKER, &heritage, 0);
    role_first(roles, ROLE_GUARD, &heritage, heritage.vault.head->guard);
}
