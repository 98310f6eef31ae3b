// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The door (door.h). One event of the epoll descriptor is handled at a time, level-triggered, so
// nothing that is put off is lost. Errors: those of one connection end it and are counted.
#include "door.h"

#include "clock.h"
#include "peer.h"
#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_EVENTS_A_CALL 64 // then the game's loop gets a turn, even in a flood of strangers

// The earlier of two times, of which 0 is none.
static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

// Set the timer to the earliest thing that is due.
static void arm(struct stay_door *door)
{
    struct itimerspec when = {.it_value = {.tv_nsec = door->is_ringing ? 1 : 0}};
    if (!door->is_ringing) {
        uint64_t due_ms = door->first ? door->first->deadline_ms : 0;
        due_ms = sooner(due_ms, door->resume_ms);
        if (door->control)
            due_ms = sooner(due_ms, stay_control_due_ms(door->control));
        when.it_value.tv_sec = (time_t)(due_ms / 1000);
        when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
    }
    timerfd_settime(door->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void stay_door_ring(struct stay_door *door, bool is_ringing)
{
    if (door->is_ringing != is_ringing) {
        door->is_ringing = is_ringing;
        arm(door);
    }
}

static bool watch(struct stay_door *door, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(door->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool stay_door_open(struct stay_door *door, uid_t user, unsigned timeout_ms)
{
    memset(door, 0, sizeof *door);
    door->user = user;
    door->timeout_ms = timeout_ms;
    door->listener_fd = -1;
    door->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    door->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (door->epoll_fd >= 0 && door->timer_fd >= 0 && watch(door, door->timer_fd, &door->timer_fd))
        return true;
    int reason = errno;
    stay_door_close(door);
    errno = reason;
    return false;
}

bool stay_door_listen(struct stay_door *door, int fd)
{
    door->listener_fd = fd;
    return watch(door, fd, &door->listener_fd);
}

static void unlink_guest(struct stay_door *door, struct stay_guest *guest)
{
    *(guest->previous ? &guest->previous->next : &door->first) = guest->next;
    *(guest->next ? &guest->next->previous : &door->last) = guest->previous;
}

// The guest is no more; its descriptor is returned. It is taken out of the epoll set by hand
// because the game keeps it, or a child of the game may hold a copy.
static int dismiss(struct stay_door *door, struct stay_guest *guest)
{
    int fd = guest->fd;
    if (guest->is_watched)
        epoll_ctl(door->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    bool was_first = door->first == guest;
    unlink_guest(door, guest);
    free(guest->in);
    free(guest);
    if (was_first)
        arm(door);
    return fd;
}

static struct stay_guest *admit(struct stay_door *door, int fd, size_t room)
{
    struct stay_guest *guest = calloc(1, sizeof *guest);
    uint8_t *in = malloc(room);
    if (!guest || !in) {
        free(guest);
        free(in);
        return NULL;
    }
    *guest = (struct stay_guest){.previous = door->last,
                                 .deadline_ms = stay_now_ms() + door->timeout_ms,
                                 .in = in,
                                 .room = room,
                                 .fd = fd};
    *(door->last ? &door->last->next : &door->first) = guest;
    door->last = guest;
    if (door->first == guest)
        arm(door);
    return guest;
}

static bool hold_more(struct stay_guest *guest, size_t n_wanted)
{
    if (guest->room < n_wanted) {
        uint8_t *in = realloc(guest->in, n_wanted);
        if (!in)
            return false;
        guest->in = in;
        guest->room = n_wanted;
    }
    return true;
}

// Waits for the rest. Watched only now: as a rule the header is there at once.
static int postpone(struct stay_door *door, struct stay_guest *guest)
{
    if (!guest->is_watched && !watch(door, guest->fd, guest)) {
        door->counts.n_shortages++;
        close(dismiss(door, guest));
        return 0;
    }
    guest->is_watched = true;
    return 0;
}

static int turn_away(struct stay_door *door, struct stay_guest *guest, uint64_t *count)
{
    ++*count;
    close(dismiss(door, guest));
    return 0;
}

// The state stands in the header: that lives on until the next player is asked for.
static void keep_shown(struct stay_door *door, struct stay_guest *guest,
                       const struct stay_player *player)
{
    if (player->state) {
        door->shown = guest->in;
        guest->in = NULL;
    }
}

// Read on until the header is whole, and not a byte further. 1: *player is filled in.
static int hear(struct stay_door *door, struct stay_guest *guest, struct stay_player *player)
{
    for (;;) {
        size_t n_wanted;
        enum stay_proxy_status status = stay_proxy_parse(guest->in, guest->n_in, player, &n_wanted);
        if (status == STAY_PROXY_DONE) {
            keep_shown(door, guest, player);
            player->fd = dismiss(door, guest);
            door->counts.n_players++;
            return 1;
        }
        if (status == STAY_PROXY_BAD)
            return turn_away(door, guest, &door->counts.n_bad);
        if (!hold_more(guest, n_wanted))
            return turn_away(door, guest, &door->counts.n_shortages);
        ssize_t n = recv(guest->fd, guest->in + guest->n_in, n_wanted - guest->n_in, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return postpone(door, guest);
        if (n == 0 || (n < 0 && errno != EINTR))
            return turn_away(door, guest, &door->counts.n_gone);
        guest->n_in += n > 0 ? (size_t)n : 0;
    }
}

static void set_listening(struct stay_door *door, bool is_on)
{
    struct epoll_event event = {.events = is_on ? EPOLLIN : 0, .data.ptr = &door->listener_fd};
    epoll_ctl(door->epoll_fd, EPOLL_CTL_MOD, door->listener_fd, &event);
}

static int pause_accepting(struct stay_door *door)
{
    door->counts.n_shortages++;
    door->resume_ms = stay_now_ms() + STAY_DOOR_PAUSE_MS;
    set_listening(door, false);
    arm(door);
    return 0;
}

static int answer(struct stay_door *door, struct stay_player *player)
{
    int fd = accept4(door->listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        bool is_short = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        return is_short ? pause_accepting(door) : 0;
    }
    if (!stay_peer_is(fd, door->user)) {
        door->counts.n_strangers++;
        close(fd);
        return 0;
    }
    struct stay_guest *guest = admit(door, fd, STAY_PROXY_FIXED_BYTES);
    if (!guest) {
        close(fd);
        return pause_accepting(door);
    }
    return hear(door, guest, player);
}

static void on_timer(struct stay_door *door)
{
    uint64_t n_expired;
    if (read(door->timer_fd, &n_expired, sizeof n_expired) < 0 && errno == EAGAIN)
        return;
    uint64_t now = stay_now_ms();
    while (door->first && door->first->deadline_ms <= now)
        turn_away(door, door->first, &door->counts.n_late);
    if (door->resume_ms != 0 && door->resume_ms <= now) {
        door->resume_ms = 0;
        set_listening(door, true);
    }
    stay_door_work(door);
}

void stay_door_work(struct stay_door *door)
{
    if (door->control)
        stay_control_work(door->control);
    arm(door);
}

int stay_door_next(struct stay_door *door, struct stay_player *player)
{
    free(door->shown);
    door->shown = NULL;
    for (int i = 0; i < MAX_EVENTS_A_CALL; i++) {
        struct epoll_event event;
        int result = 0;
        int n = epoll_wait(door->epoll_fd, &event, 1, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return 0;
        if (n < 0)
            continue;
        if (event.data.ptr == &door->listener_fd)
            result = answer(door, player);
        else if (event.data.ptr == &door->timer_fd)
            on_timer(door);
        else if (event.data.ptr == door->control)
            stay_door_work(door);
        else
            result = hear(door, event.data.ptr, player);
        if (result > 0)
            return result;
    }
    return 0;
}

bool stay_door_readmit(struct stay_door *door, int fd, const uint8_t *in, size_t n_in)
{
    size_t room = n_in > STAY_PROXY_FIXED_BYTES ? n_in : STAY_PROXY_FIXED_BYTES;
    struct stay_guest *guest = admit(door, fd, room);
    if (!guest) {
        close(fd);
        return false;
    }
    if (n_in > 0)
        memcpy(guest->in, in, n_in);
    guest->n_in = n_in;
    postpone(door, guest);
    return true;
}

void stay_door_close(struct stay_door *door)
{
    int fds[] = {door->epoll_fd, door->timer_fd, door->listener_fd};
    while (door->first)
        close(dismiss(door, door->first));
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    door->epoll_fd = door->timer_fd = door->listener_fd = -1;
    free(door->shown);
    door->shown = NULL;
}
