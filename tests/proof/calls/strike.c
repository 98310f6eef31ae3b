// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Traces all processes of a running stayd, lists their system calls, and lets one of these calls be the last one of its
// process, or fail.
//
//     strike PROCESSOR PID...
//
// Everybody is kept on that processor: a stop costs a quarter of what it costs between two. Lines on standard input,
// answers on standard output:
//
//     record                     -> ok             list calls from now on
//     calls                      -> CALL TIMES BEFORE AFTER, a line each, and a dot
//         BEFORE, AFTER: 1 if the vault changed between this call and the next one, between the last one and this call
//     strike CALL HOW [NUMBER]   -> ok             the next time that this call is made:
//         before, after              its process is killed before or after it
//         fail ERROR                 it is not made, and fails
//         cut ERROR                  it fails, and the connection or the process that it is about is gone
//         lie ERROR                  it is made, and fails all the same (as a close does)
//         step N                     afterwards, its process is killed as soon as the vault has changed N times
//     result                     -> struck PID | missed | short N (of step: only so many changes)
//         | last: it was not killed, because guard, spare and worker would all have been dead then
//     who                        -> ROLE PID ... .
//
// CALL is ROLE SYSCALL FRAME FRAME FRAME SOCKET (tracee.h), all but ROLE as numbers.
#include "tracee.h"

#include <asm/unistd.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CALLS 8192
#define TITLE "stayd: "
#define MANAGER "systemd" // whose processes have the names of the programs that they execute
#define EVENT(status) ((status) >> 16)

static struct entry {
    struct call call;
    unsigned times;
    bool is_before_change; // the vault changes between it and its process' next one
    bool is_after_change;  // ... between the one before and it
} calls[MOST_CALLS];
static unsigned n_calls;
static bool is_recording;

static enum how { HOW_NOT, HOW_BEFORE, HOW_AFTER, HOW_FAIL, HOW_CUT, HOW_LIE, HOW_STEP } how;
static struct call wanted;
static unsigned how_number;
static pid_t struck;
static int n_short = -1;
static bool was_last; // it was not struck, because nobody would have been left

// ---- Listing ----

static struct entry *find_entry(const struct call *call)
{
    unsigned i = 0;
    while (i < n_calls && !call_is(&calls[i].call, call))
        i++;
    if (i == n_calls && n_calls < MOST_CALLS)
        calls[n_calls++] = (struct entry){.call = *call};
    return i < MOST_CALLS ? &calls[i] : NULL;
}

// The interval that began with the process' last call ends. Has the vault changed in it?
static bool end_interval(struct tracee *tracee)
{
    bool has_changed = is_recording && tracee->is_watched && watch_look(tracee->watch);
    struct entry *entry = has_changed ? find_entry(&tracee->last) : NULL;
    if (entry)
        entry->is_before_change = true;
    tracee->is_watched = false;
    return has_changed;
}

static void begin_interval(struct tracee *tracee)
{
    if (!tracee->watch)
        tracee->watch = watch_make();
    if (is_recording && tracee->watch) {
        watch_note(tracee->watch);
        tracee->is_watched = true;
    }
}

static void count(const struct tracee *tracee, bool is_after_change)
{
    struct entry *entry = is_recording ? find_entry(&tracee->last) : NULL;
    if (!entry)
        return;
    entry->times++;
    entry->is_after_change |= is_after_change;
}

// ---- Striking ----

// Of those who have the players' descriptors nobody else lives: after this one's death nothing is left.
static bool is_last(const struct tracee *tracee)
{
    static const char *const keepers[] = {"guard", "guard!", "spare", "worker"};
    const struct tracee *other;
    for (unsigned i = 0; (other = tracee_at(i)); i++)
        for (unsigned k = 0; k < sizeof keepers / sizeof *keepers; k++)
            if (other != tracee && strcmp(other->last.role, keepers[k]) == 0)
                return false;
    return true;
}

static bool is_wanted(const struct tracee *tracee)
{
    bool is_due = how != HOW_NOT && !struck && n_short < 0 && call_is(&tracee->last, &wanted);
    bool is_kill = how == HOW_BEFORE || how == HOW_AFTER || how == HOW_STEP;
    if (!is_due || !is_kill || !is_last(tracee))
        return is_due;
    was_last = true;
    return false;
}

