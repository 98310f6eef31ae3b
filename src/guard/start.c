// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Start (start.h). Errors: said on stderr, in words, and false.
#include "guard/start.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/obstacle.h"
#include "base/text.h"
#include "entry/certs.h"
#include "entry/certs_all.h"
#include "entry/tickets.h"
#include "entry/wallet.h"
#include "guard/control_socket.h"
#include "guard/limits.h"
#include "guard/lock.h"
#include "guard/reload/listen.h"
#include "guard/reload/watch.h"
#include "guard/store/manager.h"
#include "vault/view.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT_USER "stayd" // who a unit runs it as (tools/systemd)

static bool complain(const char *what, const char *detail)
{
    fprintf(stderr, "stayd: %s: %s: %s\n", what, detail, strerror(errno));
    return false;
}

// The same of a file, with what is in the way.
static bool complain_path(const char *what, const char *path)
{
    int error = errno;
    char fix[OBSTACLE_BYTES];
    obstacle_explain(fix, path, error);
    fprintf(stderr, "stayd: %s: %s: %s%s%s\n", what, path, strerror(error), *fix ? "; " : "", fix);
    return false;
}

static bool take_lock(struct heritage *heritage, const struct stored *stored)
{
    bool is_stored =
        stored->is_there && strcmp(stored->before.conf.control, heritage->conf.control) == 0;
    heritage->lock_fd = is_stored ? stored->before.lock_fd : lock_take(&heritage->conf);
    return heritage->lock_fd >= 0;
}

// Who the log's file is for, if that is not who opens it; else NULL.
static const struct passwd *find_heir(const struct conf *conf)
{
    const struct passwd *user = conf->user ? getpwnam(conf->user) : NULL;
    return user && geteuid() != user->pw_uid ? user : NULL;
}

static bool complain_log(const struct conf *conf)
{
    if (errno != ELOOP && errno != EMLINK)
        return complain_path("cannot open the log", conf->log);
    fprintf(stderr,
            "stayd: log = %s: this is a link, which root does not follow for user %s; name the "
            "file itself\n",
            conf->log, conf->user ? conf->user : "-");
    return false;
}

static bool open_log(const struct heritage *heritage, int *fd)
{
    const struct conf *conf = &heritage->conf;
    const struct passwd *heir = find_heir(conf);
    enum log_level level = (enum log_level)conf->log_level;
    if (heritage->ready_fd >= 0 && strcmp(conf->log, "stderr") == 0) {
        fprintf(stderr, "stayd: with --daemon, `log` must be syslog or a file's path\n");
        return false;
    }
    *fd = heir ? log_open_for(conf->log, level, heir->pw_uid, heir->pw_gid)
               : log_open(conf->log, level);
    return *fd >= 0 || complain_log(conf);
}

// Found out before anything fails that others would be blamed for.
static bool may_become(const char *name)
{
    const struct passwd *user = name ? getpwnam(name) : NULL;
    uid_t before = geteuid();
    if (!user || user->pw_uid == before || before == 0)
        return true;
    if (seteuid(user->pw_uid) == 0 && seteuid(before) == 0)
        return true;
    fprintf(stderr,
            "stayd: user = %s: only root can become another user; start stayd as root, or leave "
            "`user` out\n",
            name);
    return false;
}

static bool become_user(const char *name)
{
    if (!name)
        return true;
    const struct passwd *user = getpwnam(name);
    if (!user) {
        fprintf(stderr, "stayd: user = %s: there is no such user\n", name);
        return false;
    }
    if (geteuid() == user->pw_uid)
        return true;
    if (initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
        return complain("cannot become user", name);
    return true;
}

static void tell_unreadable_pair(const char *certificate, const char *key, const char *who,
                                 const char *so, FILE *out)
{
    if (access(key, R_OK) != 0 || access(certificate, R_OK) != 0)
        fprintf(out, "%s: %s cannot read certificate or key (%s), %s\n", key, who, strerror(errno),
                so);
}

// What this user cannot read, a line each: who that is, and what comes of it.
static void tell_unreadable(const struct heritage *heritage, const char *who, const char *so,
                            FILE *out)
{
    char *own = certs_own_path(&heritage->conf);
    bool is_own_there = own && (access(own, F_OK) == 0 || errno != ENOENT);
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++) {
        const struct conf_listener *listener = &heritage->conf.listener[i];
        if (is_own_there && listener->is_tls && listener->n_certificates == 0)
            tell_unreadable_pair(own, own, who, so, out);
        for (unsigned j = 0; j < listener->n_certificates; j++)
            tell_unreadable_pair(listener->certificate[j],
                                 listener->key[j] ? listener->key[j] : listener->certificate[j],
                                 who, so, out);
        if (listener->client_ca && access(listener->client_ca, R_OK) != 0)
            fprintf(out, "%s: %s cannot read client-ca (%s), %s\n", listener->client_ca, who,
                    strerror(errno), so);
    }
    free(own);
}

