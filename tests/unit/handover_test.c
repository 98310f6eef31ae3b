// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The queue between entry and worker (vault/handover.h), over real connections: what comes out of
// it, what is refused, and that no descriptor is left open by either. What the worker makes of it is
// inbox_test's; that its death costs nobody, tests/crash'.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connection.h"
#include "vault/handover.h"
#include "vault/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct fixture {
    int n_fds; // before all
    int queue;
    int sending;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->n_fds = connection_count_fds();
    assert_int_equal(handover_make(&fixture->queue, &fixture->sending), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->queue);
    if (fixture->sending >= 0)
        close(fixture->sending);
    assert_int_equal(connection_count_fds(), fixture->n_fds);
    free(fixture);
    return 0;
}

static int make_connection(void)
{
    int player, ours;
    connection_make(&player, &ours);
    close(player);
    return ours;
}

static void send_player(const struct fixture *fixture, uint64_t number)
{
    const struct handover message = {.number = number, .arrival.port = (uint16_t)number};
    int fd = make_connection();
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
}

static void assert_head(const struct fixture *fixture, enum handover_head expected)
{
    struct handover message;
    int fd = -2;
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), expected);
    assert_int_equal(fd, -1);
}

static void assert_player(const struct fixture *fixture, uint64_t number)
{
    struct handover message;
    int fd;
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    assert_int_equal(message.number, number);
    assert_int_equal(message.arrival.port, (uint16_t)number);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

static void die(struct fixture *fixture)
{
    close(fixture->sending);
    fixture->sending = -1;
}

static void players_come_in_their_order_and_stay_until_they_are_taken(void **state)
{
    const struct fixture *fixture = *state;
    assert_head(fixture, HANDOVER_NONE);
    for (uint64_t number = 1; number <= 3; number++)
        send_player(fixture, number);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_player(fixture, number);
        assert_player(fixture, number);
        handover_take(fixture->queue);
    }
    assert_head(fixture, HANDOVER_NONE);
    handover_take(fixture->queue); // of nothing
    assert_head(fixture, HANDOVER_NONE);
}

static void what_arrives_is_the_connection_itself(void **state)
{
    const struct fixture *fixture = *state;
    struct handover message = {.number = 1};
    int player, ours, fd;
    char byte = 0;
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending, &message, ours), 0);
    close(ours);
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    handover_take(fixture->queue);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(recv(player, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(fd);
    assert_int_equal(recv(player, &byte, 1, 0), 0); // nobody else has it
    close(player);
}

static void who_is_thrown_away_is_disconnected(void **state)
{
    const struct fixture *fixture = *state;
    const struct handover message = {.number = 1};
    int player, ours;
    char byte;
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending, &message, ours), 0);
    close(ours);
    handover_take(fixture->queue);
    assert_int_equal(recv(player, &byte, 1, 0), 0);
    close(player);
}

static void a_full_queue_says_so_and_has_room_again(void **state)
{
    const struct fixture *fixture = *state;
    struct handover message = {.number = 0};
    uint64_t n_sent = 0;
    int fd = make_connection();
    while (message.number = n_sent + 1, handover_send(fixture->sending, &message, fd) == 0)
        n_sent++;
    assert_int_equal(errno, EAGAIN);
    assert_true(n_sent >= 8);
    for (uint64_t number = 1; number <= n_sent; number++) {
        struct handover it;
        int given;
        assert_int_equal(handover_peek(fixture->queue, &it, &given), HANDOVER_THERE);
        assert_int_equal(it.number, number);
        close(given);
        handover_take(fixture->queue);
    }
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
}

static void as_many_as_may_have_descriptors_in_flight_are_sent(void **state)
{
    const struct fixture *fixture = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit less = {.rlim_cur = 40, .rlim_max = limit.rlim_max};
    const struct handover message = {.number = 1};
    int fd = make_connection();
    bool is_root = geteuid() == 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    while (handover_send(fixture->sending, &message, fd) == 0)
        ;
    // Root may have more in flight.
    assert_true(errno == ETOOMANYREFS || (is_root && errno == EAGAIN));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(fd);
}

