// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Pid files and /proc/PID/stat. The input is read as each; and as the name of a process, which may
// be anything, in a line with numbers that are known. Held: a pid is one, and is read again as it
// was; a line without its numbers is none; no name changes what is found.
//
// Errors: abort.
#include "fuzz.h"
#include "game/proc_text.h"

#define NAME_BYTES 63u // TASK_COMM_LEN is 16; kernel threads have longer ones (proc(5))

static void read_pid(const char *text)
{
    char anew[32];
    pid_t pid = proc_parse_pid(text);
    if (pid == 0)
        return;
    hold(pid > 1 && strpbrk(text, "0123456789") != NULL);
    snprintf(anew, sizeof anew, "%d\n", (int)pid);
    hold(proc_parse_pid(anew) == pid);
    // The same digits, and no others: leading zeros aside.
    size_t n = strlen(anew) - 1;
    const char *digits = text + strspn(text, " \t\n\v\f\r+0");
    hold(strncmp(digits, anew, n) == 0 && strspn(digits + n, " \t\r\n") == strlen(digits + n));
}

static void read_line(const char *text)
{
    struct proc_stat stat;
    char *line = fuzz_string((const uint8_t *)text, strlen(text));
    if (proc_parse_stat(line, &stat))
        hold(strrchr(text, ')') != NULL && strlen(strrchr(text, ')')) > 2 * 20);
    free(line);
}

static void read_name(const char *name)
{
    static const struct proc_stat known = {
        .state = 'S', .flags = 0x40, .n_threads = 3, .start = 12345};
    const char *end = memchr(name, '\0', NAME_BYTES);
    const size_t n = end ? (size_t)(end - name) : NAME_BYTES;
    struct proc_stat stat;
    char line[1024];
    snprintf(line, sizeof line,
             "4321 (%.*s) S 1 4321 4321 0 -1 64 1 2 3 4 5 6 7 8 20 0 3 0 12345 6 7\n",
             (int)NAME_BYTES, name);
    hold(proc_parse_stat(line, &stat));
    hold(stat.state == known.state && stat.flags == known.flags);
    hold(stat.n_threads == known.n_threads && stat.start == known.start);
    hold(stat.is_systemd == (n == strlen("systemd") && memcmp(name, "systemd", n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    read_pid(text);
    read_line(text);
    read_name(text);
    free(text);
    return 0;
}
