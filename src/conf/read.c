// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads a configuration's text with libinih and gives out its sections and entries
// with their line numbers. inih gets the lines from here one by one, because as
// Debian builds it, it does not tell a line's number, is silent on a section
// without entries, cuts long names, and takes an indented line for the
// continuation of the one before; so sections, malformed lines and indents are
// settled before it sees them.
//
// Errors: complaints; the rest of the file is read on.
#include "conf/option.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
    const struct conf_reader *reader;
    struct conf_complaints *complaints;
    const char *at;
    const char *end;
    int line; // number of the line that inih has now
    bool is_misplaced_said;
    bool is_in_section;
};

// What was read may be kept for long, so it has no more room than it needs.
static char *shrink(char *text, size_t n)
{
    char *shrunk = realloc(text, n ? n : 1);
    return shrunk ? shrunk : text;
}

char *conf_slurp(const char *path, size_t most, const char *what, const char *right,
                 size_t *n_bytes, struct conf_complaints *complaints)
{
    struct stat facts;
    char *text = NULL;
    // Not blocking: a FIFO must not hang the start.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &facts) != 0) {
        conf_complain(complaints, 0, "cannot be read: %s; %s", strerror(errno), right);
    } else if (!S_ISREG(facts.st_mode)) {
        conf_complain(complaints, 0, "is %s; %s",
                      S_ISDIR(facts.st_mode) ? "a directory" : "not a regular file", right);
    } else if (facts.st_size > (off_t)most) {
        conf_complain(complaints, 0, "is larger than %zu MiB; that cannot be %s", most >> 20, what);
    } else {
        size_t n_read = 0;
        ssize_t n = 0;
        text = malloc(most);
        while (text && n_read < most && (n = read(fd, text + n_read, most - n_read)) > 0)
            n_read += (size_t)n;
        if (!text || n < 0) {
            conf_complain(complaints, 0, "cannot be read: %s", strerror(errno));
            free(text);
            text = NULL;
        } else {
            text = shrink(text, n_read);
            *n_bytes = n_read;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

// "[head] ; comment"
static void take_section(struct source *source, char *text)
{
    const char *close = strchr(text, ']');
    if (!close) {
        conf_complain(source->complaints, source->line, "a section has no ]; write [listen tls]");
        return;
    }
    const char *rest = close + 1 + strspn(close + 1, " \t");
    if (*rest && *rest != ';' && *rest != '#') {
        conf_complain(source->complaints, source->line,
                      "something follows the section's ]; begin a new line after it");
    }
    text++;
    text += strspn(text, " \t");
    size_t n_head = (size_t)(close - text);
    while (n_head && (text[n_head - 1] == ' ' || text[n_head - 1] == '\t'))
        n_head--;
    text[n_head] = '\0';
    source->is_in_section = true;
    source->reader->on_section(source->reader->user, text, source->line);
}

// Is this line one for inih? Lines that inih would mishandle are dealt with here.
static bool is_for_inih(struct source *source, char *text)
{
    if (*text == '\0' || *text == ';' || *text == '#')
        return false;
    if (*text == '[') {
        take_section(source, text);
        return false;
    }
    size_t n_key = strcspn(text, "=:;");
    if (text[n_key] != '=' && text[n_key] != ':') {
        conf_complain(
            source->complaints, source->line,
            "neither a section nor an option; write KEY = VALUE, and begin comments with ; or #");
        return false;
    }
    if (n_key == 0) {
        conf_complain(source->complaints, source->line, "no key before the %c; write KEY = VALUE",
                      *text);
        return false;
    }
    if (!source->is_in_section) {
        if (!source->is_misplaced_said)
            conf_complain(source->complaints, source->line,
                          "an option before the first section; begin with [stayd]");
        source->is_misplaced_said = true;
        return false;
    }
    return true;
}

// What inih calls instead of fgets. Lines that are not for it become empty ones.
static char *next_line(char *line, int line_size, void *stream)
{
    struct source *source = stream;
    if (source->at == source->end)
        return NULL;
    source->line++;
    const char *from = source->at;
    const char *newline = memchr(from, '\n', (size_t)(source->end - from));
    const char *to = newline ? newline : source->end;
    source->at = newline ? newline + 1 : source->end;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    size_t n = (size_t)(to - from);
    line[0] = '\0';
    if (memchr(from, '\0', n)) {
        conf_complain(source->complaints, source->line, "a NUL byte; this must be a text file");
    } else if (n + 2 > (size_t)line_size) {
        conf_complain(source->complaints, source->line,
                      "the line has %zu characters; at most %d are possible", n, line_size - 2);
    } else {
        memcpy(line, from, n);
        line[n] = '\0';
        if (!is_for_inih(source, line))
            line[0] = '\0';
    }
    strcat(line, "\n");
    return line;
}

static int take_entry(void *user, const char *section, const char *key, const char *value)
{
    const struct source *source = user;
    (void)section; // always "": inih sees none
    source->reader->on_entry(source->reader->user, key, value, source->line);
    return 1;
}

void conf_read(const char *text, size_t n_text, const struct conf_reader *reader,
               struct conf_complaints *complaints)
{
    struct source source = {
        .reader = reader, .complaints = complaints, .at = text, .end = text + n_text};
    if (n_text >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        source.at += 3;
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = CONF_LINE_BYTES;
    ini_max_line = CONF_LINE_BYTES;
    ini_allow_multiline = false;
    // inih hands the same pointer to the reader and to the handler only if we do.
    if (ini_parse_stream(next_line, &source, take_entry, &source) != 0)
        conf_complain(complaints, 0, "cannot be read: out of memory");
}
