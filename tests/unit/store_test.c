// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a service manager keeps: crates, what is said to it, and how slots get their descriptors
// back. The manager is played by the test; tests/e2e/test_systemd.py has a real one.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/store/crate.h"
#include "guard/store/manager.h"
#include "guard/store/restore.h"
#include "guard/store/store.h"
#include "vault/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_SLOTS 8u

static bool is_same_file(int one, int other)
{
    struct stat a;
    struct stat b;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int count_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void a_crate_keeps_what_is_in_it_open_and_can_be_looked_into_again(void **state)
{
    char data[8];
    int ends[2];
    int found[CRATE_MAX_FDS];
    unsigned n;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    int crate = crate_pack("ends", 4, ends, 2);
    assert_true(crate >= 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    close(ends[0]);
    close(ends[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(crate_look(crate, data, sizeof data, found, &n), 4);
        assert_memory_equal(data, "ends", 4);
        assert_int_equal(n, 2);
        assert_int_equal(fcntl(found[0], F_GETFD), FD_CLOEXEC);
        close(found[1]);
        if (i == 0)
            close(found[0]);
    }
    assert_int_equal(read(found[0], data, sizeof data), 1);
    close(crate); // the last one to have the other end
    assert_int_equal(read(found[0], data, sizeof data), 0);
    close(found[0]);
}

static void a_crate_is_of_bounded_size_and_looking_loses_no_descriptor(void **state)
{
    int fds[CRATE_MAX_FDS + 1];
    int found[CRATE_MAX_FDS];
    char data[4];
    unsigned n;
    (void)state;
    for (unsigned i = 0; i <= CRATE_MAX_FDS; i++)
        fds[i] = STDERR_FILENO;
    assert_int_equal(crate_pack("x", 1, fds, CRATE_MAX_FDS + 1), -1);
    assert_int_equal(crate_pack("", 0, fds, 1), -1);
    int crate = crate_pack("larger", 6, fds, CRATE_MAX_FDS);
    assert_true(crate >= 0);
    int before = count_fds();
    assert_int_equal(crate_look(crate, data, sizeof data, found, &n), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(count_fds(), before);
    assert_int_equal(crate_look(STDERR_FILENO, data, sizeof data, found, &n), -1);
    close(crate);
    fds[0] = 999; // not open
    assert_int_equal(crate_pack("x", 1, fds, 2), -1);
    assert_int_equal(errno, EBADF);
}

// A manager's socket, and $NOTIFY_SOCKET for it.
static int begin_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    snprintf(name, sizeof name, "@stayd-store-test-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

// What the manager hears next; the descriptor that came with it, or -1.
static int hear(int manager, char text[128])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iovec = {text, 127};
    struct msghdr message = {.msg_iov = &iovec,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int fd = -1;
    ssize_t n = recvmsg(manager, &message, 0);
    text[n < 0 ? 0 : n] = '\0';
    if (n >= 0 && CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void the_manager_is_told_in_its_own_words(void **state)
{
    char text[128];
    int manager = begin_manager();
    (void)state;
    assert_true(manager_is_there());
    assert_false(manager_has_store());
    setenv("FDSTORE", "0", 1);
    assert_false(manager_has_store());
    setenv("FDSTORE", "512", 1);
    assert_true(manager_has_store());
    assert_true(manager_say(-1, false, "READY=%d", 1));
    assert_int_equal(hear(manager, text), -1);
    assert_string_equal(text, "READY=1");
    assert_true(manager_say(STDERR_FILENO, true, "FDSTORE=1\nFDNAME=%s", "g"));
    int fd = hear(manager, text);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=g");
    assert_true(is_same_file(fd, STDERR_FILENO));
    close(fd);
    assert_false(manager_wait(50)); // it does not answer
    fd = hear(manager, text);
    assert_string_equal(text, "BARRIER=1");
    close(fd);
    close(manager);
    assert_false(manager_say(-1, false, "READY=1"));
    unsetenv("NOTIFY_SOCKET");
    assert_true(manager_say(-1, false, "READY=1")); // nobody is there to be told
}

static void who_was_not_started_by_the_manager_takes_no_notice_of_it(void **state)
{
    char text[16];
    char name[MANAGER_NAME_BYTES];
    (void)state;
    snprintf(text, sizeof text, "%d", (int)getpid());
    for (int turn = 0; turn < 3; turn++) {
        setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
        setenv("LISTEN_PID", text, 1);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_FDNAMES", "ga:s0b", 1);
        setenv("SYSTEMD_EXEC_PID", turn == 1 ? "1" : text, 1); // a game's, whose child this is
        manager_meet(turn != 2);
        assert_int_equal(manager_is_there(), turn == 0);
        assert_int_equal(manager_n_passed(), turn == 0 ? 2 : 0);
        if (turn > 0)
            continue;
        assert_string_equal(manager_name(name, 0), "ga");
        assert_string_equal(manager_name(name, 1), "s0b");
        assert_string_equal(manager_name(name, 2), "");
        setenv("LISTEN_PID", "1", 1);
        assert_int_equal(manager_n_passed(), 0);
    }
}

// Slots with a player and a link, each the end of a socket pair of which the test has the other.
struct town {
    struct heritage heritage;
    struct stored stored;
    struct slot_pool slots;
    struct slot *slot[4];
    int player[4];
    int link[4];
};

static void begin_town(struct town *town)
{
    struct vault *vault = &town->heritage.vault;
    assert_int_equal(vault_make(vault, N_SLOTS), 0);
    assert_int_equal(slot_pool_make(&town->slots, vault), 0);
    strcpy(town->heritage.conf.game[0].name, "mush");
    town->heritage.conf.n_games = 1;
    town->stored.before.conf = town->heritage.conf;
    for (int i = 0; i < 4; i++) {
        int ends[2];
        struct slot *slot = town->slot[i] = slot_prepare(&town->slots);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        town->player[i] = ends[0];
        slot_claim(slot, ends[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        town->link[i] = ends[0];
        slot_link(slot, ends[1], SLOT_FLAG_LINKED);
    }
}

static void add(struct stored_fd *what, int *fds, unsigned *n, struct slot *slot, uint32_t index,
                uint32_t link, int fd)
{
    what[*n] = (struct stored_fd){.slot = index, .link = link};
    memcpy(what[*n].id, slot->id, sizeof slot->id);
    fds[(*n)++] = fd;
}

static int speak(int end, int fd)
{
    char got = 0;
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return fd >= 0 && send(end, "x", 1, flags) == 1 && recv(fd, &got, 1, flags) == 1 && got == 'x';
}

static _Noreturn void restore_in_child(void)
{
    struct town town = {0};
    struct stored_fd what[16];
    int fds[16];
    int stranger[2];
    char pid[16];
    unsigned n = 0;
    begin_town(&town);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stranger), 0);
    struct slot **slot = town.slot;
    // 0: whole, and once more by another. 1: of an earlier player in this slot. 2: of an earlier
    // link. 3: of no slot that there is.
    add(what, fds, &n, slot[0], 0, 0, slot[0]->player_fd);
    add(what, fds, &n, slot[0], 0, 1, slot[0]->game_fd);
    add(what, fds, &n, slot[1], 1, 0, stranger[1]);
    what[n - 1].id[3] ^= 1;
    add(what, fds, &n, slot[2], 2, 0, slot[2]->player_fd);
    add(what, fds, &n, slot[2], 2, 1, stranger[1]);
    add(what, fds, &n, slot[3], N_SLOTS + 3, 0, stranger[1]);
    slot_link(slot[2], slot[2]->game_fd, SLOT_FLAG_LINKED); // the second one
    int one = fcntl(crate_pack(what, n * sizeof *what, fds, n), F_DUPFD, 100);
    int other = fcntl(crate_pack(what, sizeof *what, fds, 1), F_DUPFD, 100);
    int broken = fcntl(crate_pack(what, 5, fds, 1), F_DUPFD, 100);
    for (int i = 0; i < 4; i++) { // the ends that the test has, out of the way
        town.player[i] = fcntl(town.player[i], F_DUPFD, 200);
        town.link[i] = fcntl(town.link[i], F_DUPFD, 200);
    }
    town.heritage.vault.fd = fcntl(town.heritage.vault.fd, F_DUPFD, 200);
    close_range(3, 99, 0);
    dup2(one, 3);
    dup2(other, 4);
    dup2(broken, 5);
    close_range(100, 199, 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "s0a:s0b:s1a", 1);
    int before = count_fds();
    assert_true(restore_slots(&town.heritage, &town.stored));
    assert_int_equal(count_fds(), before + 3);
    assert_int_equal(slot[0]->state, SLOT_LIVE);
    assert_true(speak(town.player[0], slot[0]->player_fd));
    assert_true(speak(town.link[0], slot[0]->game_fd));
    assert_int_equal(slot[1]->state, SLOT_FREE); // its player is nowhere
    assert_int_equal(slot[2]->state, SLOT_LIVE);
    assert_true(speak(town.player[2], slot[2]->player_fd));
    assert_int_equal(slot[2]->game_fd, -1);
    assert_int_equal(slot[3]->state, SLOT_FREE);
    // A start that is made again, because this one was killed, finds the same.
    close(slot[0]->player_fd);
    close(slot[0]->game_fd);
    assert_true(restore_slots(&town.heritage, &town.stored));
    assert_true(speak(town.player[0], slot[0]->player_fd));
    assert_true(speak(town.link[0], slot[0]->game_fd));
    // The file has another game at its place: its players are let go.
    strcpy(town.heritage.conf.game[0].name, "moo");
    assert_true(restore_slots(&town.heritage, &town.stored));
    assert_int_equal(slot[0]->state, SLOT_FREE);
    assert_int_equal(recv(town.player[0], pid, 1, 0), 0);
    _exit(0);
}

static void each_slot_gets_back_what_is_its_own(void **state)
{
    int status = 0;
    (void)state;
    pid_t pid = fork(); // the descriptors that are passed have fixed numbers
    if (pid == 0)
        restore_in_child();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crate_keeps_what_is_in_it_open_and_can_be_looked_into_again),
        cmocka_unit_test(a_crate_is_of_bounded_size_and_looking_loses_no_descriptor),
        cmocka_unit_test(the_manager_is_told_in_its_own_words),
        cmocka_unit_test(who_was_not_started_by_the_manager_takes_no_notice_of_it),
        cmocka_unit_test(each_slot_gets_back_what_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
