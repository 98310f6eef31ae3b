// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who listens at a game's address, and whether that may be the game (games.h). While a game is
// down, any user may be able to take its place, and its held players would say their passwords to
// whoever that is. So the listener must be root's, stayd's own user's or that of the game: `user`
// in the configuration or, without it, the user of the process that was there first, which is in
// the vault. A uid of another user namespace shows as one and the same (65534).
//
// Over TCP a pid-file may name the process. It is believed if that process lives and nothing speaks
// against its being the one that listens.
//
// Errors: a listener whose user cannot be found out is taken; a pid that is not believed is said.
#include "players/games_part.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "game/proc.h"
#include "players/loops.h"
#include "players/players.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOUBT_MS 3000u // a game may write its pid-file a little after it has begun to listen

struct listener games_listener(struct players *players, unsigned game, uint64_t at_ms)
{
    struct games_seen *seen = &players->games->watch[game].seen;
    if (seen->at_ms == 0 || seen->at_ms < at_ms) {
        seen->listener = listener_look(games_conf(players, game));
        seen->at_ms = clock_boot_ms();
    }
    return seen->listener;
}

// The kernel's list of Unix sockets is long when there are many players. A socket's file is of one
// socket only: while the file is the same, and somebody listens, it is the same one.
static struct listener look_at_file(struct players *players, unsigned game)
{
    const struct conf_game *conf = games_conf(players, game);
    struct games_seen *seen = &players->games->watch[game].seen;
    struct stat file = {0};
    const char *path = ((const struct sockaddr_un *)&conf->sockaddr)->sun_path;
    bool is_there = stat(path, &file) == 0;
    bool is_same = is_there && seen->at_ms && seen->device == file.st_dev &&
                   seen->file == file.st_ino && seen->changed.tv_sec == file.st_ctim.tv_sec &&
                   seen->changed.tv_nsec == file.st_ctim.tv_nsec;
    bool was_seen = seen->listener.inode != 0 && seen->listener.inode != LISTENER_UNSEEN;
    struct listener found = games_listener(players, game, is_same && was_seen ? 0 : UINT64_MAX);
    seen->device = file.st_dev;
    seen->file = file.st_ino;
    seen->changed = file.st_ctim;
    return found;
}

// As of now.
static struct listener look_now(struct players *players, unsigned game)
{
    return games_conf(players, game)->sockaddr.ss_family == AF_UNIX
               ? look_at_file(players, game)
               : games_listener(players, game, UINT64_MAX);
}

// The owner is that of one address: who says in the configuration that the game is elsewhere now
// may have another user there.
static uint64_t tag_address(const struct conf_game *conf)
{
    return (uint64_t)hash32_add_text(HASH32_START, conf->connect) << 32;
}

uint64_t games_owner(const struct players *players, unsigned game)
{
    const struct conf_game *conf = games_conf(players, game);
    uint64_t owner = players->vault->head->games[game].owner;
    if (conf->has_user)
        return (uint64_t)conf->user_uid + 1;
    return (owner & ~(uint64_t)UINT32_MAX) == tag_address(conf) ? owner & UINT32_MAX : 0;
}

void games_note_owner(struct players *players, unsigned game, uid_t uid)
{
    uint64_t owner = games_owner(players, game);
    players->vault->head->games[game].owner =
        tag_address(games_conf(players, game)) | (owner ? owner : (uint64_t)uid + 1);
}

static bool may_be_game(const struct players *players, unsigned game, uid_t uid)
{
    uint64_t owner = games_owner(players, game);
    return uid == LISTENER_NO_UID || uid == 0 || uid == geteuid() || owner == 0 ||
           owner == (uint64_t)uid + 1;
}

static void say_stranger(struct players *players, unsigned game, uid_t uid)
{
    const struct conf_game *conf = games_conf(players, game);
    struct game_watch *watch = &players->games->watch[game];
    if (watch->stranger == (uint64_t)uid + 1)
        return;
    watch->stranger = (uint64_t)uid + 1;
    log_event(LOG_GAME_STRANGER,
              "game=%s connect=%s uid=%u game_uid=%u fix=\"if this is the game, write user = NAME "
              "(of uid %u) in [game %s] and reload; if not, end what listens there\"",
              conf->name, conf->connect, (unsigned)uid, (unsigned)(games_owner(players, game) - 1),
              (unsigned)uid, conf->name);
}

// May a process of this user be the game? If so it is, from now on.
static bool admit(struct players *players, unsigned game, uid_t uid)
{
    if (!may_be_game(players, game, uid)) {
        say_stranger(players, game, uid);
        errno = EPERM;
        return false;
    }
    players->games->watch[game].stranger = 0;
    if (uid != LISTENER_NO_UID)
        games_note_owner(players, game, uid);
    return true;
}

bool games_may_ask(struct players *players, unsigned game)
{
    struct game_watch *watch = &players->games->watch[game];
    watch->before = look_now(players, game);
    if (loops_is_own(players->loops, watch->before.inode)) {
        loops_say(players, game, "stayd itself listens there");
        errno = ELOOP;
        return false;
    }
    return may_be_game(players, game, watch->before.uid) || admit(players, game, watch->before.uid);
}

