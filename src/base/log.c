// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Log lines: where they go, how they look, and how floods are cut; see log.h.
// syslog(3) is not used: it closes and reopens its descriptor when the daemon
// restarts, and in a descriptor table shared by several processes the others
// would go on writing to a number that may by then be a player's. Here the
// socket stays, and is only connected again.
//
// Errors: a line that cannot be written is lost.
#include "base/log.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum log_form {
    LOG_FORM_STAMPED,  // time, level, event
    LOG_FORM_JOURNAL,  // "<6>" event (sd-daemon(3)); the journal adds the time
    LOG_FORM_DATAGRAM, // "<30>stayd[pid]: " event, to /dev/log
};

struct log_flood {
    uint64_t since_ms;
    uint32_t n_lines;
    uint32_t n_suppressed;
};

#define LOG_SYSLOG_DAEMON 24 // LOG_DAEMON of syslog.h, whose other names clash with ours

static const struct {
    const char *word;
    enum log_level level;
} events[LOG_N_EVENTS] = {
#define X(name, event_word, event_level, meaning)                                                  \
    [LOG_##name] = {.word = (event_word), .level = LOG_LEVEL_##event_level},
#include "base/events.def"
#undef X
};

static const struct {
    const char *name;
    int priority; // syslog(3)
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static struct {
    int fd;
    char *path; // of a file; NULL: it is none
    enum log_form form;
    enum log_level level;
    uint32_t n_lost;
    bool is_flooded;      // some event has suppressed lines
    struct log_flood all; // beyond the least of each event; n_suppressed is not used
    struct log_flood flood[LOG_N_EVENTS];
} target = {.fd = STDERR_FILENO, .level = LOG_LEVEL_INFO};

// Is this descriptor the one that systemd says is the journal's (systemd.exec(5), JOURNAL_STREAM)?
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat facts;
    unsigned long long device, inode;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &facts) == 0 &&
           facts.st_dev == device && facts.st_ino == inode;
}

static int connect_syslog(int fd)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    return connect(fd, (const struct sockaddr *)&address, sizeof address);
}

static int open_syslog(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect_syslog(fd) != 0) {
        fd_close(fd);
        return -1;
    }
    return fd;
}

// Can the target be moved away and made anew? /dev/stdout and /dev/stderr cannot: they lead to what
// the process that started stayd has given it, as in a container.
static bool is_file_name(const char *name)
{
    return *name == '/' && strcmp(name, "/dev/stdout") != 0 && strcmp(name, "/dev/stderr") != 0;
}

void log_take(const char *name, enum log_level level, int fd)
{
    bool is_stderr = strcmp(name, "stderr") == 0;
    bool is_file = is_file_name(name);
    free(target.path);
    target.path = is_file ? strdup(name) : NULL;
    target.fd = fd;
    target.level = level;
    target.form = strcmp(name, "syslog") == 0   ? LOG_FORM_DATAGRAM
                  : is_stderr && is_journal(fd) ? LOG_FORM_JOURNAL
                                                : LOG_FORM_STAMPED;
}

static int open_file(const char *path, int more)
{
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    return open(path, flags | more, 0640);
}

int log_open(const char *name, enum log_level level)
{
    int fd = STDERR_FILENO;
    if (strcmp(name, "syslog") == 0)
        fd = open_syslog();
    else if (strcmp(name, "stderr") != 0)
        fd = open_file(name, O_CREAT);
    if (fd < 0)
        return -1;
    log_take(name, level, fd);
    return fd;
}

// No second name of another file: that could be a trap of the user whom root writes it for.
static bool is_own_file(int fd)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && (!S_ISREG(status.st_mode) || status.st_nlink == 1))
        return true;
    errno = EMLINK;
    return false;
}

int log_open_for(const char *name, enum log_level level, uid_t uid, gid_t gid)
{
    if (!is_file_name(name))
        return log_open(name, level);
    int fd = open_file(name, O_CREAT | O_EXCL);
    bool is_good = fd >= 0 && fchown(fd, uid, gid) == 0;
    if (fd < 0 && errno == EEXIST) {
        fd = open_file(name, O_NOFOLLOW);
        is_good = fd >= 0 && is_own_file(fd);
    }
    if (is_good) {
        log_take(name, level, fd);
        return fd;
    }
    fd_close(fd);
    return -1;
}

bool log_can_open(const char *name, bool is_for_other)
{
    if (strcmp(name, "stderr") == 0)
        return true;
    bool is_others = is_for_other && is_file_name(name);
    int fd = *name == '/' ? open_file(name, is_others ? O_NOFOLLOW : 0) : open_syslog();
    bool is_good = fd >= 0 && (!is_others || is_own_file(fd));
    fd_close(fd);
    return is_good;
}

