// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Keeping the store up to date (store.h). Slots are read here while the worker changes them: what
// was packed counts if the slots' claims are after it as they were before, because a claim is given
// up before its descriptor is closed, and no id and no number of a link is used twice.
#include "guard/store/store.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "guard/guard_part.h"
#include "guard/store/manager.h"
#include "guard/upgrade/baton.h"
#include "vault/slot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#define REST_MS 20u          // between two looks: who comes and goes in between costs one crate
#define STORE_RETRY_MS 5000u // after something went wrong
#define BUSY_LOOKS 250u      // in vain, before it is said that the manager is too busy
#define BARRIER_MS 5000
#define TURNS 20u

// The claims of a crate's slots.
struct claims {
    unsigned n;
    uint8_t n_players;
    struct stored_fd what[2 * VAULT_CRATE_SLOTS];
    int fd[2 * VAULT_CRATE_SLOTS];
};

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
    uint32_t end = (crate + 1) * VAULT_CRATE_SLOTS;
    if (end > n)
        end = n;
    if (end > vault->head->slots_reserved)
        end = vault->head->slots_reserved;
    claims->n = 0;
    claims->n_players = 0;
    for (uint32_t i = crate * VAULT_CRATE_SLOTS; i < end; i++) {
        const struct slot *slot = &vault->slots[i];
        if (atomic_load_explicit(&slot->state, memory_order_acquire) != SLOT_LIVE ||
            slot_is_farewell(slot)) // which lasts for some seconds
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

// The descriptors' numbers do not count: what is stored has none.
static uint64_t digest(const struct claims *claims)
{
    if (claims->n == 0)
        return 0;
    uint64_t hash = hash64_add(HASH64_START, claims->what, claims->n * sizeof *claims->what);
    return hash ? hash : 1;
}

static bool take_away(const char *name, unsigned side, bool waits)
{
    return manager_say(-1, waits, "FDSTOREREMOVE=1\nFDNAME=%s%c", name, side & 1 ? 'b' : 'a');
}

// The new crate is there before the old one is gone. A guard that dies in between, or before it has
// noted the new side, leaves one too many, which goes at the crate's next change but one. The crate
// is closed.
static bool replace(const char *name, unsigned side, int crate, bool waits)
{
    bool is_done =
        manager_say(crate, waits, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%c", name, side & 1 ? 'a' : 'b') &&
        take_away(name, side, waits);
    fd_close(crate);
    return is_done;
}

// Not done now. The manager may have much to read (EAGAIN), or still to close what was taken away
// (ETOOMANYREFS).
static bool complain(struct store *store, const char *name)
{
    bool is_busy = errno == EAGAIN || errno == ETOOMANYREFS;
    if (is_busy && store->n_busy < BUSY_LOOKS)
        return false;
    store->is_broken = true;
    log_event(
        LOG_SYSTEM, "what=\"give descriptors to the service manager\" crate=%s error=\"%s\"%s",
        name, strerror(errno),
        errno == ETOOMANYREFS ? " fix=\"raise RLIMIT_NOFILE (LimitNOFILE= in the unit)\"" : "");
    return false;
}

static bool put_slots(struct guard *guard, unsigned crate, uint32_t n, const char *name,
                      const struct claims *now, bool waits)
{
    struct claims after;
    unsigned side = guard->vault.head->store.crate[crate].side;
    int packed = crate_pack(now->what, now->n * sizeof *now->what, now->fd, now->n);
    if (packed < 0 && errno != EBADF) // of which a claim was given up meanwhile
        return complain(&guard->store, name);
    look_at(&guard->vault, crate, n, &after);
    if (packed >= 0 && are_same(now, &after))
        return replace(name, side, packed, waits) || complain(&guard->store, name);
    if (packed >= 0)
        close(packed);
    return false;
}

// The crate's slots below n, and no others. False: to be tried again.
static bool keep_slots(struct guard *guard, unsigned crate, uint32_t n, bool waits)
{
    struct claims now;
    struct vault_store *head = &guard->vault.head->store;
    struct vault_crate *it = &head->crate[crate];
    char name[16];
    snprintf(name, sizeof name, "%c%u", STORE_SLOT, crate);
    look_at(&guard->vault, crate, n, &now);
    uint64_t wanted = digest(&now);
    if (wanted == it->digest)
        return true;
    if (now.n > 0 && !put_slots(guard, crate, n, name, &now, waits))
        return false;
    if (now.n == 0 && (!take_away(name, 0, waits) || !take_away(name, 1, waits)))
        return complain(&guard->store, name);
    it->side ^= 1;
    it->digest = wanted;
    head->n_players += now.n_players;
    head->n_players -= it->n_players;
    it->n_players = now.n_players;
    return true;
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
    struct stored_guard it = {.serial = ++guard->vault.head->store.serial};
    int fds[CRATE_MAX_FDS];
    int packed = -1;
    list_fds(guard->heritage, &it, fds);
    char *baton = baton_make(guard->heritage, guard->heritage->program, guard->word,
                             guard->vault.table_number);
    size_t n = baton ? strlen(baton) : 0;
    uint8_t *data = malloc(sizeof it + n);
    if (baton && data && sizeof it + n <= CRATE_MAX_BYTES) {
        memcpy(data, &it, sizeof it);
        memcpy(data + sizeof it, baton, n);
        packed = crate_pack(data, sizeof it + n, fds, it.n);
    } else {
        errno = baton && data ? EMSGSIZE : ENOMEM;
    }
    free(data);
    free(baton);
    return packed;
}

static bool keep_guard(struct guard *guard, bool waits)
{
    static const char name[] = {STORE_GUARD, '\0'};
    struct vault_store *head = &guard->vault.head->store;
    if (head->heritage == guard->heritage->id + 1)
        return true;
    int packed = pack_guard(guard);
    if (packed < 0 || !replace(name, head->side, packed, waits))
        return complain(&guard->store, name);
    head->side ^= 1;
    head->heritage = guard->heritage->id + 1;
    return true;
}

static unsigned n_crates(const struct vault *vault)
{
    unsigned n = (vault->head->slots_reserved + VAULT_CRATE_SLOTS - 1) / VAULT_CRATE_SLOTS;
    return n < VAULT_CRATES ? n : VAULT_CRATES;
}

static void mark_all(struct vault_store *head)
{
    for (unsigned i = 0; i < VAULT_CRATES / 64; i++)
        head->marks[i] = UINT64_MAX;
}

// The mark is taken before the slots are looked at, and put back if that was for nothing.
static bool keep_marked(struct guard *guard, unsigned crate, uint32_t n, bool waits)
{
    _Atomic uint64_t *marks = &guard->vault.head->store.marks[crate / 64];
    uint64_t mark = UINT64_C(1) << crate % 64;
    if (!(*marks & mark))
        return true;
    atomic_fetch_and(marks, ~mark);
    if (keep_slots(guard, crate, n, waits))
        return true;
    atomic_fetch_or(marks, mark);
    return false;
}

// All that has changed; of the slots, those below n.
static bool keep_all(struct guard *guard, uint32_t n, bool waits)
{
    struct store *store = &guard->store;
    struct vault_store *head = &guard->vault.head->store;
    uint32_t noted = head->claims_noted;
    if (store->n_wanted != n)
        mark_all(head);
    store->n_wanted = n;
    store->is_broken = false;
    bool is_done = keep_guard(guard, waits);
    for (unsigned i = 0; i < n_crates(&guard->vault); i++)
        is_done &= keep_marked(guard, i, n, waits);
    if (is_done)
        head->claims_stored = noted;
    store->n_busy = is_done || store->is_broken ? 0 : store->n_busy + 1;
    return is_done;
}

// Before Linux 6.1, each close of a Unix socket walks all that are in flight.
static void warn_of_old_kernel(void)
{
    struct utsname kernel;
    unsigned major, minor;
    if (uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
        (major < 6 || (major == 6 && minor < 1)))
        log_event(LOG_RELOAD_REMARK,
                  "what=\"kernel %s\" why=\"the store slows it down with many players\" "
                  "fix=\"Linux 6.1 or later, or store-players = 0\"",
                  kernel.release);
}

void store_begin(struct guard *guard)
{
    struct vault_store *head = &guard->vault.head->store;
    bool is_in_use = manager_has_store();
    if (is_in_use && !head->is_in_use)
        warn_of_old_kernel();
    guard->store = (struct store){.is_in_use = is_in_use, .is_due = is_in_use};
    head->is_in_use = is_in_use;
    mark_all(head); // of some an earlier guard may have taken the mark
}

// Slots below this are stored all the time. Among the players' are some that were farewells', so all
// of the players are in more slots than there are seats.
static uint32_t n_wanted(const struct guard *guard)
{
    const uint32_t n_players = guard->heritage->conf.store_players;
    return n_players < guard->vault.head->n_seats ? n_players : UINT32_MAX;
}

void store_step(struct guard *guard, uint64_t now_ms)
{
    const struct vault *vault = &guard->vault;
    struct store *store = &guard->store;
    eventfd_t count;
    if (!store->is_in_use)
        return;
    if (eventfd_read(vault_guard_fds(vault)[HERITAGE_CLAIMS], &count) == 0 ||
        vault->head->store.heritage != guard->heritage->id + 1)
        store->is_due = true;
    if (!store->is_due || now_ms < store->look_ms)
        return;
    store->is_due = !keep_all(guard, n_wanted(guard), false);
    store->look_ms = now_ms + (store->is_broken ? STORE_RETRY_MS : REST_MS);
}

int store_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    const struct store *store = &guard->store;
    if (!store->is_due)
        return -1;
    return store->look_ms > now_ms ? (int)(store->look_ms - now_ms) : 0;
}

int store_fd(const struct guard *guard)
{
    bool is_watched = guard->store.is_in_use && !guard->store.is_due;
    return is_watched ? vault_guard_fds(&guard->vault)[HERITAGE_CLAIMS] : -1;
}

bool store_all(struct guard *guard)
{
    bool is_done = false;
    // Slots that change meanwhile are no error; what was taken away has to be closed, too.
    for (unsigned turn = 0; turn < TURNS && !is_done; turn++)
        is_done = keep_all(guard, UINT32_MAX, true) && manager_wait(BARRIER_MS);
    return is_done;
}

void store_empty(struct guard *guard)
{
    char name[16] = {STORE_GUARD, '\0'};
    if (!guard->store.is_in_use)
        return;
    take_away(name, 0, true);
    take_away(name, 1, true);
    for (unsigned i = 0; i < n_crates(&guard->vault); i++) {
        snprintf(name, sizeof name, "%c%u", STORE_SLOT, i);
        take_away(name, 0, true);
        take_away(name, 1, true);
    }
    manager_wait(BARRIER_MS);
}
