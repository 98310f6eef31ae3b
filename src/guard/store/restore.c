// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Taking back what was stored (restore.h).
#include "guard/store/restore.h"

#include "base/log.h"
#include "guard/reload/reload.h"
#include "guard/store/manager.h"
#include "guard/store/store.h"
#include "guard/upgrade/adopt.h"
#include "guard/upgrade/baton.h"
#include "relay/relay.h"
#include "vault/receipt.h"
#include "vault/resume.h"
#include "vault/slot.h"
#include "vault/upgrading.h"
#include "vault/verify.h"
#include "vault/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The guard's crate, looked into.
struct contents {
    struct stored_guard it;
    int fd[CRATE_MAX_FDS];
    struct baton baton;
};

static void close_contents(struct contents *contents)
{
    for (unsigned i = 0; i < contents->it.n; i++)
        close(contents->fd[i]);
    baton_free(&contents->baton);
}

static bool look_into(int crate, struct contents *contents)
{
    static char data[CRATE_MAX_BYTES + 1];
    unsigned n_fds;
    ssize_t n = crate_look(crate, data, CRATE_MAX_BYTES, contents->fd, &n_fds);
    if (n < 0)
        return false;
    data[n] = '\0';
    contents->baton = (struct baton){.vault_fd = -1}; // the last one's is another's by now
    memcpy(&contents->it, data, sizeof contents->it);
    bool is_right = (size_t)n > sizeof contents->it && contents->it.n == n_fds &&
                    baton_read(&contents->baton, data + sizeof contents->it);
    contents->it.n = n_fds;
    if (!is_right)
        close_contents(contents);
    return is_right;
}

// The newest of the guard's crates.
static bool find_contents(int n_passed, struct contents *contents)
{
    static struct contents other;
    bool is_found = false;
    for (int i = 0; i < n_passed; i++) {
        char name[MANAGER_NAME_BYTES];
        if (*manager_name(name, i) != STORE_GUARD || !look_into(MANAGER_FIRST_FD + i, &other))
            continue;
        if (is_found && other.it.serial <= contents->it.serial) {
            close_contents(&other);
            continue;
        }
        if (is_found)
            close_contents(contents);
        *contents = other;
        is_found = true;
    }
    return is_found;
}

static int find_fd(const struct contents *contents, int place)
{
    for (unsigned i = 0; i < contents->it.n; i++)
        if (contents->it.place[i] == place)
            return contents->fd[i];
    return -1;
}

// The words for all that a dead process held are nobody's: pids may be others' by now.
static void free_place(vault_place *place)
{
    *place = *place >> 32 << 32;
}

static void put_fds(const struct vault *vault, const struct contents *contents)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        vault_guard_fds(vault)[i] = -1;
    for (unsigned i = 0; i < contents->it.n; i++)
        if (contents->it.place[i] >= 0 && contents->it.place[i] < (int)VAULT_GUARD_FDS)
            vault_guard_fds(vault)[contents->it.place[i]] = contents->fd[i];
}

static char *read_control(const char *shape)
{
    static const char key[] = "control ";
    return strncmp(shape, key, strlen(key)) == 0
               ? strndup(shape + strlen(key), strcspn(shape + strlen(key), "\n"))
               : NULL;
}

static bool take(struct heritage *before, const struct contents *contents)
{
    if (!adopt_map_vault(&before->vault, find_fd(contents, HERITAGE_VAULT), vault_map, stderr))
        return false;
    enum invariant broken = verify_head(&before->vault);
    if (broken) {
        fprintf(stderr, "stayd: the vault's head breaks invariant I%d\n", broken);
        return false;
    }
    put_fds(&before->vault, contents);
    before->lock_fd = vault_guard_fds(&before->vault)[HERITAGE_LOCK];
    before->control_fd = vault_guard_fds(&before->vault)[HERITAGE_CONTROL];
    before->started_ms = contents->baton.started_ms;
    before->conf.control = read_control(contents->baton.shape);
    return before->conf.control && baton_names(&contents->baton, &before->conf) &&
           adopt_take_sockets(before, contents->baton.places);
}