// What cannot be read or opened cannot be so anew either.
static void tell_unrenewable(const struct heritage *heritage, FILE *out)
{
    const struct conf *conf = &heritage->conf;
    const char *const files[] = {heritage->conf_path, conf->allow.file, conf->deny.file,
                                 conf->exempt.file};
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i] && access(files[i], R_OK) != 0)
            fprintf(out, "%s: stayd's user cannot read this file (%s), so it cannot be reloaded\n",
                    files[i], strerror(errno));
    tell_unreadable(heritage, "stayd's user",
                    "so they cannot be renewed without a restart; see certbot-deploy-hook", out);
    if (*heritage->conf.log == '/' && access(heritage->conf.log, W_OK) != 0 && errno != ENOENT)
        fprintf(out,
                "%s: stayd's user cannot open the log (%s), so a new file is not taken after a "
                "rotation\n",
                heritage->conf.log, strerror(errno));
}

// Log what was collected.
static void log_remarks(struct text *text)
{
    char *lines = text_end(text);
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            log_event(LOG_RELOAD_REMARK, "what=\"%s\"", line);
    free(lines);
}

static void remark_unrenewable(const struct heritage *heritage)
{
    struct text text;
    if (!text_begin(&text))
        return;
    tell_unrenewable(heritage, text.out);
    log_remarks(&text);
}

static bool fit_listeners(struct heritage *heritage)
{
    struct text text;
    if (!text_begin(&text))
        return complain("memory", "remarks");
    bool is_good = listen_fit(&heritage->conf, stderr, text.out);
    conf_remark_names(&heritage->conf, text.out);
    log_remarks(&text);
    return is_good;
}

void start_check_as_user(const struct heritage *heritage, FILE *remarks)
{
    const char *named = heritage->conf.user;
    const char *name = named ? named : UNIT_USER;
    const struct passwd *user = getpwnam(name);
    if (geteuid() != 0 || !user || user->pw_uid == 0 || !become_user(name))
        return;
    if (named)
        tell_unrenewable(heritage, remarks);
    else
        tell_unreadable(heritage, "user " UNIT_USER ", as whom stayd.service runs it,",
                        "so it would not start there; see certbot-deploy-hook", remarks);
}

static bool open_control(struct heritage *heritage, const struct stored *stored)
{
    if (heritage->lock_fd != stored->before.lock_fd)
        return control_socket_open(heritage);
    heritage->control_fd = stored->before.control_fd;
    control_socket_set_mode(&heritage->conf);
    return true;
}

