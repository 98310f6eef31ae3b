// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making, recognising and reserving the shared memory (vault.h).
// Errors: -1 with errno; the caller says it once.
#include "vault/vault.h"

#include "base/clock.h"
#include "base/memfd.h"
#include "vault/point.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define RESERVE_CHUNKS 4u // chunks reserved at a time
#define CELLS_A_PAGE (PAGE / sizeof(struct cell))
// Its size is its size: no descriptor of it can make a mapped page go, which would be SIGBUS.
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static uint64_t pages(uint64_t n_bytes)
{
    return (n_bytes + PAGE - 1) / PAGE * PAGE;
}

static uint64_t slots_bytes(uint32_t n_slots)
{
    return pages((uint64_t)n_slots * sizeof(struct slot));
}

// One state is being replaced at a time; while it is, the old one and the new one stand there.
static uint32_t cells_for(uint32_t n_slots)
{
    return (n_slots + 1) * CELLS_PER_SLOT;
}

static uint64_t cells_bytes(uint32_t n_cells)
{
    return pages((uint64_t)n_cells * sizeof(struct cell));
}

static uint64_t chunks_bytes(uint32_t n_chunks)
{
    return (uint64_t)n_chunks * CHUNK_BYTES;
}

static uint64_t cells_offset(uint32_t n_slots)
{
    return VAULT_HEAD_BYTES + slots_bytes(n_slots);
}

static uint64_t chunks_offset(uint32_t n_slots)
{
    return cells_offset(n_slots) + cells_bytes(cells_for(n_slots));
}

enum access { TO_USE, TO_LOOK };

static int map_all(struct vault *vault, int fd, uint64_t n_bytes, uint32_t n_slots,
                   enum access access)
{
    // What is sealed against writing cannot be mapped shared before Linux 6.7.
    uint8_t *base = access == TO_LOOK
                        ? mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0)
                        : mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -1;
    // Keys do not belong in core files.
    madvise(base, n_bytes, MADV_DONTDUMP);
    vault->fd = fd;
    vault->head = (void *)base;
    vault->table_number = vault->head->table_number;
    vault->slots = (void *)(base + VAULT_HEAD_BYTES);
    vault->cells = (void *)(base + cells_offset(n_slots));
    vault->chunks = base + chunks_offset(n_slots);
    return 0;
}

static uint64_t total_bytes(uint32_t n_slots)
{
    return chunks_offset(n_slots) + chunks_bytes(n_slots * CHUNKS_PER_SLOT);
}

static void fill_head(struct vault_head *head, uint32_t n_seats, uint64_t n_bytes)
{
    const uint32_t n_slots = n_seats + VAULT_FAREWELLS;
    head->layout = VAULT_LAYOUT;
    head->head_bytes = VAULT_HEAD_BYTES;
    head->slot_bytes = sizeof(struct slot);
    head->chunk_bytes = CHUNK_BYTES;
    head->n_slots = n_slots;
    head->n_chunks = n_slots * CHUNKS_PER_SLOT;
    head->n_cells = cells_for(n_slots);
    head->cell_bytes = sizeof(struct cell);
    head->n_seats = n_seats;
    head->total_bytes = n_bytes;
    head->made_ms = clock_wall_ms();
    head->serving_slot = SLOT_NONE;
    head->serving_entry = ENTRY_NONE;
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        head->guard_fds[0][i] = head->guard_fds[1][i] = -1;
    head->receipt.slot = SLOT_NONE;
    head->magic = VAULT_MAGIC;
}

int vault_make(struct vault *vault, uint32_t n_seats)
{
    const uint32_t n_slots = n_seats + VAULT_FAREWELLS;
    uint64_t n_bytes = total_bytes(n_slots);
    int fd = memfd_make("stayd-vault");
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)n_bytes) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0 ||
        fallocate(fd, 0, 0, VAULT_HEAD_BYTES) < 0 ||
        map_all(vault, fd, n_bytes, n_slots, TO_USE) < 0) {
        close(fd);
        return -1;
    }
    fill_head(vault->head, n_seats, n_bytes);
    return 0;
}