// What cannot be used is not to be found again.
static void forget_all(int n_passed)
{
    for (int i = 0; i < n_passed; i++) {
        char name[MANAGER_NAME_BYTES];
        manager_say(-1, true, "FDSTOREREMOVE=1\nFDNAME=%s", manager_name(name, i));
    }
    close_range(MANAGER_FIRST_FD, ~0u, 0);
}

void restore_look(struct stored *stored)
{
    static struct contents contents;
    int n = manager_n_passed();
    close_range((unsigned)(MANAGER_FIRST_FD + n), ~0u, 0); // nothing of whoever started us
    for (int i = 0; i < n; i++)
        fcntl(MANAGER_FIRST_FD + i, F_SETFD, FD_CLOEXEC);
    if (n == 0)
        return;
    if (find_contents(n, &contents)) {
        stored->is_there = take(&stored->before, &contents);
        baton_free(&contents.baton);
    } else {
        fprintf(stderr, "stayd: what the service manager has kept is nothing of stayd's\n");
    }
    if (stored->is_there)
        return;
    fprintf(stderr,
            "stayd: the connections that it has kept cannot be taken back; starting anew\n");
    forget_all(n);
    stored->before = (struct heritage){.lock_fd = -1}; // as if there had been nothing
}

static bool has_game(const struct conf *conf, const char *name)
{
    for (unsigned i = 0; i < conf->n_games; i++)
        if (strcmp(conf->game[i].name, name) == 0)
            return true;
    return false;
}

bool restore_align(struct heritage *heritage, const struct stored *stored)
{
    struct conf *names = malloc(sizeof *names);
    if (!names)
        return false;
    *names = stored->before.conf;
    // Of a game that is not in the file any more nothing is known but the name.
    for (unsigned i = 0; i < names->n_games; i++)
        if (!has_game(&heritage->conf, names->game[i].name))
            *names->game[i].name = '\0';
    heritage->vault = stored->before.vault;
    bool is_aligned = adopt_align(heritage, names, stderr);
    free(names);
    return is_aligned;
}

// What was found, by slot.
struct found {
    int player_fd;
    int game_fd;
};

// Whose is it? NULL: nobody's any more.
static int *find_owner(const struct vault *vault, struct found *found, const struct stored_fd *what)
{
    if (what->slot >= vault->head->slots_reserved)
        return NULL;
    const struct slot *slot = &vault->slots[what->slot];
    if (slot->state != SLOT_LIVE || memcmp(slot->id, what->id, sizeof slot->id) != 0)
        return NULL;
    if (what->link == 0)
        return &found[what->slot].player_fd;
    return what->link == slot->n_links && slot->game_fd != -1 ? &found[what->slot].game_fd : NULL;
}

static void unpack(const struct vault *vault, struct found *found, int crate)
{
    struct stored_fd what[CRATE_MAX_FDS];
    int fds[CRATE_MAX_FDS];
    unsigned n_fds;
    ssize_t n = crate_look(crate, what, sizeof what, fds, &n_fds);
    if (n < 0) {
        fprintf(stderr, "stayd: cannot take back connections: %s%s\n", strerror(errno),
                errno == EMFILE ? "; raise RLIMIT_NOFILE (LimitNOFILE= in the unit)" : "");
        return;
    }
    for (unsigned i = 0; i < n_fds; i++) {
        int *owner = (size_t)n == n_fds * sizeof *what ? find_owner(vault, found, &what[i]) : NULL;
        if (owner && *owner < 0)
            *owner = fds[i];
        else
            close(fds[i]); // or it was there twice
    }
}

static bool has_left_file(const struct heritage *heritage, const struct stored *stored,
                          unsigned game)
{
    return game >= CONF_MAX_GAMES ||
           strcmp(heritage->conf.game[game].name, stored->before.conf.game[game].name) != 0;
}

