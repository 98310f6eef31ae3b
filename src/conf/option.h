// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files of conf/ share: the table of options, made from options.def,
// and how a mistake is said. Nobody else includes this.
//
// Errors: complaints, counted.
#ifndef STAYD_CONF_OPTION_H
#define STAYD_CONF_OPTION_H

#include "conf/conf.h"

#include <stddef.h>

// Longest line, as inih needs its buffer; 2 bytes of it are for the line's end.
#define CONF_LINE_BYTES 4096

enum conf_section { CONF_STAYD, CONF_LISTEN, CONF_GAME, CONF_N_SECTIONS };

enum conf_kind {
    CONF_KIND_PATH,        // char *: absolute path of at most `high` bytes
    CONF_KIND_PATHS,       // char *: absolute paths, joined by single commas
    CONF_KIND_USER,        // char *: a user of this system
    CONF_KIND_NUMBER,      // uint32_t
    CONF_KIND_LIMIT,       // uint32_t; 0: none, also written "no"
    CONF_KIND_TIME,        // uint64_t, ms
    CONF_KIND_FLAG,        // bool
    CONF_KIND_CHOICE,      // an enum, whose values are places in `choices`
    CONF_KIND_TLS_VERSION, // uint16_t: 0x0303 and the place in `choices`
    CONF_KIND_LOG,         // char *
    CONF_KIND_ADDRESSES,   // struct conf_address[], and its count
    CONF_KIND_FILE,        // char *: absolute after loading; relative to the configuration's folder
    CONF_KIND_FILES,       // char *[high]: the same, a list
    CONF_KIND_ALPN,        // char *: names joined by single commas
    CONF_KIND_HOSTS,       // char *[high]: host names in lower case, perhaps beginning with "*."
    CONF_KIND_NETWORKS,    // struct networks, sorted
    CONF_KIND_TEXT,        // char *: printable UTF-8; "off" is kept as ""
    CONF_KIND_CONNECT,     // game: sockaddr and connect
    CONF_KIND_GAME,        // listener: index of a game, known at the end
};

struct conf_option {
    enum conf_section section;
    const char *key;
    enum conf_kind kind;
    size_t offset; // in struct conf, conf_listener or conf_game
    const char *form;
    const char *const *choices; // instead of form; they end with NULL
    const char *unit;           // NULL: none
    uint64_t low;
    uint64_t high;
    const char *preset; // the default, as if written; NULL: none
    const char *absent; // ... and then what happens
    bool is_fixed;      // for the life of a stayd: a reload does not change it
    const char *help;
};

extern const struct conf_option conf_options[];
extern const unsigned conf_n_options;
#define CONF_MAX_OPTIONS 64u

// The options that other options are checked against; NULL if there is none of that name.
const struct conf_option *conf_option_find(enum conf_section section, const char *key);

// "[stayd]", "[listen NAME]", "[game NAME]"
const char *conf_section_form(enum conf_section section);

// What can be written: its form, or the choices, "a|b|c". Returns it, perhaps in text.
#define CONF_FORM_TEXT_BYTES 96u
const char *conf_form_print(char text[CONF_FORM_TEXT_BYTES], const struct conf_option *option);

// A time as a person would write it: "500ms", "10s", "forever". Returns text.
#define CONF_TIME_TEXT_BYTES 32u
const char *conf_time_print(char text[CONF_TIME_TEXT_BYTES], uint64_t time_ms);

// The range of numbers and times and the most entries of a list, in words; "" if there is none.
#define CONF_RANGE_TEXT_BYTES 96u
const char *conf_range_print(char text[CONF_RANGE_TEXT_BYTES], const struct conf_option *option);

struct conf_complaints {
    FILE *out;
    const char *path;
    int n;
    bool is_copy; // of what was read before: users were looked up then
};

// One line "PATH:LINE: ..." (or "PATH: ..." when line is 0).
void conf_complain(struct conf_complaints *complaints, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Read a file's text as inih does and hand over its sections and entries in order.
struct conf_reader {
    void *user;
    // "[head]" as written, without the brackets, blanks trimmed.
    void (*on_section)(void *user, const char *head, int line);
    void (*on_entry)(void *user, const char *key, const char *value, int line);
};
void conf_read(const char *text, size_t n_text, const struct conf_reader *reader,
               struct conf_complaints *complaints);

// As conf_load, from the bytes of the file at this absolute path, which need not be there any more.
// The text is from malloc(3), and is taken over: *conf has it, or it is freed. complaints: without
// any before; returns their number.
int conf_parse(struct conf *conf, const char *path, char *text, size_t n_text,
               struct conf_complaints *complaints);

// As conf_read_lists, from the lists' texts. A list that names a file and has no text stays empty.
int conf_parse_lists(struct conf *conf, FILE *complaints);

// The whole file's bytes, to be freed; NULL after a complaint. what: what it should be, and what to do, for
// words.
char *conf_slurp(const char *path, size_t most, const char *what, const char *right,
                 size_t *n_bytes, struct conf_complaints *complaints);

// The text of a file of networks, a line each, into *networks; to be sorted then.
void conf_read_networks(struct networks *networks, const char *text, size_t n_text,
                        struct conf_complaints *complaints);

// What is meant by a value as written: a comment behind it (a blank and #; in a text also a blank
// behind that) goes, and so do quotes around the whole.
void conf_plain(char *text, bool is_text);

// The same of an entry of a list, which is without comment. False: a quote is left at one end.
bool conf_unquote(char *text);

// Read one value into the struct at `into` (conf, conf_listener or conf_game). `folder` is where
// relative files start. False: it was complained about, and nothing is changed.
bool conf_value_set(const struct conf_option *option, void *into, const char *value, int line,
                    const char *folder, struct conf_complaints *complaints);

// Where each option was written: line of [section instance][option], 0: nowhere; negative: its
// value was complained about.
struct conf_places {
    int stayd[CONF_MAX_OPTIONS];
    int listener[CONF_MAX_LISTENERS][CONF_MAX_OPTIONS];
    int game[CONF_MAX_GAMES][CONF_MAX_OPTIONS];
    char *game_of[CONF_MAX_LISTENERS]; // the name in `game =`, owned; NULL: not written
};

// Everything that is about more than one option: what is missing, contradicts or collides.
void conf_check(struct conf *conf, const struct conf_places *places,
                struct conf_complaints *complaints);

#endif