// Is what is known of the process now behind this listener known already?
static bool is_known(const struct game_state *now, pid_t pid, uint64_t start, uint64_t listener)
{
    return now->flags & GAME_SEEN && !(now->flags & GAME_AWAY) && now->pid == pid &&
           now->start == start && now->listener == listener && listener != LISTENER_UNSEEN;
}

// Why what stands in the game's pid-file is not believed, or NULL.
static const char *doubt(struct players *players, unsigned game, struct games_peer *peer)
{
    const struct game_state now = game_now(players->vault->head, game);
    const struct games_gone *gone = &players->games->watch[game].gone;
    peer->pid = proc_read_file(games_conf(players, game)->pid_file);
    if (peer->pid == 0)
        return "it cannot be read, or is not a process id";
    struct proc_view view;
    if (!proc_see(peer->pid, &view))
        return errno == EAGAIN ? NULL : "there is no such process";
    peer->start = view.start;
    if (gone->at_ms && gone->pid == peer->pid && gone->start == peer->start)
        return "that process lives on, and the game has died";
    if (is_known(&now, peer->pid, peer->start, peer->listener.inode)) {
        peer->is_doubted = now.flags & GAME_DOUBTED;
        return NULL;
    }
    enum listener_owner owner = listener_is_of(&peer->listener, peer->pid);
    peer->is_doubted = owner != LISTENER_ITS;
    return owner == LISTENER_ANOTHERS ? "that process does not listen there" : NULL;
}

static void say_doubt(struct players *players, unsigned game, pid_t pid, const char *why)
{
    const struct conf_game *conf = games_conf(players, game);
    struct game_watch *watch = &players->games->watch[game];
    uint64_t now_ms = clock_boot_ms();
    if (!why) {
        watch->doubted_ms = 0;
        watch->is_doubt_said = false;
        return;
    }
    if (watch->doubted_ms == 0)
        watch->doubted_ms = now_ms;
    if (watch->is_doubt_said || now_ms < watch->doubted_ms + DOUBT_MS)
        return;
    watch->is_doubt_said = true;
    log_event(LOG_GAME_PID_FILE,
              "game=%s pid-file=%s pid=%d why=\"%s\" fix=\"have the game write its own process id, "
              "or remove pid-file: stayd then looks at who listens\"",
              conf->name, conf->pid_file, (int)pid, why);
}

static void read_pid_file(struct players *players, unsigned game, struct games_peer *peer)
{
    if (!games_conf(players, game)->pid_file)
        return;
    const char *why = doubt(players, game, peer);
    say_doubt(players, game, peer->pid, why);
    if (!why)
        return;
    peer->pid = 0;
    peer->start = 0;
    peer->is_doubted = false;
}

void games_tick(struct players *players)
{
    for (unsigned i = 0; i < players->heritage->conf.n_games; i++) {
        const struct game_watch *watch = &players->games->watch[i];
        if (watch->doubted_ms == 0 || watch->is_doubt_said)
            continue;
        struct games_peer peer = {.listener = games_listener(players, i, UINT64_MAX)};
        if (peer.listener.inode != 0)
            read_pid_file(players, i, &peer);
    }
}

// SO_PEERCRED names who called listen(2). With socket activation that is the service manager, which
// outlives every game.
static bool find_peer_by_credentials(struct players *players, unsigned game, int fd,
                                     const struct game_state *living, struct games_peer *peer)
{
    struct ucred cred;
    struct proc_view view;
    if (!link_credentials(fd, &cred) || !admit(players, game, cred.uid))
        return false;
    if (living && living->pid == cred.pid)
        view = (struct proc_view){.start = living->start};
    else if (!proc_see(cred.pid, &view) && errno == EAGAIN && !view.is_manager)
        return false;
    if (!view.is_manager) {
        peer->pid = cred.pid;
        peer->start = view.start;
    }
    if (peer->start == 0)
        peer->listener = look_now(players, game);
    return true;
}

bool games_find_peer(struct players *players, unsigned game, int fd,
                     const struct game_state *living, struct games_peer *peer)
{
    const struct listener before = players->games->watch[game].before;
    *peer = (struct games_peer){.listener = LISTENER_NONE};
    bool is_unix = games_conf(players, game)->sockaddr.ss_family == AF_UNIX;
    if (is_unix && !find_peer_by_credentials(players, game, fd, living, peer))
        return false;
    if (is_unix && peer->start != 0)
        return true;
    if (!is_unix)
        peer->listener = look_now(players, game);
    // The socket that has listened before and after the connect is the one that has taken it.
    errno = EAGAIN;
    if (peer->listener.inode != before.inode)
        return false;
    if (is_unix)
        return true;
    if (peer->listener.inode == 0 && listener_is_local(fd))
        return false; // whoever has taken it listens no more
    if (!admit(players, game, peer->listener.uid))
        return false;
    read_pid_file(players, game, peer);
    errno = EAGAIN;
    return peer->pid == 0 || peer->start != 0;
}