static void what_a_dead_entry_has_sent_is_read_before_its_end(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t number = 1; number <= 2; number++)
        send_player(fixture, number);
    die(fixture);
    for (uint64_t number = 1; number <= 2; number++) {
        assert_player(fixture, number);
        handover_take(fixture->queue);
    }
    assert_head(fixture, HANDOVER_ENDED);
    assert_head(fixture, HANDOVER_ENDED);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_ENDED);
}

// That it has not heard an order is no reason to lose whom it has sent.
static void so_it_is_when_it_dies_with_an_order_unread(void **state)
{
    struct fixture *fixture = *state;
    send_player(fixture, 1);
    send_player(fixture, 2);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    die(fixture);
    assert_player(fixture, 1);
    handover_take(fixture->queue);
    assert_player(fixture, 2);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_ENDED);
}

static void
an_entry_that_dies_between_look_and_take_leaves_nothing_to_be_looked_at_twice(void **state)
{
    struct fixture *fixture = *state;
    send_player(fixture, 1);
    send_player(fixture, 2);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    assert_player(fixture, 1);
    die(fixture);
    handover_take(fixture->queue);
    assert_player(fixture, 2);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_ENDED);
}

static void what_was_sent_is_read_before_the_end_of_a_queue_that_was_shut(void **state)
{
    const struct fixture *fixture = *state;
    const struct handover message = {.number = 2};
    send_player(fixture, 1);
    assert_int_equal(shutdown(fixture->queue, SHUT_RDWR), 0);
    int fd = make_connection();
    assert_int_equal(handover_send(fixture->sending, &message, fd), -1);
    assert_int_equal(errno, EPIPE);
    close(fd);
    assert_player(fixture, 1);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_ENDED);
    assert_int_equal(handover_hear(fixture->sending), -1);
}

static void orders_are_heard_one_by_one_and_the_end_of_all_who_give_them(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(handover_hear(fixture->sending), 0);
    handover_order(fixture->queue, HANDOVER_OPEN);
    handover_order(fixture->queue, HANDOVER_OPEN);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_OPEN);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_OPEN);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_RETIRE);
    assert_int_equal(handover_hear(fixture->sending), 0);
    int other = dup(fixture->queue); // of a process that lives
    close(fixture->queue);
    assert_int_equal(handover_hear(fixture->sending), 0);
    close(other);
    assert_int_equal(handover_hear(fixture->sending), -1);
    handover_order(fixture->sending, HANDOVER_OPEN); // to nobody: no signal
    fixture->queue = -1;
}

// ---- What is no message ----

#define MOST_FDS 4u

static void an_entry_knows_whether_anybody_hears_it(void **state)
{
    struct fixture *fixture = *state;
    assert_true(handover_is_heard(fixture->sending));
    handover_order(fixture->queue, HANDOVER_LOG);
    assert_true(handover_is_heard(fixture->sending));
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_LOG);
    int ends[2];
    assert_int_equal(handover_make(&ends[0], &ends[1]), 0);
    close(ends[0]);
    assert_false(handover_is_heard(ends[1]));
    close(ends[1]);
    assert_false(handover_is_heard(ends[1]));
}

// An entry may have made it wait for its own end.
static void whose_connection_is_closed_is_not_waited_for(void **state)
{
    const struct fixture *fixture = *state;
    struct handover message = {.number = 1};
    struct linger linger = {.l_onoff = 1, .l_linger = 9};
    socklen_t n = sizeof linger;
    int fd = make_connection();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    assert_int_equal(linger.l_onoff, 0);
    close(fd);
    handover_take(fixture->queue);
}

static void send_anything(const struct fixture *fixture, const void *bytes, size_t n_bytes,
                          const int *fds, unsigned n_fds)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(n_fds * sizeof *fds),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec iovec = {(void *)(uintptr_t)bytes, n_bytes};
    struct msghdr header = {.msg_iov = &iovec, .msg_iovlen = 1};
    if (n_fds > 0) {
        memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof *fds);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
    }
    assert_int_equal(sendmsg(fixture->sending, &header, 0), (ssize_t)n_bytes);
}