// All that outlives a worker's sweep.
static void claim_fds(struct heritage *heritage, int log_fd)
{
    struct vault *vault = &heritage->vault;
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        heritage_claim(vault, i, -1);
    for (int fd = 0; fd <= 2; fd++)
        heritage_claim(vault, HERITAGE_STDIN + (unsigned)fd, fd);
    heritage_claim(vault, HERITAGE_LOG, log_fd);
    heritage_claim(vault, HERITAGE_LOCK, heritage->lock_fd);
    heritage_claim(vault, HERITAGE_VAULT, vault->fd);
    heritage_claim(vault, HERITAGE_CONTROL, heritage->control_fd);
    heritage_claim(vault, HERITAGE_READY, heritage->ready_fd);
    heritage_claim(vault, HERITAGE_OWN_PROGRAM, heritage->program_fd);
    heritage_claim(vault, HERITAGE_WALLET, heritage->wallet_fd);
    if (manager_has_store())
        heritage_claim(vault, HERITAGE_CLAIMS, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    listen_claim(heritage);
}

// The vault: the stored one, or a new one.
static bool have_vault(struct heritage *heritage, const struct stored *stored, uint32_t n_seats)
{
    heritage->started_ms = stored->is_there ? stored->before.started_ms : clock_boot_ms();
    if (!stored->is_there && vault_make(&heritage->vault, n_seats) < 0)
        return complain("cannot make the vault",
                        errno == EFBIG ? "memory (see ulimit -f)" : "memory");
    // Those of before have ended, if there were any.
    memset(heritage->vault.head->entries, 0, sizeof heritage->vault.head->entries);
    if (!stored->is_there)
        return true;
    uint32_t stored_seats = heritage->vault.head->n_seats;
    if (stored_seats != n_seats)
        log_event(LOG_RELOAD_REMARK,
                  "what=\"%s: max-players stays at %u as long as these players' connections are "
                  "kept; to change it, stop stayd and start it again\"",
                  heritage->conf.path, stored_seats);
    heritage_begin(heritage);
    return true;
}

bool start_show_view(struct heritage *heritage)
{
    struct vault_view *view = &heritage->vault.head->view;
    int fd = view_make(&heritage->view);
    heritage_claim(&heritage->vault, HERITAGE_VIEW, fd);
    if (fd < 0)
        return false;
    tickets_tick(view, clock_boot_ms() / 1000);
    view_copy(heritage->view, view);
    return true;
}

// In a process of its own.
static _Noreturn void load_certs(const struct heritage *heritage, int out)
{
    struct certs *certs[CONF_MAX_LISTENERS];
    struct text words;
    struct text remarks;
    if (!text_begin(&words) || !text_begin(&remarks))
        _exit(1);
    const struct certs_all_wish wish = {.conf = &heritage->conf, .use = CERTS_ALL_START};
    bool is_good = certs_all_load(&wish, certs, words.out, remarks.out).is_good;
    char *wrong = text_end(&words);
    char *noted = text_end(&remarks);
    fprintf(stderr, "%s%s", wrong, noted);
    if (!wallet_write(heritage->wallet_fd, &heritage->conf, certs))
        is_good = complain("cannot keep the certificates", "memory");
    dprintf(out, "%s", wrong);
    _exit(!is_good);
}

bool start_load_certs(struct heritage *heritage)
{
    int ends[2];
    int status = 1;
    size_t n = 0;
    ssize_t got;
    char lost[256];
    heritage->stamp = watch_stamp(&heritage->conf);
    heritage->wallet_fd = memfd_make("stayd-wallet");
    if (heritage->wallet_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return complain("cannot load certificates", "memory");
    pid_t pid = fork();
    if (pid == 0)
        load_certs(heritage, ends[1]);
    close(ends[1]);
    const size_t room = sizeof heritage->remarks - 1;
    while (n < room && (got = read(ends[0], heritage->remarks + n, room - n)) > 0)
        n += (size_t)got;
    while (n == room && read(ends[0], lost, sizeof lost) > 0)
        ;
    heritage->remarks[n] = '\0';
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return complain("cannot load certificates", "fork");
    if (WIFSIGNALED(status))
        fprintf(stderr,
                "stayd: loading certificates crashed (signal %d); please report that, with "
                "the files\n",
                WTERMSIG(status));
    return status == 0;
}

bool start_prepare(struct heritage *heritage, const struct stored *stored)
{
    uint32_t n_seats = 0;
    int log_fd = -1;
    heritage->program_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (heritage->program_fd < 0)
        return complain("cannot open the program that runs", "/proc/self/exe");
    if (!may_become(heritage->conf.user) || !limits_fit_players(&heritage->conf, &n_seats) ||
        !take_lock(heritage, stored) || !open_log(heritage, &log_fd))
        return false;
    log_event(LOG_START, "version=%s conf=%s max_players=%u", STAYD_VERSION, heritage->conf.path,
              n_seats);
    if (strcmp(heritage->conf.log, "stderr") != 0)
        certs_all_log(heritage->remarks);
    heritage->remarks[0] = '\0';
    if (!fit_listeners(heritage) || !listen_open(heritage, &stored->before, stderr) ||
        !open_control(heritage, stored) || !have_vault(heritage, stored, n_seats))
        return false;
    limits_fit_handshakes(&heritage->conf, stderr);
    claim_fds(heritage, log_fd);
    if (!start_show_view(heritage))
        return complain("cannot make what entries are shown", "memory");
    if (!record_init()) {
        fprintf(stderr, "stayd: this OpenSSL lacks AES-GCM or ChaCha20-Poly1305\n");
        return false;
    }
    bool is_as_loaded = heritage->stamp == watch_stamp(&heritage->conf);
    if (!become_user(heritage->conf.user))
        return false;
    // Seen by another user files may differ, though nothing has changed.
    if (is_as_loaded)
        heritage->stamp = watch_stamp(&heritage->conf);
    // Not as root: it looks at bytes that players have sent.
    if (stored->is_there && !restore_slots(heritage, stored))
        return false;
    remark_unrenewable(heritage);
    harden();
    return true;
}

// Could open_log open it, which need not be there yet?
static bool may_log(const struct conf *conf)
{
    char folder[PATH_MAX];
    bool is_file = *conf->log == '/';
    if (log_can_open(conf->log, find_heir(conf) != NULL))
        return true;
    snprintf(folder, sizeof folder, "%s", conf->log);
    return (is_file && errno == ENOENT && access(dirname(folder), W_OK | X_OK) == 0) ||
           complain_log(conf);
}

bool start_check(const struct heritage *heritage)
{
    const struct conf *conf = &heritage->conf;
    uint32_t n_seats;
    bool is_good = limits_fit_players(conf, &n_seats);
    is_good &= may_log(conf);
    is_good &= lock_check(conf);
    is_good &= control_socket_can_open(conf);
    is_good &= listen_check(conf, lock_is_held(conf), stderr);
    is_good &= may_become(conf->user);
    if (record_init())
        return is_good;
    fprintf(stderr, "stayd: this OpenSSL lacks AES-GCM or ChaCha20-Poly1305\n");
    return false;
}
