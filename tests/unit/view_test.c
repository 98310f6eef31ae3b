// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What entries are shown of the vault (vault/view.h): nobody but its maker can write it, by whatever
// way, and each key in it is whole or none.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_COPIES 20000u

struct fixture {
    struct vault_view *view;
    int fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->fd = view_make(&fixture->view);
    assert_true(fixture->fd >= 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    munmap(fixture->view, sizeof *fixture->view);
    close(fixture->fd);
    free(fixture);
    return 0;
}

static void assert_cannot_be_written(int fd)
{
    char byte = 'x';
    const size_t n = sizeof(struct vault_view);
    assert_ptr_equal(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_ptr_equal(mmap(NULL, n, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    void *read_only = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(read_only, MAP_FAILED);
    assert_int_equal(mprotect(read_only, n, PROT_READ | PROT_WRITE), -1);
    munmap(read_only, n);
    assert_int_equal(pwrite(fd, &byte, 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void only_its_maker_can_write_it(void **state)
{
    const struct fixture *fixture = *state;
    char path[64];
    fixture->view->ticket_keys[0].made_s = 77;
    assert_cannot_be_written(fixture->fd);
    int other = dup(fixture->fd);
    assert_cannot_be_written(other);
    close(other);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fixture->fd);
    int anew = open(path, O_RDWR | O_CLOEXEC);
    assert_true(anew >= 0);
    assert_cannot_be_written(anew);
    close(anew);
    anew = open(path, O_RDONLY | O_CLOEXEC);
    assert_cannot_be_written(anew);
    close(anew);
    assert_int_equal(open(path, O_RDWR | O_TRUNC), -1);
    assert_int_equal(fixture->view->ticket_keys[0].made_s, 77);
}

static void what_is_written_is_seen_by_who_has_mapped_it_before(void **state)
{
    const struct fixture *fixture = *state;
    const struct vault_view *seen = view_map(fixture->fd);
    struct vault_view *vaults = calloc(1, sizeof *vaults);
    assert_non_null(seen);
    assert_int_equal(seen->ticket_keys[1].made_s, 0);
    memset(vaults, 5, sizeof *vaults);
    view_copy(fixture->view, vaults);
    assert_memory_equal(seen->ticket_keys, vaults->ticket_keys, sizeof seen->ticket_keys);
    assert_memory_equal(seen->suspects, vaults->suspects, sizeof seen->suspects);
    assert_int_equal(seen->ticket_current, vaults->ticket_current);
    free(vaults);
    munmap((void *)(uintptr_t)seen, sizeof *seen);
}

// The guard of a clone, too, has it mapped to be written.
static void a_clone_of_its_maker_can_write_it(void **state)
{
    const struct fixture *fixture = *state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        fixture->view->ticket_current = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(fixture->view->ticket_current, 1);
}

// Each is later than the one before, and its bytes are the time's.
static void fill_key(struct vault_ticket_key *key, unsigned made_s)
{
    memset(key, (int)(made_s % 256), sizeof *key);
    key->made_s = made_s;
}

// Looked at as an entry does, at the time before and after. False: bytes are two keys'.
static bool is_whole_or_none(const struct vault_ticket_key *key)
{
    struct vault_ticket_key it;
    uint64_t before = __atomic_load_n(&key->made_s, __ATOMIC_ACQUIRE);
    memcpy(&it, key, sizeof it);
    atomic_thread_fence(memory_order_acquire);
    if (before == 0 || __atomic_load_n(&key->made_s, __ATOMIC_RELAXED) != before)
        return true;
    for (size_t i = 0; i < sizeof it.aes; i++)
        if (it.aes[i] != (uint8_t)before || it.hmac[i] != (uint8_t)before)
            return false;
    return true;
}

static void a_key_is_whole_or_none_at_whatever_moment_it_is_looked_at(void **state)
{
    const struct fixture *fixture = *state;
    static struct vault_view vaults;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 1; i <= N_COPIES; i++) {
            fill_key(&vaults.ticket_keys[0], i);
            view_copy(fixture->view, &vaults);
        }
        _exit(0);
    }
    pid_t ended = 0;
    while (ended == 0) {
        assert_true(is_whole_or_none(&fixture->view->ticket_keys[0]));
        ended = waitpid(pid, &status, WNOHANG);
    }
    assert_int_equal(ended, pid);
    assert_int_equal(status, 0);
    assert_int_equal(fixture->view->ticket_keys[0].made_s, N_COPIES);
}

static void what_is_no_view_cannot_be_mapped(void **state)
{
    int pair[2];
    (void)state;
    assert_null(view_map(-1));
    assert_int_equal(pipe(pair), 0);
    assert_null(view_map(pair[0]));
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_its_maker_can_write_it),
        TEST(what_is_written_is_seen_by_who_has_mapped_it_before),
        TEST(a_clone_of_its_maker_can_write_it),
        TEST(a_key_is_whole_or_none_at_whatever_moment_it_is_looked_at),
        TEST(what_is_no_view_cannot_be_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
