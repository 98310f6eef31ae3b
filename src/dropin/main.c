// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd-ssl-slave(8): stands in the place of PennMUSH's ssl_slave, which the game starts itself and
// tells its settings; writes stayd's configuration from them, starts stayd or finds it running, and
// makes its links to the game. The game knows the players on TLS by that: it looks whether the
// process that connects is the slave it has forked.
//
// It has no state: it may be killed at any instruction and players notice nothing. It ends when the
// game is dead (PR_SET_PDEATHSIG), because what an old slave connects is not TLS to a new game;
// stayd lives on and holds the players. PennMUSH starts a slave five times a minute and then never
// again, so the drop-in does not end because of an obstacle that may go away, but tries again.
//
// Errors: said in netmush.log; exit status 1 for settings that cannot be used at all.
#include "dropin/configuration.h"
#include "dropin/say.h"
#include "dropin/service.h"

#include "launch.h"
#include "place.h"
#include "renew.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_TIMEOUT_MS 10000
#define RETURN_MS 20 // to the next worker
#define SHORTEST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 10000

struct place {
    struct settings settings;
    char home[PATH_MAX];
    char folder[STAY_PATH_BYTES];
    char control[STAY_PATH_BYTES];
};

static void pause_ms(unsigned ms)
{
    poll(NULL, 0, (int)ms);
}

static _Noreturn void give_up(const char *why)
{
    say("%s", why);
    exit(1);
}

// From here on the game's death ends this process, whatever it is doing. (The game may have died
// before prctl(2) was called: then the parent is another process.)
static void prepare_process(void)
{
    pid_t game = getppid();
    sigset_t none;
    sigemptyset(&none);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    bool is_set = prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0 && close_range(3, ~0u, 0) == 0;
    if (getppid() != game)
        exit(0);
    if (!is_set)
        give_up("this system refuses prctl(2) or close_range(2); in a container, see its seccomp "
                "profile");
}

// PennMUSH writes all settings at once, so they come in one piece, and keeps the pipe open.
static void read_settings(struct place *place)
{
    char bytes[SETTINGS_BYTES * 2];
    char error[STAY_ERROR_BYTES];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    ssize_t n =
        poll(&in, 1, SETTINGS_TIMEOUT_MS) == 1 ? read(STDIN_FILENO, bytes, sizeof bytes) : 0;
    if (!settings_read(&place->settings, bytes, n > 0 ? (size_t)n : 0, error, sizeof error))
        give_up(error);
    if (!configuration_has_certificate(&place->settings))
        say("neither ssl_private_key_file nor ssl_certificate_file is there; players get a "
            "self-signed certificate");
}

static void find_place(struct place *place)
{
    char error[STAY_ERROR_BYTES];
    if (!getcwd(place->home, sizeof place->home))
        give_up(strerror(errno));
    if (!configuration_folder(&place->settings, place->home, place->folder, sizeof place->folder,
                              error, sizeof error) ||
        !stay_place_make(place->folder, error, sizeof error))
        give_up(error);
    stay_place_path(place->control, place->folder, STAY_CONTROL);
}

// The text of stayd.conf if the admin has made that file his own, else NULL.
static char *read_admins_file(const struct place *place)
{
    char path[STAY_PATH_BYTES];
    struct stat status;
    stay_place_path(path, place->folder, STAY_CONFIGURATION);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = fd >= 0 && fstat(fd, &status) == 0 ? (size_t)status.st_size : 0;
    char *text = size > 0 ? calloc(1, size + 1) : NULL;
    bool is_his = text && read(fd, text, size) == (ssize_t)size &&
                  strncmp(text, CONFIGURATION_MARK, strlen(CONFIGURATION_MARK)) != 0;
    if (fd >= 0)
        close(fd);
    if (is_his)
        return text;
    free(text);
    return NULL;
}

static const char *find_program(void)
{
    static const char *const places[] = {"./stayd", STAYD_PROGRAM};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return "stayd";
}

// Was the configuration changed since stayd has started? Its control socket is as old as itself.
static bool is_changed(const struct place *place)
{
    char path[STAY_PATH_BYTES];
    struct stat its, start;
    stay_place_path(path, place->folder, STAY_CONFIGURATION);
    return stat(path, &its) == 0 && stat(place->control, &start) == 0 &&
           (its.st_mtim.tv_sec > start.st_mtim.tv_sec ||
            (its.st_mtim.tv_sec == start.st_mtim.tv_sec &&
             its.st_mtim.tv_nsec > start.st_mtim.tv_nsec));
}

// The admin has changed his own file, which is not ours to write.
static void reload_admins(const struct place *place)
{
    char said[STAY_ERROR_BYTES], error[STAY_ERROR_BYTES];
    if (stay_renew(place->folder, NULL, said, sizeof said, error, sizeof error))
        say("stayd has read its configuration anew\n%s", said);
    else
        say("stayd goes on with the settings it had, because: %s", error);
}

static bool find_or_start(const struct place *place, const char *text, bool is_admins, char *error,
                          size_t error_size)
{
    char said[STAY_ERROR_BYTES];
    enum stay_start how;
    if (!stay_launch(place->folder, find_program(), text, &how, said, sizeof said, error,
                     error_size))
        return false;
    if (how == STAY_STARTED)
        say("stayd is started; its log is %s/" STAY_LOG "\n%s", place->folder, said);
    else
        say("stayd is running, process %d\n%s", (int)stay_place_guard(place->control), said);
    if (how == STAY_FOUND && is_admins && is_changed(place))
        reload_admins(place);
    return true;
}

// Is there a stayd now?
static bool launch(const struct place *place, char *error, size_t error_size)
{
    char *text = read_admins_file(place);
    bool is_admins = text;
    if (!text)
        text = configuration_write(&place->settings, place->home, place->folder, error, error_size);
    bool is_here = text && find_or_start(place, text, is_admins, error, error_size);
    free(text);
    return is_here;
}

// The connection to stayd ends with the worker, and the next worker is there within milliseconds.
// After any other failure it is tried again, too; the same reason is said only once.
static _Noreturn void work(const struct place *place)
{
    char error[STAY_ERROR_BYTES];
    unsigned ms = SHORTEST_PAUSE_MS;
    for (;;) {
        bool is_here = stay_place_has_stayd(place->control) || launch(place, error, sizeof error);
        if (is_here && service_run(place->control, CONFIGURATION_GAME, place->settings.socket_file,
                                   error, sizeof error)) {
            ms = SHORTEST_PAUSE_MS;
            pause_ms(RETURN_MS);
            continue;
        }
        if (ms > SHORTEST_PAUSE_MS) // the first failure may be a worker's end
            say("%s", error);
        pause_ms(ms);
        ms = ms * 2 < LONGEST_PAUSE_MS ? ms * 2 : LONGEST_PAUSE_MS;
    }
}

int main(void)
{
    static struct place place;
    char error[STAY_ERROR_BYTES];
    prepare_process();
    read_settings(&place);
    find_place(&place);
    if (!launch(&place, error, sizeof error))
        say("%s", error); // the reason may go away: a port in use, a file that is being renewed
    work(&place);
}
