// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One live slot (live_slot.h). Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_slot.h"

#include <sys/socket.h>
#include <unistd.h>

int live_slot_set_up(void **state)
{
    static struct fixture fixture;
    int pair[2];
    assert_int_equal(vault_make(&fixture.vault, 4), 0);
    assert_int_equal(slot_pool_make(&fixture.slots, &fixture.vault), 0);
    assert_int_equal(chunk_pool_make(&fixture.chunks, &fixture.vault), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    fixture.slot = slot_prepare(&fixture.slots);
    assert_non_null(fixture.slot);
    slot_claim(fixture.slot, pair[0]);
    fixture.peer = pair[1];
    *state = &fixture;
    return 0;
}

int live_slot_tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->slot->player_fd);
    close(fixture->peer);
    slot_pool_free(&fixture->slots);
    assert_null(fixture->slots.free);
    chunk_pool_free(&fixture->chunks);
    int fd = fixture->vault.fd;
    vault_unmap(&fixture->vault);
    close(fd);
    return 0;
}