static bool is_same_file(int a, int b)
{
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

const char *log_path(void)
{
    return target.path;
}

int log_reopen(bool *is_new)
{
    *is_new = false;
    if (!target.path)
        return 0;
    int fd = open_file(target.path, O_CREAT);
    if (fd < 0)
        return errno;
    int error = 0;
    *is_new = !is_same_file(fd, target.fd);
    if (*is_new && dup3(fd, target.fd, O_CLOEXEC) < 0) {
        error = errno;
        *is_new = false;
    }
    close(fd);
    return error;
}

void log_set_level(enum log_level level)
{
    target.level = level;
}

bool log_wants(enum log_level level)
{
    return level <= target.level;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

static bool write_line(const char *line, size_t n_line)
{
    if (target.form == LOG_FORM_DATAGRAM) {
        if (send(target.fd, line, n_line, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return true;
        if (errno == EAGAIN || connect_syslog(target.fd) != 0)
            return false;
        return send(target.fd, line, n_line, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    }
    // stderr is not ours to make non-blocking: others may share it.
    struct pollfd ready = {.fd = target.fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return false;
    ssize_t n_written;
    do
        n_written = write(target.fd, line, n_line);
    while (n_written < 0 && errno == EINTR);
    return n_written >= 0;
}

// "2026-11-23T22:14:59.123Z info " and the like.
static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    if (target.form == LOG_FORM_JOURNAL)
        return (size_t)snprintf(line, size, "<%d>", levels[level].priority);
    if (target.form == LOG_FORM_DATAGRAM)
        return (size_t)snprintf(line, size,
                                "<%d>stayd[%d]: ", LOG_SYSLOG_DAEMON | levels[level].priority,
                                (int)getpid());
    uint64_t now_ms = clock_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm tm;
    gmtime_r(&now_s, &tm);
    size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return n + (size_t)snprintf(line + n, size - n, ".%03uZ %s ", (unsigned)(now_ms % 1000),
                                levels[level].name);
}

__attribute__((format(printf, 3, 0))) static void write_event(enum log_event event, uint32_t n_lost,
                                                              const char *fmt, va_list arguments)
{
    char line[LOG_LINE_BYTES];
    const size_t room = sizeof line - 1; // for the newline
    size_t n = write_prefix(line, room, events[event].level);
    n += (size_t)snprintf(line + n, room - n, "%s", events[event].word);
    if (n_lost)
        n += (size_t)snprintf(line + n, room - n, " lost=%u", n_lost);
    if (*fmt) {
        line[n++] = ' ';
        int n_text = vsnprintf(line + n, room - n, fmt, arguments);
        n = n_text < 0 ? n : n + (size_t)n_text;
        if (n >= room) {
            n = room - 1;
            memcpy(line + n - 3, "...", 3);
        }
    }
    log_clean(line, n); // one event is one line, whatever was in the values
    line[n++] = '\n';
    // A datagram needs no newline to end.
    if (write_line(line, target.form == LOG_FORM_DATAGRAM ? n - 1 : n))
        target.n_lost -= n_lost;
    else
        target.n_lost++;
}

__attribute__((format(printf, 2, 3))) static void say(enum log_event event, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    write_event(event, target.n_lost, fmt, arguments);
    va_end(arguments);
}

static void say_floods(uint64_t now_ms)
{
    if (!target.is_flooded)
        return;
    target.is_flooded = false;
    for (int event = 0; event < LOG_N_EVENTS; event++) {
        struct log_flood *flood = &target.flood[event];
        if (!flood->n_suppressed)
            continue;
        if (now_ms - flood->since_ms < 1000) {
            target.is_flooded = true;
            continue;
        }
        say((enum log_event)event, "suppressed=%u", flood->n_suppressed);
        *flood = (struct log_flood){.since_ms = now_ms, .n_lines = 1};
    }
}

void log_tick(void)
{
    say_floods(clock_boot_ms());
}

static void begin_second(struct log_flood *flood, uint64_t now_ms)
{
    if (now_ms - flood->since_ms >= 1000)
        *flood = (struct log_flood){.since_ms = now_ms};
}

// Take one of the lines that are for all events. Debug's are there to be many.
static bool take_of_all(enum log_event event, uint64_t now_ms)
{
    if (events[event].level == LOG_LEVEL_DEBUG)
        return true;
    begin_second(&target.all, now_ms);
    if (target.all.n_lines == LOG_BURST_ALL)
        return false;
    target.all.n_lines++;
    return true;
}

static bool is_flood(enum log_event event, uint64_t now_ms)
{
    struct log_flood *flood = &target.flood[event];
    begin_second(flood, now_ms);
    if (flood->n_lines < LOG_BURST_LEAST ||
        (flood->n_lines < LOG_BURST && take_of_all(event, now_ms))) {
        flood->n_lines++;
        return false;
    }
    flood->n_suppressed++;
    target.is_flooded = true;
    return true;
}

void log_event(enum log_event event, const char *fmt, ...)
{
    if (!log_wants(events[event].level))
        return;
    int reason = errno; // callers may still want errno
    uint64_t now_ms = clock_boot_ms();
    say_floods(now_ms);
    if (!is_flood(event, now_ms)) {
        va_list arguments;
        va_start(arguments, fmt);
        write_event(event, target.n_lost, fmt, arguments);
        va_end(arguments);
    }
    errno = reason;
}