// Its process has come to the call that is wanted.
static void strike(struct tracee *tracee, uint64_t argument)
{
    static const enum due dues[] = {[HOW_AFTER] = DUE_DEATH,
                                    [HOW_FAIL] = DUE_FAILURE,
                                    [HOW_CUT] = DUE_FAILURE,
                                    [HOW_LIE] = DUE_FAILURE,
                                    [HOW_STEP] = DUE_STEPS};
    struck = tracee->pid;
    if (how == HOW_CUT)
        tracee_cut(tracee, argument);
    if (how == HOW_BEFORE || how == HOW_FAIL || how == HOW_CUT) {
        // brk(2) fails by a value, which is what it says of an address that cannot be.
        if (tracee->last.number == __NR_brk && how == HOW_FAIL) {
            ptrace(PTRACE_POKEUSER, tracee->pid, offsetof(struct user_regs_struct, rdi), 0L);
            return;
        }
        tracee_skip_call(tracee);
    }
    if (how == HOW_BEFORE)
        tracee_kill(tracee);
    else
        tracee->due = dues[how];
}

static void finish(struct tracee *tracee)
{
    enum due due = tracee->due;
    tracee->due = DUE_NOTHING;
    if (due == DUE_FAILURE)
        tracee_set_error(tracee, (int)how_number);
    if (due == DUE_DEATH)
        tracee_kill(tracee);
    if (due != DUE_STEPS || !tracee->watch)
        return;
    unsigned n = tracee_step(tracee, how_number);
    if (n == how_number && tracee->pid)
        tracee_kill(tracee);
    else {
        n_short = (int)n;
        struck = 0;
    }
}

// ---- Stops ----

static bool is_stream_call(uint64_t number)
{
    return number == __NR_read || number == __NR_write || number == __NR_readv ||
           number == __NR_writev;
}

static bool read_name(pid_t pid, char name[ROLE_BYTES])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    bool is_there = file && fgets(name, ROLE_BYTES, file);
    if (file)
        fclose(file);
    return is_there;
}

// It is to have this name from the call's end on, even if the call fails.
static void note_title(struct tracee *tracee, uint64_t address)
{
    char name[16] = "";
    struct iovec to = {name, sizeof name - 1};
    struct iovec from = {(void *)(uintptr_t)address, sizeof name - 1}; // NOLINT
    process_vm_readv(tracee->pid, &to, 1, &from, 1, 0);
    if (strncmp(name, TITLE, strlen(TITLE)) == 0)
        snprintf(tracee->title, ROLE_BYTES, "%s", name + strlen(TITLE));
}

static void on_call(struct tracee *tracee)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->pid, sizeof info, &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        bool has_changed = end_interval(tracee);
        tracee->last.number = info.entry.nr;
        tracee->last.place = place_find(tracee->pid, &tracee->code, info.stack_pointer);
        tracee->last.is_on_socket =
            is_stream_call(info.entry.nr) && tracee_is_socket(tracee, (int)info.entry.args[0]);
        count(tracee, has_changed);
        if (is_wanted(tracee))
            strike(tracee, info.entry.args[0]);
        if (info.entry.nr == __NR_prctl && info.entry.args[0] == PR_SET_NAME)
            note_title(tracee, info.entry.args[1]);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        finish(tracee);
        if (tracee->pid == 0)
            return;
        begin_interval(tracee);
        if (tracee->title[0])
            tracee_name(tracee, tracee->title);
        tracee->title[0] = '\0';
    }
}

// Its maker has said that it is there, and it has stopped for the first time, in whichever order.
static void let_go(struct tracee *tracee)
{
    if (!tracee->is_met || !tracee->is_held)
        return;
    tracee->is_held = false;
    count(tracee, false);
    if (is_wanted(tracee) && (how == HOW_AFTER || how == HOW_STEP)) {
        strike(tracee, 0);
        if (!tracee->watch)
            tracee->watch = watch_make();
        finish(tracee);
    } else
        begin_interval(tracee);
    if (tracee->pid)
        tracee_resume(tracee, 0);
}

static void on_birth(const struct tracee *maker)
{
    unsigned long pid = 0;
    char role[ROLE_BYTES];
    ptrace(PTRACE_GETEVENTMSG, maker->pid, NULL, &pid);
    struct tracee *child = tracee_find((pid_t)pid);
    if (!child && !(child = tracee_add((pid_t)pid)))
        return;
    child->code = maker->code;
    child->last = maker->last;
    snprintf(role, sizeof role, "%.*s+", ROLE_BYTES - 2, maker->last.role);
    tracee_name(child, role);
    child->is_met = true;
    let_go(child);
}

static void on_exec(struct tracee *tracee)
{
    char role[ROLE_BYTES];
    char name[ROLE_BYTES];
    bool is_managers = strncmp(tracee->last.role, MANAGER, strlen(MANAGER)) == 0;
    if (is_managers && read_name(tracee->pid, name))
        snprintf(role, sizeof role, "%.*s!", (int)strcspn(name, "\n"), name);
    else
        snprintf(role, sizeof role, "%.*s!", ROLE_BYTES - 2, tracee->last.role);
    tracee_name(tracee, role);
    place_find_code(tracee->pid, &tracee->code);
    tracee->is_watched = false;
}

