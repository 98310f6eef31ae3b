// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The keys of answers whose values are not texts: numbers, and "yes" or "no". answer.h takes only
// these for such values, which the compiler checks; `stayctl --json` knows by them which values are
// no strings. A key may stand in both: a game's `held` counts players, a player's says whether it
// is.
//
// X(WORD, ARGUMENT) for each one.
#ifndef STAYD_OPS_KEYS_H
#define STAYD_OPS_KEYS_H

#define KEYS_NUMBERS(X, argument)                                                                  \
    X("days", argument)                                                                            \
    X("from-player", argument)                                                                     \
    X("entry", argument)                                                                           \
    X("entry-crashes", argument)                                                                   \
    X("gone", argument)                                                                            \
    X("guard", argument)                                                                           \
    X("handshakes", argument)                                                                      \
    X("held", argument)                                                                            \
    X("last", argument)                                                                            \
    X("last-death-since", argument)                                                                \
    X("max-players", argument)                                                                     \
    X("pid", argument)                                                                             \
    X("players", argument)                                                                         \
    X("poisoned", argument)                                                                        \
    X("port", argument)                                                                            \
    X("refused", argument)                                                                         \
    X("short", argument)                                                                           \
    X("since", argument)                                                                           \
    X("spare", argument)                                                                           \
    X("stored", argument)                                                                          \
    X("to-player", argument)                                                                       \
    X("upgrade-since", argument)                                                                   \
    X("uptime", argument)                                                                          \
    X("worker", argument)                                                                          \
    X("workers-made", argument)

#define KEYS_FLAGS(X, argument)                                                                    \
    X("ack", argument)                                                                             \
    X("attached", argument)                                                                        \
    X("connector", argument)                                                                       \
    X("held", argument)                                                                            \
    X("removed", argument)                                                                         \
    X("resume", argument)

#endif