// In the place of a descriptor that was not stored: what a slot names is another table's.
static int open_nothing(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

struct pools {
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
};

static bool make_pools(struct pools *pools, struct vault *vault)
{
    return slot_pool_make(&pools->slots, vault) == 0 &&
           chunk_pool_make(&pools->chunks, vault) == 0 && cell_pool_make(&pools->cells, vault) == 0;
}

static void free_pools(struct pools *pools)
{
    cell_pool_free(&pools->cells);
    chunk_pool_free(&pools->chunks);
    slot_pool_free(&pools->slots);
}

struct counts {
    unsigned players;
    unsigned lost;
    unsigned unlinked;
};

// Without its player a slot is over; without its link it is as if the game had died. One that is
// broken the worker will find so.
static void settle_slot(struct vault *vault, struct pools *pools, struct slot *slot,
                        struct found found, bool is_over, struct counts *counts)
{
    bool is_unlinked = slot->game_fd != -1 && found.game_fd < 0;
    is_over |= found.player_fd < 0;
    slot->player_fd = found.player_fd < 0 ? open_nothing() : found.player_fd;
    slot->game_fd = is_unlinked ? open_nothing() : found.game_fd;
    if (verify_slot(vault, slot) != 0)
        return;
    counts->players += !is_over;
    counts->lost += is_over && !slot_is_farewell(slot); // which are not stored
    counts->unlinked += !is_over && is_unlinked;
    if (is_over)
        slot_free(&pools->slots, &pools->chunks, &pools->cells, slot);
    else if (is_unlinked)
        relay_unlink(&(struct relay){.vault = vault, .chunks = &pools->chunks, .slot = slot});
}

static void settle_slots(const struct heritage *heritage, const struct stored *stored,
                         const struct found *found, struct pools *pools)
{
    struct vault *vault = pools->slots.vault;
    struct counts counts = {0};
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        struct slot *slot = &vault->slots[i];
        if (slot->state == SLOT_LIVE) {
            settle_slot(vault, pools, slot, found[i], has_left_file(heritage, stored, slot->game),
                        &counts);
        } else {
            slot->player_fd = -1;
            slot->game_fd = -1;
        }
    }
    log_event(LOG_RESTORE, "players=%u lost=%u unlinked=%u", counts.players, counts.lost,
              counts.unlinked);
}

// A crate that has not come is not in the store, whatever was said to be there.
static void forget_missing(struct vault_store *store)
{
    bool has_come[VAULT_CRATES] = {false};
    for (int i = 0; i < manager_n_passed(); i++) {
        char name[MANAGER_NAME_BYTES];
        unsigned crate;
        if (sscanf(manager_name(name, i), "s%u", &crate) == 1 && crate < VAULT_CRATES)
            has_come[crate] = true;
    }
    for (unsigned i = 0; i < VAULT_CRATES; i++) {
        if (has_come[i] || store->crate[i].digest == 0)
            continue;
        store->n_players -= store->crate[i].n_players;
        store->crate[i] = (struct vault_crate){.side = store->crate[i].side};
    }
}

static bool find_all(const struct vault *vault, struct found *found)
{
    for (uint32_t i = 0; found && i < vault->head->slots_reserved; i++)
        found[i] = (struct found){-1, -1};
    for (int i = 0; found && i < manager_n_passed(); i++) {
        char name[MANAGER_NAME_BYTES];
        if (*manager_name(name, i) == STORE_SLOT)
            unpack(vault, found, MANAGER_FIRST_FD + i);
    }
    return found;
}

bool restore_slots(const struct heritage *heritage, const struct stored *stored)
{
    struct vault vault = heritage->vault;
    struct vault_head *head = vault.head;
    struct pools pools = {0};
    struct found *found = malloc((head->slots_reserved + 1) * sizeof *found);
    receipt_settle(&vault);
    bool is_found = find_all(&vault, found) && make_pools(&pools, &vault);
    if (is_found) {
        settle_slots(heritage, stored, found, &pools);
        forget_missing(&head->store);
        free_place(&head->guard);
        free_place(&head->table);
        free_place(&head->spare);
        workers_set_phase(head, WORKER_DEAD);
        head->ready_said = 0;
        if (upgrading_is_under_way(head))
            upgrading_set(head, UPGRADE_BACK, "stayd was started anew meanwhile");
    }
    free_pools(&pools);
    free(found);
    return is_found;
}