// It is refused, nothing of it stays open, and who comes behind it is let in.
static void assert_wrong(const struct fixture *fixture)
{
    int n_fds = connection_count_fds();
    assert_head(fixture, HANDOVER_WRONG);
    assert_head(fixture, HANDOVER_WRONG);
    assert_int_equal(connection_count_fds(), n_fds);
    handover_take(fixture->queue);
    send_player(fixture, 7);
    assert_player(fixture, 7);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_NONE);
    assert_int_equal(connection_count_fds(), n_fds);
}

static void a_message_of_another_length_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    static const uint8_t zeros[2 * sizeof(struct handover)];
    const size_t size = sizeof(struct handover);
    const size_t lengths[] = {0, 1, 8, size - 1, size + 1, sizeof zeros};
    int fd = make_connection();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        send_anything(fixture, zeros, lengths[i], &fd, 1);
        assert_wrong(fixture);
        if (lengths[i] == 0)
            continue; // without a descriptor it cannot be told from the end
        send_anything(fixture, zeros, lengths[i], NULL, 0);
        assert_wrong(fixture);
    }
    close(fd);
}

static void a_message_of_another_number_of_descriptors_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    const struct handover message = {.number = 1};
    int fds[MOST_FDS];
    for (unsigned i = 0; i < MOST_FDS; i++)
        fds[i] = make_connection();
    for (unsigned n = 0; n <= MOST_FDS; n++) {
        if (n == 1)
            continue;
        send_anything(fixture, &message, sizeof message, fds, n);
        assert_wrong(fixture);
        if (n == 0)
            continue;
        send_anything(fixture, NULL, 0, fds, n);
        assert_wrong(fixture);
    }
    for (unsigned i = 0; i < MOST_FDS; i++)
        close(fds[i]);
}

static void refuse_descriptor(const struct fixture *fixture, int fd)
{
    const struct handover message = {.number = 1};
    assert_true(fd >= 0);
    send_anything(fixture, &message, sizeof message, &fd, 1);
    close(fd);
    assert_wrong(fixture);
}

static void a_descriptor_that_is_no_connection_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int pair[2];
    assert_int_equal(listen(listening, 1), 0);
    refuse_descriptor(fixture, listening);
    listening = socket(AF_INET6, SOCK_STREAM, 0);
    if (listening >= 0 && listen(listening, 1) == 0)
        refuse_descriptor(fixture, listening);
    else if (listening >= 0)
        close(listening);
    refuse_descriptor(fixture, socket(AF_INET, SOCK_DGRAM, 0));
    assert_int_equal(pipe(pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    refuse_descriptor(fixture, memfd_create("a test", 0));
    refuse_descriptor(fixture, open("/", O_RDONLY));
    refuse_descriptor(fixture, open("/", O_PATH));
    // The queue's own ends: nobody could see its end any more.
    refuse_descriptor(fixture, dup(fixture->queue));
    refuse_descriptor(fixture, dup(fixture->sending));
}

static void a_number_that_has_no_key_of_its_own_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    const uint64_t numbers[] = {UINT64_C(1) << 40, (UINT64_C(1) << 40) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        send_player(fixture, numbers[i]);
        assert_wrong(fixture);
    }
    send_player(fixture, (UINT64_C(1) << 40) - 1);
    assert_player(fixture, (UINT64_C(1) << 40) - 1);
}

// ---- Shortage ----

