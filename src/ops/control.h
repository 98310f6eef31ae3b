// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The control channel's server in the worker (doc/PROTOCOL.control): accepts on the socket that the
// guard has opened, sees who the peer is, reads lines, has them done (ops/task.h), answers in
// order. It never waits, and what a peer can make it hold is bounded:
//
//   connections  CONF_CONTROL_CONNECTIONS; of one user CONTROL_OF_A_USER, of all games' users
//                together CONTROL_OF_GAMES; root counts in the first only
//   input        one line a connection
//   output       CONTROL_OUTPUT_BYTES a connection; then nothing more is done for it until it reads
//   time         KNOCK_WORK (ops/knock.h), and CONTROL_STEPS_A_TURN steps of all connections'
//                requests, in a turn of the loop
//   patience     CONTROL_STALL_S without a byte taken by a peer that is owed some
//
// Nothing here survives the worker: peers connect again and repeat.
//
// Errors: a peer's or a shortage end the connection, logged where an operator should know.
#ifndef STAYD_OPS_CONTROL_H
#define STAYD_OPS_CONTROL_H

#define CONTROL_OF_A_USER 16u
#define CONTROL_OF_GAMES 48u
#define CONTROL_OUTPUT_BYTES (1u << 20)
#define CONTROL_STEPS_A_TURN 2u
#define CONTROL_STALL_S 30

struct control;
struct players;

// Serve on this listening socket, which stays the caller's. NULL: no memory.
struct control *control_make(struct players *players, int listener_fd);
void control_free(struct control *control);

// Now and then: if its timer could not be set, nobody would be accepted any more.
void control_check(struct control *control);

#endif
