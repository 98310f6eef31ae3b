// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Keeping the store up to date (store.h). Slots are read here while the worker changes them: what
// was packed counts if the slots' claims are after it as they were before, because a claim is given
// up before its descriptor is closed, and no id and no number of a link is used twice. Errors: see
// store.h.
#include "guard/store.h"

#include "base/clock.h"
#include "base/log.h"
#include "guard/baton.h"
#include "guard/guard_part.h"
#include "guard/manager.h"
#include "vault/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define REST_MS 20u    // between two looks: who comes and goes in between costs one crate
#define RETRY_MS 5000u // after something went wrong
#define BARRIER_MS 5000
#define TURNS 20u
#define MAX_CRATES ((100000u + STORE_SLOTS - 1) / STORE_SLOTS) // most of max-players
#define NOT_KNOWN UINT64_MAX
#define NOTHING 0u

// The claims of a crate's slots.
struct claims {
    unsigned n;
    uint8_t n_players;
    struct stored_fd what[2 * STORE_SLOTS];
    int fd[2 * STORE_SLOTS];
};

static struct {
    bool is_in_use;
    bool is_due;
    bool is_broken; // the last look has found something wrong
    uint64_t look_ms;
    uint64_t heritage;          // whose the guard's crate is
    char side;                  // of the guard's crate
    uint64_t held[MAX_CRATES];  // digest of what the store has
    char slot_side[MAX_CRATES]; // 'a' or 'b'
    uint8_t n_players[MAX_CRATES];
    uint32_t n_stored; // their sum
} store;

static void add_claim(struct claims *claims, int fd, uint32_t slot, uint32_t link,
                      const uint8_t id[16])
{
    struct stored_fd *it = &claims->what[claims->n];
    *it = (struct stored_fd){.slot = slot, .link = link};
    memcpy(it->id, id, sizeof it->id);
    claims->fd[claims->n++] = fd;
}

// Of the slots below n.
static void look_at(const struct vault *vault, unsigned crate, uint32_t n, struct claims *claims)
{
    uint32_t end = (crate + 1) * STORE_SLOTS;
    if (end > n)
        end = n;
    claims->n = 0;
    claims->n_players = 0;
    for (uint32_t i = crate * STORE_SLOTS; i < end; i++) {
        const struct slot *slot = &vault->slots[i];
        if (atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_LIVE)
            continue;
        int game_fd = slot->game_fd;
        add_claim(claims, slot->player_fd, i, 0, slot->id);
        claims->n_players++;
        if (game_fd >= 0)
            add_claim(claims, game_fd, i, slot->n_links, slot->id);
    }
}

static bool are_same(const struct claims *one, const struct claims *other)
{
    return one->n == other->n && memcmp(one->what, other->what, one->n * sizeof *one->what) == 0 &&
           memcmp(one->fd, other->fd, one->n * sizeof *one->fd) == 0;
}

// FNV-1a. The descriptors' numbers do not count: what is stored has none.
static uint64_t digest(const struct claims *claims)
{
    const uint8_t *byte = (const uint8_t *)claims->what;
    uint64_t hash = 14695981039346656037u;
    if (claims->n == 0)
        return NOTHING;
    for (size_t i = 0; i < claims->n * sizeof *claims->what; i++)
        hash = (hash ^ byte[i]) * 1099511628211u;
    return hash == NOTHING || hash == NOT_KNOWN ? 1 : hash;
}

static char other_side(char side)
{
    return side == 'a' ? 'b' : 'a';
}

static bool take_away(const char *name, char side, bool waits)
{
    return manager_say(-1, waits, "FDSTOREREMOVE=1\nFDNAME=%s%c", name, side);
}