// As many descriptors as this process has, and n more. Returns the limit of before.
static struct rlimit limit_fds(rlim_t n)
{
    struct rlimit limit;
    int lowest = dup(0); // all below are in use, or of the same kind as those above
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    close(lowest);
    const struct rlimit less = {.rlim_cur = (rlim_t)lowest + n, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    return limit;
}

static void without_room_for_a_descriptor_the_player_waits(void **state)
{
    const struct fixture *fixture = *state;
    send_player(fixture, 1);
    int n_fds = connection_count_fds();
    struct rlimit limit = limit_fds(0);
    for (int i = 0; i < 3; i++) {
        assert_head(fixture, HANDOVER_SHORT);
        assert_int_equal(errno, EMFILE);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(connection_count_fds(), n_fds);
    assert_player(fixture, 1);
    handover_take(fixture->queue);
    assert_head(fixture, HANDOVER_NONE);
}

static void of_two_descriptors_for_which_there_is_room_for_one_none_stays(void **state)
{
    const struct fixture *fixture = *state;
    const struct handover message = {.number = 1};
    int fds[2] = {make_connection(), make_connection()};
    send_anything(fixture, &message, sizeof message, fds, 2);
    struct rlimit limit = limit_fds(1);
    assert_head(fixture, HANDOVER_WRONG);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(fds[0]);
    close(fds[1]);
    assert_wrong(fixture);
}

static void what_is_no_queue_has_ended_or_cannot_be_read(void **state)
{
    const struct fixture *fixture = *state;
    const struct fixture other = {.queue = socket(AF_UNIX, SOCK_SEQPACKET, 0)};
    assert_head(&other, HANDOVER_ENDED);
    close(other.queue);
    assert_head(&other, HANDOVER_SHORT);
    assert_int_equal(errno, EBADF);
    assert_head(fixture, HANDOVER_NONE);
}

static void a_queue_that_cannot_be_had_is_none(void **state)
{
    (void)state;
    int ends[2] = {-7, -7};
    struct rlimit limit = limit_fds(0);
    const int result = handover_make(&ends[0], &ends[1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(result, -1);
    assert_int_equal(ends[0], -7);
}

// ---- The next worker ----

static void keys_are_never_none_and_never_another_messages(void **state)
{
    static const uint64_t serials[] = {1, 2, 3, 1000, (UINT64_C(1) << 24) - 1};
    static const uint64_t numbers[] = {1, 2, 3, UINT64_C(1) << 32, (UINT64_C(1) << 40) - 1};
    uint64_t keys[25];
    unsigned n = 0;
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < 5; j++)
            keys[n++] = handover_key(serials[i], numbers[j]);
    for (unsigned i = 0; i < n; i++) {
        assert_int_not_equal(keys[i], 0);
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(keys[i], keys[j]);
    }
}

static struct vault_entry *make_entry(struct vault *vault, const struct fixture *fixture)
{
    assert_int_equal(vault_make(vault, 4), 0);
    assert_int_equal(vault_reserve_slots(vault, 4), 0);
    struct vault_entry *entry = &vault_entries(vault)->place[2];
    vault_guard_fds(vault)[VAULT_ENTRY_QUEUES + 2] = fixture->queue;
    *entry = (struct vault_entry){.state = ENTRY_MADE, .serial = 5, .crashes = 1};
    return entry;
}

static void let_in(const struct vault *vault, unsigned i, uint64_t serial, uint64_t number)
{
    vault->slots[i].arrival = handover_key(serial, number);
    vault->slots[i].player_fd = 0;
    vault->slots[i].game_fd = -1;
    vault->slots[i].state = SLOT_LIVE;
}

static void drop_vault(struct vault *vault)
{
    int fd = vault->fd;
    vault_unmap(vault);
    close(fd);
}

static void a_message_whose_player_is_in_is_taken_and_only_that_one(void **state)
{
    const struct fixture *fixture = *state;
    struct vault vault;
    struct vault_entry *entry = make_entry(&vault, fixture);
    send_player(fixture, 1);
    send_player(fixture, 2);
    let_in(&vault, 0, 4, 1); // another entry's
    let_in(&vault, 1, 5, 2); // not at the head
    assert_int_equal(handover_settle(&vault), 0);
    assert_player(fixture, 1);
    let_in(&vault, 2, 5, 1);
    vault.slots[1].state = SLOT_FREE; // ... and, free, it is nobody's
    assert_int_equal(handover_settle(&vault), 1);
    assert_int_equal(entry->taken, 1);
    assert_int_equal(entry->crashes, 0);
    assert_player(fixture, 2);
    assert_int_equal(handover_settle(&vault), 0);
    assert_int_equal(entry->taken, 1);
    drop_vault(&vault);
}

static void it_is_taken_although_the_entry_has_died_with_an_order_unread(void **state)
{
    struct fixture *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    die(fixture);
    assert_int_equal(handover_settle(&vault), 1);
    assert_head(fixture, HANDOVER_ENDED);
    drop_vault(&vault);
}

static void it_is_taken_although_no_descriptor_can_be_had(void **state)
{
    struct fixture *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    struct rlimit limit = limit_fds(0);
    assert_int_equal(handover_settle(&vault), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_head(fixture, HANDOVER_NONE);
    drop_vault(&vault);
}

static void a_place_that_is_free_empty_or_read_out_is_left_alone(void **state)
{
    const struct fixture *fixture = *state;
    struct vault vault;
    struct vault_entry *entry = make_entry(&vault, fixture);
    assert_int_equal(handover_settle(&vault), 0); // nothing is in it
    send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    entry->state = ENTRY_FREE;
    assert_int_equal(handover_settle(&vault), 0);
    entry->state = ENTRY_READ_OUT;
    assert_int_equal(handover_settle(&vault), 0);
    entry->state = ENTRY_MADE;
    vault_guard_fds(&vault)[VAULT_ENTRY_QUEUES + 2] = -1;
    assert_int_equal(handover_settle(&vault), 0);
    assert_int_equal(entry->crashes, 1);
    assert_player(fixture, 1);
    drop_vault(&vault);
}

static void what_is_too_short_for_a_number_is_nobodys(void **state)
{
    const struct fixture *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    let_in(&vault, 0, 5, 0);
    send_anything(fixture, "\0\0\0\0\0\0\0", 7, NULL, 0);
    assert_int_equal(handover_settle(&vault), 0);
    assert_head(fixture, HANDOVER_WRONG);
    drop_vault(&vault);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(players_come_in_their_order_and_stay_until_they_are_taken),
        TEST(what_arrives_is_the_connection_itself),
        TEST(who_is_thrown_away_is_disconnected),
        TEST(a_full_queue_says_so_and_has_room_again),
        TEST(as_many_as_may_have_descriptors_in_flight_are_sent),
        TEST(what_a_dead_entry_has_sent_is_read_before_its_end),
        TEST(so_it_is_when_it_dies_with_an_order_unread),
        TEST(an_entry_that_dies_between_look_and_take_leaves_nothing_to_be_looked_at_twice),
        TEST(what_was_sent_is_read_before_the_end_of_a_queue_that_was_shut),
        TEST(orders_are_heard_one_by_one_and_the_end_of_all_who_give_them),
        TEST(an_entry_knows_whether_anybody_hears_it),
        TEST(whose_connection_is_closed_is_not_waited_for),
        TEST(a_message_of_another_length_is_refused),
        TEST(a_message_of_another_number_of_descriptors_is_refused),
        TEST(a_descriptor_that_is_no_connection_is_refused),
        TEST(a_number_that_has_no_key_of_its_own_is_refused),
        TEST(without_room_for_a_descriptor_the_player_waits),
        TEST(of_two_descriptors_for_which_there_is_room_for_one_none_stays),
        TEST(what_is_no_queue_has_ended_or_cannot_be_read),
        TEST(a_queue_that_cannot_be_had_is_none),
        TEST(keys_are_never_none_and_never_another_messages),
        TEST(a_message_whose_player_is_in_is_taken_and_only_that_one),
        TEST(it_is_taken_although_the_entry_has_died_with_an_order_unread),
        TEST(it_is_taken_although_no_descriptor_can_be_had),
        TEST(a_place_that_is_free_empty_or_read_out_is_left_alone),
        TEST(what_is_too_short_for_a_number_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
