// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See stage.h.
#include "stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "verdict.h"

#define STAGE_ACCEPT_US 60000000u
#define STAGE_REBOOT_US 60000000u
#define STAGE_LOG_TAIL_BYTES 8000

static bool fail(const char *what)
{
    verdict_give(VERDICT_SETUP, "%s: %s", what, strerror(errno));
    return false;
}

static bool make_ledger(struct stage *stage)
{
    stage->ledger_fd = memfd_create("storm ledger", 0); // the game inherits it
    if (stage->ledger_fd < 0 || ftruncate(stage->ledger_fd, sizeof(struct ledger)) != 0)
        return fail("memfd");
    stage->ledger =
        mmap(NULL, sizeof *stage->ledger, PROT_READ | PROT_WRITE, MAP_SHARED, stage->ledger_fd, 0);
    if (stage->ledger == MAP_FAILED)
        return fail("mmap");
    stage->ledger->seed = stage->options->seed;
    stage->ledger->pause_ms = stage->options->talk_pause_ms;
    return true;
}

static bool find_port(struct stage *stage)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &bytes) != 0)
        return fail("no free port");
    close(fd);
    stage->port = ntohs(at.sin_port);
    return true;
}

static bool write_conf(const struct stage *stage)
{
    char path[128];
    snprintf(path, sizeof path, "%s/stayd.conf", stage->folder);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return fail(path);
    fprintf(file,
            "[stayd]\ncontrol = %s/control.sock\nlog = %s/stayd.log\nlog-level = debug\n"
            "host-names = off\nmax-players = %u\n\n"
            "[listen tls]\naddress = 127.0.0.1:%u\ntls = yes\ngame = g\n\n"
            "[game g]\nconnect = unix:%s/game.sock\nheader = proxy-v2\n"
            "on-shutdown = end\ntelnet = %s\n",
            stage->folder, stage->folder,
            stage->options->n_players + 4 * stage->options->n_visitors + 16, stage->port,
            stage->folder, stage->options->is_telnet ? "yes" : "no");
    return fclose(file) == 0 || fail(path);
}

bool stage_make(struct stage *stage, const struct options *options)
{
    *stage = (struct stage){.options = options, .guard_status = -1};
    stage->dice.state = dice_mix(options->seed ^ 0x7374616765);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !family_can_be_read())
        return fail("this kernel has no subreaper or no list of children");
    const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(stage->folder, sizeof stage->folder, "%.40s/stayd-storm-XXXXXX", base);
    if (mkdtemp(stage->folder) == NULL)
        return fail(stage->folder);
    return make_ledger(stage) && find_port(stage) && write_conf(stage);
}

static int listen_for_stayd(const struct stage *stage)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/game.sock", stage->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 512) != 0) {
        fail("the game's socket");
        return -1;
    }
    return fd;
}

// In the child: stderr into a file of the folder.
static void redirect(const struct stage *stage, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", stage->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
}

bool stage_start_game(struct stage *stage)
{
    int listener = listen_for_stayd(stage);
    if (listener < 0)
        return false;
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "_game");
    if (n <= 0)
        return fail("readlink");
    strcpy(path + n, "_game"); // storm_game stands beside storm
    char ledger_text[16];
    char listener_text[16];
    snprintf(ledger_text, sizeof ledger_text, "%d", stage->ledger_fd);
    snprintf(listener_text, sizeof listener_text, "%d", listener);
    stage->game = fork();
    if (stage->game < 0)
        return fail("fork");
    if (stage->game == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        redirect(stage, "game.err");
        execl(path, "storm_game", ledger_text, listener_text, (char *)NULL);
        _exit(127);
    }
    close(listener);
    fcntl(stage->ledger_fd, F_SETFD, FD_CLOEXEC); // nothing of stayd's
    return true;
}

static bool can_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_there = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    close(fd);
    return is_there;
}

bool stage_start_stayd(struct stage *stage)
{
    char conf[128];
    snprintf(conf, sizeof conf, "%s/stayd.conf", stage->folder);
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return fail("fork");
    if (pid == 0) {
        redirect(stage, "stayd.err");
        execl(stage->options->stayd, "stayd", "-c", conf, (char *)NULL);
        _exit(127);
    }
    const uint64_t until = now_us() + STAGE_ACCEPT_US;
    while (!can_connect(stage->port)) {
        struct timespec moment = {.tv_nsec = 20000000};
        nanosleep(&moment, NULL);
        errno = ETIMEDOUT;
        if (now_us() > until || waitpid(pid, NULL, WNOHANG) == pid)
            return fail("stayd does not accept players");
    }
    return true;
}

