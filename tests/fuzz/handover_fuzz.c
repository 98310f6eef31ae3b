// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What an entry puts into its queue (vault/handover.h): messages, each with its kind and number of
// descriptors in a byte, its length in two, its bytes. Held: whatever it is, it can be looked at
// again and again, leaves no descriptor open, is taken as a whole, and does not hide the next one;
// what is there as a player is of the right length, with one connection over TCP; and what raises no
// doubt of it makes a slot that keeps the invariants, by which the message is known.
//
// Errors: abort.
#include "fuzz.h"
#include "vault/handover.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define MOST_FDS 3u
#define MOST_MESSAGES 16u
#define MOST_BYTES 2048u
#define SERIAL 3u

enum kind { CONNECTION, LISTENING, LOCAL, PIPE, N_KINDS };

static struct vault vault;
static struct slot_pool slots;
static int fds[N_KINDS];

static int connect_over_tcp(int listening)
{
    struct sockaddr_in address;
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    hold(getsockname(listening, (struct sockaddr *)&address, &n) == 0);
    hold(connect(fd, (struct sockaddr *)&address, n) == 0);
    return fd;
}

static void make_all(void)
{
    static bool is_made;
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int pair[2];
    if (is_made)
        return;
    is_made = true;
    hold(vault_make(&vault, 1) == 0 && slot_pool_make(&slots, &vault) == 0);
    fds[LISTENING] = socket(AF_INET, SOCK_STREAM, 0);
    hold(bind(fds[LISTENING], (const struct sockaddr *)&any, sizeof any) == 0);
    hold(listen(fds[LISTENING], 1) == 0);
    fds[CONNECTION] = connect_over_tcp(fds[LISTENING]);
    hold(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    fds[LOCAL] = pair[0];
    hold(pipe(pair) == 0);
    fds[PIPE] = pair[0];
}

static int lowest_fd(void)
{
    int fd = dup(STDIN_FILENO);
    close(fd);
    return fd;
}

struct sent {
    enum kind kind;
    unsigned n_fds;
    size_t n_bytes;
};

// False: the queue is full, or there is nothing more to be sent.
static bool send_one(int sending, struct fuzz_input *input, struct sent *sent)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    uint8_t bytes[MOST_BYTES];
    if (input->n == 0)
        return false;
    uint8_t what = fuzz_byte(input);
    *sent = (struct sent){.kind = (enum kind)(what / 4 % N_KINDS), .n_fds = what % (MOST_FDS + 1)};
    sent->n_bytes = fuzz_byte(input);
    sent->n_bytes = (sent->n_bytes + 256u * fuzz_byte(input)) % MOST_BYTES;
    fuzz_fill(input, bytes, sent->n_bytes);
    struct msghdr header = {.msg_iov = &(struct iovec){bytes, sent->n_bytes}, .msg_iovlen = 1};
    for (unsigned i = 0; i < sent->n_fds; i++)
        memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &fds[sent->kind], sizeof(int));
    if (sent->n_fds > 0) {
        control.header.cmsg_len = CMSG_LEN(sent->n_fds * sizeof(int));
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sent->n_fds * sizeof(int));
    }
    return sendmsg(sending, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sent->n_bytes;
}

// As the worker's inbox. The entry's place is the first.
static void let_in(int queue, const struct handover *message)
{
    struct vault_entry *entry = &vault_entries(&vault)->place[0];
    if (arrival_doubt(&message->arrival))
        return;
    struct slot *slot = slot_prepare(&slots);
    hold(slot != NULL);
    arrival_fill(slot, &message->arrival);
    slot->arrival = handover_key(SERIAL, message->number);
    slot_claim(slot, 3); // never used
    hold(slot->arrival != 0);
    hold(verify_slot(&vault, slot) == I_NONE);
    // A worker that dies here leaves the message to the next one.
    *entry = (struct vault_entry){.state = ENTRY_MADE, .serial = SERIAL};
    vault_guard_fds(&vault)[VAULT_ENTRY_QUEUES] = dup(queue);
    hold(handover_settle(&vault) == 1);
    hold(entry->taken == message->number);
    close(vault_guard_fds(&vault)[VAULT_ENTRY_QUEUES]);
    entry->state = ENTRY_FREE;
    slot->state = SLOT_FREE;
    slot_return(&slots, slot);
}

static void read_one(int queue, const struct sent *sent)
{
    struct handover message = {0};
    int fd;
    bool is_right = sent->n_bytes == sizeof message && sent->n_fds == 1 && sent->kind == CONNECTION;
    enum handover_head head = handover_peek(queue, &message, &fd);
    if (sent->n_bytes == 0 && sent->n_fds == 0) {
        hold(head == HANDOVER_ENDED && fd == -1); // it cannot be told from the end
    } else if (head == HANDOVER_THERE) {
        hold(is_right && fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
        close(fd);
        if (!arrival_doubt(&message.arrival)) {
            let_in(queue, &message);
            return;
        }
    } else {
        hold(head == HANDOVER_WRONG && fd == -1);
        hold(!is_right || message.number >= UINT64_C(1) << 40);
    }
    handover_take(queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct sent sent[MOST_MESSAGES];
    struct handover message;
    unsigned n = 0;
    int queue, sending, fd;
    make_all();
    int lowest = lowest_fd();
    hold(handover_make(&queue, &sending) == 0);
    while (n < MOST_MESSAGES && send_one(sending, &input, &sent[n]))
        n++;
    int free_fd = lowest_fd();
    for (unsigned i = 0; i < n; i++) {
        // A look changes nothing.
        if (handover_peek(queue, &message, &fd) == HANDOVER_THERE)
            close(fd);
        read_one(queue, &sent[i]);
        hold(lowest_fd() == free_fd);
    }
    hold(handover_peek(queue, &message, &fd) == HANDOVER_NONE);
    close(sending);
    hold(handover_peek(queue, &message, &fd) == HANDOVER_ENDED);
    close(queue);
    hold(lowest_fd() == lowest);
    return 0;
}