bool vault_is_known(const struct vault_head *head)
{
    return head->magic == VAULT_MAGIC && head->layout == VAULT_LAYOUT &&
           head->head_bytes == VAULT_HEAD_BYTES && head->slot_bytes == sizeof(struct slot) &&
           head->cell_bytes == sizeof(struct cell) && head->chunk_bytes == CHUNK_BYTES &&
           head->n_slots == head->n_seats + VAULT_FAREWELLS &&
           head->n_chunks == head->n_slots * CHUNKS_PER_SLOT &&
           head->n_cells == cells_for(head->n_slots) &&
           head->total_bytes == total_bytes(head->n_slots);
}

static int map_known(struct vault *vault, int fd, enum access access)
{
    struct vault_head head;
    struct stat status;
    ssize_t n = pread(fd, &head, sizeof head, 0);
    if (n < 0 || fstat(fd, &status) < 0)
        return -1;
    if (n != (ssize_t)sizeof head || !vault_is_known(&head) ||
        (uint64_t)status.st_size != head.total_bytes) {
        errno = EPROTO;
        return -1;
    }
    return map_all(vault, fd, head.total_bytes, head.n_slots, access);
}

int vault_map(struct vault *vault, int fd)
{
    return map_known(vault, fd, TO_USE);
}

int vault_map_to_look(struct vault *vault, int fd)
{
    return map_known(vault, fd, TO_LOOK);
}

void vault_unmap(struct vault *vault)
{
    munmap(vault->head, vault->head->total_bytes);
    *vault = (struct vault){.fd = -1};
}

int vault_lock(struct vault *vault)
{
    // Not being allowed to is no reason not to run.
    (void)mlock2(vault->head, vault->head->total_bytes, MLOCK_ONFAULT);
    return mlock(&vault->head->receipt, PAGE);
}

// Memory behind the bytes [from, to) of the part that begins at `offset`. 0, or -1 with errno.
static int put_memory(const struct vault *vault, uint64_t offset, uint64_t from, uint64_t to)
{
    return to > from ? fallocate(vault->fd, 0, (off_t)(offset + from), (off_t)(to - from)) : 0;
}

// n, rounded up to whole steps, and not more than there are.
static uint32_t whole_steps(uint32_t n, size_t step, uint32_t n_all)
{
    uint32_t whole = (uint32_t)((n + step - 1) / step * step);
    return whole < n_all ? whole : n_all;
}

int vault_reserve_slots(struct vault *vault, uint32_t n)
{
    struct vault_head *head = vault->head;
    uint32_t have = head->slots_reserved;
    if (n <= have)
        return 0;
    if (put_memory(vault, VAULT_HEAD_BYTES, slots_bytes(have), slots_bytes(n)) < 0)
        return -1;
    POINT(SLOT_RESERVED);
    head->slots_reserved = n;
    return 0;
}

int vault_reserve_cells(struct vault *vault, uint32_t n)
{
    struct vault_head *head = vault->head;
    uint32_t have = head->cells_reserved;
    if (n <= have)
        return 0;
    n = whole_steps(n, CELLS_A_PAGE, head->n_cells);
    if (put_memory(vault, cells_offset(head->n_slots), cells_bytes(have), cells_bytes(n)) < 0)
        return -1;
    POINT(CELL_RESERVED);
    head->cells_reserved = n;
    return 0;
}

int vault_reserve_chunks(struct vault *vault, uint32_t n)
{
    struct vault_head *head = vault->head;
    uint32_t have = head->chunks_reserved;
    if (n <= have)
        return 0;
    n = whole_steps(n, RESERVE_CHUNKS, head->n_chunks);
    if (put_memory(vault, chunks_offset(head->n_slots), chunks_bytes(have), chunks_bytes(n)) < 0)
        return -1;
    POINT(CHUNK_RESERVED);
    head->chunks_reserved = n;
    return 0;
}

void vault_trim_chunks(struct vault *vault, uint32_t n)
{
    struct vault_head *head = vault->head;
    uint32_t have = head->chunks_reserved;
    if (n >= have)
        return;
    // First nobody counts on the memory, then it goes.
    head->chunks_reserved = n;
    POINT(CHUNK_TRIMMED);
    (void)fallocate(vault->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t)(chunks_offset(head->n_slots) + chunks_bytes(n)),
                    (off_t)chunks_bytes(have - n));
}