static void judge(struct stage *stage, pid_t pid, int status)
{
    if (pid == stage->game) {
        stage->game = 0;
        verdict_give(VERDICT_SETUP, "the game has ended, wait status 0x%x", (unsigned)status);
        return;
    }
    if (pid == stage->last_guard) {
        stage->guard_status = status;
        return;
    }
    // Exit code 0: it stepped aside because another had taken its place meanwhile.
    const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const bool stepped_aside = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!was_killed && !stepped_aside)
        verdict_give(VERDICT_HANG, "process %d of stayd has ended by itself, wait status 0x%x",
                     (int)pid, (unsigned)status);
}

void stage_reap(struct stage *stage)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        judge(stage, pid, status);
    if (atomic_load(&stage->ledger->damaged))
        verdict_give(VERDICT_DAMAGE, "%s", stage->ledger->damage_text);
}

void stage_reboot_game(struct stage *stage, uint64_t now)
{
    const uint64_t mean_us = (uint64_t)stage->options->reboot_every_ms * 1000;
    if (atomic_load(&stage->ledger->is_rebooting)) {
        if (now - stage->reboot_since_us > STAGE_REBOOT_US)
            verdict_give(VERDICT_SETUP, "the game does not come back from its reboot");
        return;
    }
    if (mean_us == 0 || now < stage->reboot_at_us || stage->game == 0)
        return;
    stage->reboot_at_us = now + mean_us / 2 + dice_below(&stage->dice, mean_us);
    stage->reboot_since_us = now;
    atomic_store(&stage->ledger->is_rebooting, 1);
    kill(stage->game, SIGHUP);
}

void stage_end_stayd(struct stage *stage)
{
    struct family family;
    family_read(&family);
    stage->last_guard = family_find(&family, FAMILY_GUARD);
    if (stage->last_guard == 0)
        verdict_give(VERDICT_HANG, "there is no guard to be ended");
    else
        kill(stage->last_guard, SIGTERM);
}

bool stage_is_empty(const struct stage *stage)
{
    struct family family;
    family_read(&family);
    return family.n == 0 && stage->guard_status != -1;
}

static void print_tail(const struct stage *stage, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", stage->folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    if (size > 0)
        printf("--- the end of %s\n", path);
    fseek(file, size > STAGE_LOG_TAIL_BYTES ? size - STAGE_LOG_TAIL_BYTES : 0, SEEK_SET);
    char line[1000];
    while (fgets(line, sizeof line, file) != NULL)
        fputs(line, stdout);
    fclose(file);
}

void stage_print_log(const struct stage *stage)
{
    print_tail(stage, "game.err");
    print_tail(stage, "stayd.err");
    print_tail(stage, "stayd.log");
    fflush(stdout);
}

static bool is_complaint(const char *line)
{
    static const char *const events[] = {" panic ", " quarantine ", " poison ", " system "};
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++)
        if (strstr(line, events[i]) != NULL)
            return true;
    return (strstr(line, "how=\"signal ") != NULL && strstr(line, "how=\"signal 9 ") == NULL) ||
           (strstr(line, "how=\"exit ") != NULL && strstr(line, "how=\"exit 0\"") == NULL);
}

bool stage_find_complaint(const struct stage *stage, char *line, int line_size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/stayd.log", stage->folder);
    FILE *file = fopen(path, "re");
    bool is_found = false;
    while (file != NULL && !is_found && fgets(line, line_size, file) != NULL)
        is_found = is_complaint(line);
    if (file != NULL)
        fclose(file);
    return is_found;
}

unsigned stage_count_settled(const struct stage *stage)
{
    char path[128];
    char line[500];
    unsigned n = 0;
    snprintf(path, sizeof path, "%s/stayd.log", stage->folder);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        n += strstr(line, " settled=yes") != NULL;
    if (file != NULL)
        fclose(file);
    return n;
}

static void remove_folder(const struct stage *stage)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", stage->folder);
    if (stage->folder[0] != '\0' && system(command) != 0)
        printf("storm: %s could not be removed\n", stage->folder);
}

void stage_clear(struct stage *stage, bool keeps_folder)
{
    struct family family;
    for (int i = 0; i < 1000; i++) { // they raise each other: again until nobody is left
        family_read(&family);
        for (unsigned j = 0; j < family.n; j++)
            kill(family.pid[j], SIGKILL);
        if (family.n == 0)
            break;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    if (stage->game > 0)
        kill(stage->game, SIGKILL);
    if (keeps_folder)
        printf("storm: configuration and log are in %s\n", stage->folder);
    else
        remove_folder(stage);
}