// The new crate is there before the old one is gone. The crate is closed.
static bool replace(const char *name, char *side, int crate, bool waits)
{
    bool is_done =
        manager_say(crate, waits, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%c", name, other_side(*side)) &&
        take_away(name, *side, waits);
    int error = errno;
    close(crate);
    errno = error;
    if (is_done)
        *side = other_side(*side);
    return is_done;
}

// EAGAIN: the manager has much to read.
static bool complain(const char *name)
{
    if (errno == EAGAIN)
        return false;
    store.is_broken = true;
    log_event(
        LOG_SYSTEM, "what=\"give descriptors to the service manager\" crate=%s error=\"%s\"%s",
        name, strerror(errno),
        errno == ETOOMANYREFS ? " fix=\"raise RLIMIT_NOFILE (LimitNOFILE= in the unit)\"" : "");
    return false;
}

static bool renew_slots(const struct vault *vault, unsigned crate, uint32_t n, bool waits)
{
    static struct claims now;
    static struct claims after;
    char name[16];
    char *side = &store.slot_side[crate];
    snprintf(name, sizeof name, "%c%u", STORE_SLOT, crate);
    look_at(vault, crate, n, &now);
    if (now.n > 0) {
        int packed = crate_pack(now.what, now.n * sizeof *now.what, now.fd, now.n);
        if (packed < 0 && errno != EBADF) // of which a claim was given up meanwhile
            return complain(name);
        look_at(vault, crate, n, &after);
        if (packed < 0 || !are_same(&now, &after)) {
            if (packed >= 0)
                close(packed);
            return false;
        }
        if (!replace(name, side, packed, waits))
            return complain(name);
    } else if (!take_away(name, 'a', waits) || !take_away(name, 'b', waits)) {
        return complain(name);
    }
    store.held[crate] = digest(&now);
    store.n_stored += now.n_players;
    store.n_stored -= store.n_players[crate];
    store.n_players[crate] = now.n_players;
    return true;
}

// The crate's slots below n, and no others. False: to be tried again.
static bool keep_slots(const struct vault *vault, unsigned crate, uint32_t n, bool waits)
{
    static struct claims now;
    uint64_t held = store.held[crate];
    look_at(vault, crate, n, &now);
    if (digest(&now) == held)
        return true;
    // An earlier guard's may be there under both names: each is taken away in its turn.
    return renew_slots(vault, crate, n, waits) &&
           (held != NOT_KNOWN || renew_slots(vault, crate, n, waits));
}

static void add_place(struct stored_guard *it, int fds[CRATE_MAX_FDS], int place, int fd)
{
    if (fd < 0)
        return;
    fds[it->n] = fd;
    it->place[it->n++] = place;
}

static void list_fds(const struct heritage *heritage, struct stored_guard *it,
                     int fds[CRATE_MAX_FDS])
{
    add_place(it, fds, HERITAGE_VAULT, heritage->vault.fd);
    add_place(it, fds, HERITAGE_LOCK, heritage->lock_fd);
    add_place(it, fds, HERITAGE_CONTROL, heritage->control_fd);
    for (unsigned i = 0; i < heritage->n_sockets; i++)
        add_place(it, fds, (int)(HERITAGE_SOCKETS + i), heritage->socket[i].fd);
}

static int pack_guard(const struct guard *guard)
{
    static uint8_t data[CRATE_MAX_BYTES];
    struct stored_guard it = {.serial = ++guard->vault.head->store_serial};
    int fds[CRATE_MAX_FDS];
    int packed = -1;
    list_fds(guard->heritage, &it, fds);
    char *baton = baton_make(guard->heritage, guard->heritage->program, guard->word,
                             guard->vault.table_number);
    size_t n = baton ? strlen(baton) : 0;
    if (n > 0 && n <= sizeof data - sizeof it) {
        memcpy(data, &it, sizeof it);
        memcpy(data + sizeof it, baton, n);
        packed = crate_pack(data, sizeof it + n, fds, it.n);
    } else {
        errno = baton ? EMSGSIZE : ENOMEM;
    }
    free(baton);
    return packed;
}

static bool renew_guard(const struct guard *guard, bool waits)
{
    static const char name[] = {STORE_GUARD, '\0'};
    int packed = pack_guard(guard);
    return (packed >= 0 && replace(name, &store.side, packed, waits)) || complain(name);
}

static bool keep_guard(const struct guard *guard, bool waits)
{
    if (store.heritage == guard->heritage->id)
        return true;
    bool is_done =
        renew_guard(guard, waits) && (store.heritage != NOT_KNOWN || renew_guard(guard, waits));
    if (is_done)
        store.heritage = guard->heritage->id;
    return is_done;
}

static unsigned n_crates(const struct vault *vault)
{
    unsigned n = (vault->head->slots_reserved + STORE_SLOTS - 1) / STORE_SLOTS;
    return n < MAX_CRATES ? n : MAX_CRATES;
}

// All crates; of the slots, those below n.
static bool keep_all(struct guard *guard, uint32_t n, bool waits)
{
    struct vault_head *head = guard->vault.head;
    uint32_t noted = head->claims_noted;
    bool is_done = keep_guard(guard, waits);
    if (n > head->slots_reserved)
        n = head->slots_reserved;
    for (unsigned i = 0; i < n_crates(&guard->vault); i++)
        is_done &= keep_slots(&guard->vault, i, n, waits);
    head->n_stored = store.n_stored;
    if (is_done)
        head->claims_stored = noted;
    return is_done;
}

void store_begin(struct guard *guard)
{
    store.is_in_use = manager_has_store();
    store.n_stored = 0;
    guard->vault.head->has_store = store.is_in_use;
    guard->vault.head->n_stored = 0;
    store.is_due = store.is_in_use;
    store.look_ms = 0;
    store.heritage = NOT_KNOWN;
    store.side = 'a';
    for (unsigned i = 0; i < MAX_CRATES; i++) {
        store.held[i] = NOT_KNOWN;
        store.slot_side[i] = 'a';
        store.n_players[i] = 0;
    }
}

void store_step(struct guard *guard, uint64_t now_ms)
{
    const struct vault *vault = &guard->vault;
    eventfd_t count;
    if (!store.is_in_use)
        return;
    if (eventfd_read(vault_guard_fds(vault)[HERITAGE_CLAIMS], &count) == 0 ||
        store.heritage != guard->heritage->id)
        store.is_due = true;
    if (!store.is_due || now_ms < store.look_ms)
        return;
    store.is_broken = false;
    store.is_due = !keep_all(guard, guard->heritage->conf.store_players, false);
    store.look_ms = now_ms + (store.is_broken ? RETRY_MS : REST_MS);
}

int store_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    (void)guard;
    if (!store.is_due)
        return -1;
    return store.look_ms > now_ms ? (int)(store.look_ms - now_ms) : 0;
}

int store_fd(const struct guard *guard)
{
    return store.is_in_use && !store.is_due ? vault_guard_fds(&guard->vault)[HERITAGE_CLAIMS] : -1;
}

bool store_all(struct guard *guard)
{
    bool is_done = false;
    store.is_broken = false;
    // Slots that change meanwhile are no error.
    for (unsigned turn = 0; turn < TURNS && !is_done && !store.is_broken; turn++)
        is_done = keep_all(guard, UINT32_MAX, true);
    return is_done && manager_wait(BARRIER_MS);
}

void store_empty(struct guard *guard)
{
    char name[16] = {STORE_GUARD, '\0'};
    if (!store.is_in_use)
        return;
    take_away(name, 'a', true);
    take_away(name, 'b', true);
    for (unsigned i = 0; i < n_crates(&guard->vault); i++) {
        snprintf(name, sizeof name, "%c%u", STORE_SLOT, i);
        take_away(name, 'a', true);
        take_away(name, 'b', true);
    }
    manager_wait(BARRIER_MS);
}
