// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See site.h.
#include "site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/pki.h"
#include "verdict.h"

const struct site_program site_good[2] = {{.name = "stayd-this", .version = "0.1.0"},
                                          {.name = "stayd-next", .version = "0.1.1"}};

// Names that do not begin with stayd- are made here.
const struct site_program site_broken[] = {
    {.name = "stayd-layout", .why = "knows vault layout 99"},
    {.name = "stayd-exits", .why = "on trial it ended with status 0 and said nothing"},
    {.name = "stayd-hangs", .why = "on trial it gave no answer"},
    {.name = "stayd-late", .why = "it was not ready in time", .is_late = true},
    {.name = "stayd-ends", .why = "its guard died before it was good", .is_late = true},
    {.name = "stayd-crashes", .why = "its worker or entry died 3 times", .is_late = true},
    {.name = "text", .why = "it cannot be run: Exec format error"},
    {.name = "missing", .why = "it cannot be run: No such file"},
    {.name = "forbidden", .why = "it cannot be run: Permission denied"},
    {.name = "library", .why = "error while loading shared libraries"},
    {.name = "another", .why = "option"},
};
const unsigned site_n_broken = sizeof site_broken / sizeof *site_broken;

// Held while a program is open for writing, and over each fork: a child has the descriptor until it
// execs, and the kernel runs no program that somebody could write to (ETXTBSY).
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

pid_t site_fork(void)
{
    pthread_mutex_lock(&writing);
    const pid_t pid = fork();
    pthread_mutex_unlock(&writing);
    return pid;
}

static bool fail(const char *what)
{
    verdict_give(VERDICT_SETUP, "%s: %s", what, strerror(errno));
    return false;
}

const char *site_path(const struct site *site, char path[SITE_PATH_BYTES], const char *name)
{
    snprintf(path, SITE_PATH_BYTES, "%s/%s", site->folder, name);
    return path;
}

// One that the kernel gives to nobody who connects (ip(7), ip_local_port_range).
static bool find_port(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned i = 0; i < 1000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint16_t draw;
        if (fd < 0 || getentropy(&draw, sizeof draw) != 0)
            break;
        *port = (uint16_t)(10000 + draw % 22768);
        at.sin_port = htons(*port);
        bool is_free = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (is_free)
            return true;
    }
    return fail("no free port");
}

// What was written beside it takes the place of name.
static bool put_in_place(const struct site *site, const char *name)
{
    char path[SITE_PATH_BYTES];
    char fresh[SITE_PATH_BYTES];
    return rename(site_path(site, fresh, "new"), site_path(site, path, name)) == 0 || fail(name);
}

static bool write_conf(const struct site *site)
{
    const struct options *options = site->options;
    const char *folder = site->folder;
    char path[SITE_PATH_BYTES];
    FILE *file = fopen(site_path(site, path, "new"), "we");
    if (file == NULL)
        return fail(path);
    fprintf(file,
            "[stayd]\ncontrol = %s/control.sock\nlog = %s/stayd.log\nlog-level = debug\n"
            "host-names = off\nmax-players = %u\nmax-handshakes = %u\n\n",
            folder, folder, options->n_players + 4 * options->n_visitors + 16,
            site->max_handshakes);
    if (site->has_extra) // first, so that places move
        fprintf(file,
                "[listen extra]\naddress = 127.0.0.2:%u\ncertificate = %s/certificate\n"
                "key = %s/key\ngame = g\n\n",
                site->ports.tls, folder, folder);
    fprintf(file,
            "[listen tls]\naddress = 127.0.0.1:%u\ncertificate = %s/certificate\nkey = %s/key\n"
            "game = g\n\n[listen plain]\naddress = 127.0.0.1:%u\ntls = no\ngame = g\n\n",
            site->ports.tls, folder, folder, site->ports.plain);
    if (site->has_other_game)
        fprintf(file, "[game other]\nconnect = unix:%s/other.sock\n\n", folder);
    fprintf(file,
            "[game g]\nconnect = unix:%s/game.sock\nheader = proxy-v2\non-shutdown = end\n"
            "reconnect-rate = 10000\nwait-text = off\naway-text = off\nback-text = off\n"
            "telnet = %s\n",
            folder, options->is_telnet ? "yes" : "no");
    return (fclose(file) == 0 || fail(path)) && put_in_place(site, "stayd.conf");
}