static void on_stop(struct tracee *tracee, int status)
{
    int signal_number = WSTOPSIG(status);
    int event = EVENT(status);
    if (!tracee->is_met) {
        tracee->is_held = true;
        return;
    }
    if (tracee->is_held == false && event == PTRACE_EVENT_STOP && signal_number != SIGTRAP) {
        ptrace(PTRACE_LISTEN, tracee->pid, NULL, NULL);
        return;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_VFORK)
        on_birth(tracee);
    else if (event == PTRACE_EVENT_EXEC)
        on_exec(tracee);
    else if (signal_number == (SIGTRAP | 0x80))
        on_call(tracee);
    bool is_signal = !event && signal_number != (SIGTRAP | 0x80);
    if (tracee->pid)
        tracee_resume(tracee, is_signal ? signal_number : 0);
}

static void look_for_stops(void)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
        struct tracee *tracee = tracee_find(pid);
        if (!tracee)
            tracee = tracee_add(pid);
        if (!tracee)
            continue;
        if (!WIFSTOPPED(status))
            tracee_drop(tracee);
        else if (!tracee->is_met && tracee->code.from == 0)
            tracee->is_held = true;
        else
            on_stop(tracee, status);
    }
}

// ---- Commands ----

static void print_call(const struct call *call)
{
    printf("%s %lu %u %u %u %u", call->role, (unsigned long)call->number, call->place.frame[0],
           call->place.frame[1], call->place.frame[2], call->is_on_socket);
}

static void print_calls(void)
{
    is_recording = false;
    for (unsigned i = 0; i < n_calls; i++) {
        print_call(&calls[i].call);
        printf(" %u %d %d\n", calls[i].times, calls[i].is_before_change, calls[i].is_after_change);
    }
    printf(".\n");
    n_calls = 0;
}

static void print_who(void)
{
    struct tracee *tracee;
    for (unsigned i = 0; (tracee = tracee_at(i)); i++)
        printf("%s %d ", tracee->last.role, (int)tracee->pid);
    printf(".\n");
}

static void print_result(void)
{
    if (n_short >= 0)
        printf("short %d\n", n_short);
    else if (!struck && was_last)
        printf("last\n");
    else if (struck)
        printf("struck %d\n", (int)struck);
    else
        printf("missed\n");
    how = HOW_NOT;
}

static bool arm(const char *line)
{
    static const char *const names[] = {"", "before", "after", "fail", "cut", "lie", "step"};
    char name[16];
    unsigned long number;
    memset(&wanted, 0, sizeof wanted);
    how_number = 0;
    if (sscanf(line, "strike %23s %lu %u %u %u %u %15s %u", wanted.role, &number,
               &wanted.place.frame[0], &wanted.place.frame[1], &wanted.place.frame[2],
               &wanted.is_on_socket, name, &how_number) < 7)
        return false;
    wanted.number = number;
    struck = 0;
    n_short = -1;
    was_last = false;
    for (unsigned i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            how = (enum how)i;
    return how != HOW_NOT;
}

static void obey(const char *line)
{
    if (strcmp(line, "record\n") == 0) {
        n_calls = 0;
        is_recording = true;
        printf("ok\n");
    } else if (strcmp(line, "calls\n") == 0)
        print_calls();
    else if (strcmp(line, "who\n") == 0)
        print_who();
    else if (strcmp(line, "result\n") == 0)
        print_result();
    else
        printf(arm(line) ? "ok\n" : "what?\n");
    fflush(stdout);
}

static void on_child(int signal_number)
{
    (void)signal_number;
}

static bool seize(pid_t pid)
{
    char name[ROLE_BYTES];
    struct tracee *tracee = tracee_add(pid);
    if (!read_name(pid, name) || !place_find_code(pid, &tracee->code))
        return false;
    bool is_ours = strncmp(name, TITLE, strlen(TITLE)) == 0;
    tracee_name(tracee, is_ours ? name + strlen(TITLE) : name);
    tracee->is_met = true;
    if (is_ours)
        watch_begin(pid);
    return tracee_seize(pid);
}

int main(int argc, char **argv)
{
    cpu_set_t here;
    sigset_t blocked, none;
    char line[256];
    CPU_ZERO(&here);
    CPU_SET((size_t)atoi(argc > 1 ? argv[1] : "0"), &here);
    sched_setaffinity(0, sizeof here, &here);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (int i = 2; i < argc; i++)
        if (!seize(atoi(argv[i]))) {
            fprintf(stderr, "strike: %s cannot be traced: %s\n", argv[i], strerror(errno));
            return 1;
        }
    printf("ok\n");
    fflush(stdout);
    for (;;) {
        look_for_stops();
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (ppoll(&input, 1, NULL, &none) > 0) {
            if (!fgets(line, sizeof line, stdin))
                return 0;
            obey(line);
        }
    }
}
