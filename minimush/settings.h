// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush.conf: KEY = VALUE lines, no sections. Among them is what the game passes on to
// stayd: a game's own configuration is where its admin looks for ports and certificates.
//
// A struct settings owns all that it points to. File names in it are absolute: relative ones
// are meant from the configuration file's folder.
//
// Errors: every mistake of the file is said as "FILE:LINE: what; what would be right", and what the
// whole of it lacks as "FILE: ...".
#ifndef MINIMUSH_SETTINGS_H
#define MINIMUSH_SETTINGS_H

#include <stay.h>
#include <stdbool.h>
#include <stdio.h>

#define SETTINGS_MAX_STAYD 64u

struct settings {
    char *path;      // of the file, absolute
    char *name;      // shown to players
    char *game;      // the same as stayd's name for the game
    char *directory; // world.db and run/
    char *stayd;     // NULL: to be looked for
    bool stops_stayd;
    bool resumes;        // players are put back after a crash
    bool shutdown_holds; // and kept over a shutdown
    bool telnet_first;   // terminal.c
    int come_back_s;     // patience with those who were playing when the game died
    int lines_at_once;
    int lines_a_second;
    int password_cost;
    struct stay_setting stayd_setting[SETTINGS_MAX_STAYD]; // owned, as mutable strings
    size_t n_stayd_settings;
};

// False: there were mistakes; they have been written to complaints. settings_free is due in any
// case.
bool settings_load(struct settings *settings, const char *path, FILE *complaints);
void settings_free(struct settings *settings);

// Every key with its default and meaning, for --help.
void settings_print(FILE *out);

#endif
