// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// All players at once: when a worker begins and when it ends.
//
// Errors: as each says.
#ifndef STAYD_PLAYERS_CROWD_H
#define STAYD_PLAYERS_CROWD_H

struct players;

// Work out from the vault what is free and who is there. heritage, vault and base are set. 0, or -1
// with errno: no memory.
int crowd_make(struct players *players);

// Nothing is watched any more.
void crowd_stop(struct players *players);

// Free the heap only; so does a copy of the process that serves nobody.
void crowd_forget(struct players *players);

// The slots that were being served in two crashes go (invariant I14).
void crowd_close_poison(struct players *players);

// Serve everybody once: what waits in a buffer must not need a new event to go on.
void crowd_serve(struct players *players);

// An orderly end: what the games have said by now is read and flushed, then everybody hears the
// end.
void crowd_begin_end(struct players *players);

#endif