bool site_change(struct site *site, struct dice *dice)
{
    site->max_handshakes = 100 + (unsigned)dice_below(dice, 400);
    if (dice_one_in(dice, 2))
        site->has_extra = !site->has_extra;
    if (dice_one_in(dice, 2))
        site->has_other_game = !site->has_other_game;
    return write_conf(site);
}

bool site_renew(struct site *site)
{
    char path[SITE_PATH_BYTES];
    struct pki_pair pair = pki_make((struct pki_wish){
        .name = "storm.example", .names = "DNS:storm.example", .from_days = -1, .to_days = 90});
    site->serial = ASN1_INTEGER_get(X509_get0_serialNumber(pair.certificate));
    pki_write(site_path(site, path, "new"), (X509 *const[]){pair.certificate, NULL}, NULL);
    bool is_written = put_in_place(site, "certificate");
    pki_write(path, (X509 *const[]){NULL}, pair.key);
    is_written = put_in_place(site, "key") && is_written;
    pki_free(&pair);
    return is_written;
}

bool site_make(struct site *site, const struct options *options)
{
    *site = (struct site){.options = options, .max_handshakes = 256};
    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(site->folder, sizeof site->folder, "%.40s/stayd-storm-XXXXXX", base);
    if (mkdtemp(site->folder) == NULL)
        return fail(site->folder);
    return find_port(&site->ports.tls) && find_port(&site->ports.plain) && site_renew(site) &&
           write_conf(site);
}

static void spoil_library(char *bytes, size_t n)
{
    static const char name[] = "libcrypto.so.3";
    for (char *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), name, sizeof name)) != NULL;)
        at[sizeof name - 2] = '?';
}

static bool write_program(const char *path, const char *bytes, size_t n, mode_t mode)
{
    pthread_mutex_lock(&writing);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool is_written = fd >= 0 && write(fd, bytes, n) == (ssize_t)n && fchmod(fd, mode) == 0;
    const bool is_closed = fd >= 0 && close(fd) == 0;
    pthread_mutex_unlock(&writing);
    return (is_written && is_closed) || fail(path);
}

static bool copy(const struct site *site, const char *from, mode_t mode, bool is_spoilt)
{
    char to[SITE_PATH_BYTES];
    struct stat stat;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0 || fstat(in, &stat) != 0)
        return fail(from);
    const size_t n = (size_t)stat.st_size;
    char *bytes = malloc(n);
    bool is_done = bytes != NULL && read(in, bytes, n) == (ssize_t)n;
    if (is_done && is_spoilt)
        spoil_library(bytes, n);
    is_done = is_done ? write_program(site_path(site, to, "new"), bytes, n, mode) : fail(from);
    free(bytes);
    close(in);
    return is_done;
}

static bool write_text(const struct site *site)
{
    static const char text[] = "This is no program.\n";
    char path[SITE_PATH_BYTES];
    return write_program(site_path(site, path, "new"), text, sizeof text - 1, 0755);
}

// The path of a program that was built beside stayd.
static const char *built(const struct site *site, char path[SITE_PATH_BYTES], const char *name)
{
    const char *end = strrchr(site->options->stayd, '/');
    snprintf(path, SITE_PATH_BYTES, "%.*s%s",
             end != NULL ? (int)(end + 1 - site->options->stayd) : 0, site->options->stayd, name);
    return path;
}

bool site_put(const struct site *site, const struct site_program *program)
{
    const char *name = program->name;
    char path[SITE_PATH_BYTES];
    bool is_made;
    if (strcmp(name, "missing") == 0)
        return unlink(site_path(site, path, "stayd")) == 0 || fail(path);
    if (strcmp(name, "text") == 0)
        is_made = write_text(site);
    else if (strcmp(name, "another") == 0)
        is_made = copy(site, "/bin/ls", 0755, false);
    else if (strcmp(name, "forbidden") == 0)
        is_made = copy(site, built(site, path, site_good[1].name), 0644, false);
    else if (strcmp(name, "library") == 0)
        is_made = copy(site, built(site, path, site_good[1].name), 0755, true);
    else
        is_made = copy(site, built(site, path, name), 0755, false);
    return is_made && put_in_place(site, "stayd");
}

void site_remove(const struct site *site)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", site->folder);
    if (site->folder[0] != '\0' && system(command) != 0)
        printf("storm: %s could not be removed\n", site->folder);
}
