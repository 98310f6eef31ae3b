// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Names by c-ares (resolver.h). A question is a name, whose letters' case is chosen at random: an
// answer must repeat it exactly, so who wants to forge one has to guess that beside the question's
// number and port (0x20). c-ares of 1.31 does so by itself; for older ones it is done here.
#define CARES_NO_DEPRECATED // ares_query is in all versions, its successor is not
#include "game/resolver.h"

#include "base/address.h"
#include "base/log.h"
#include "game/dns_answer.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/stat.h>

#define SYSTEM_FILE "/etc/resolv.conf"
#define NAME_BYTES 256u // RFC 1035, section 2.3.4

struct watched {
    LIST_ENTRY(watched) entry;
    int fd;
    struct event *event;
};

struct resolver {
    struct event_base *base;
    const struct conf *conf;
    ares_channel channel;
    struct event *timer;
    LIST_HEAD(, watched) watched;
    LIST_HEAD(, question) postponed; // while other servers take the place of those that were asked
    struct timespec read_at;         // SYSTEM_FILE's change
    unsigned n_pending;
    unsigned depth;     // of c-ares' functions that are being run, so the channel must stay
    bool is_serverless; // and it has been said
    bool is_ending;
};

struct question {
    LIST_ENTRY(question) entry; // in postponed
    struct resolver *resolver;
    char name[NAME_BYTES]; // as asked
    int type;
    uint8_t address[16];
    resolver_name_fn *each;
    resolver_end_fn *end;
    resolver_back_fn *back;
    void *arg;
};

static void set_timer(struct resolver *resolver)
{
    struct timeval most = {.tv_sec = 60};
    struct timeval left;
    if (resolver->n_pending)
        event_add(resolver->timer, ares_timeout(resolver->channel, &most, &left));
    else
        event_del(resolver->timer);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct resolver *resolver = arg;
    (void)fd;
    (void)what;
    resolver->depth++;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver->depth--;
    set_timer(resolver);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct resolver *resolver = arg;
    resolver->depth++;
    ares_process_fd(resolver->channel, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
    resolver->depth--;
    set_timer(resolver);
}

// c-ares has opened a socket, waits for something else on it, or is about to close it.
static void on_socket(void *arg, ares_socket_t fd, int is_read, int is_write)
{
    struct resolver *resolver = arg;
    struct watched *it;
    short what = (short)(EV_PERSIST | (is_read ? EV_READ : 0) | (is_write ? EV_WRITE : 0));
    LIST_FOREACH(it, &resolver->watched, entry)
        if (it->fd == fd)
            break;
    if (it) {
        event_free(it->event);
        it->event = NULL;
    } else if ((is_read || is_write) && (it = calloc(1, sizeof *it))) {
        it->fd = fd;
        LIST_INSERT_HEAD(&resolver->watched, it, entry);
    }
    if (it && (is_read || is_write))
        it->event = event_new(resolver->base, fd, what, on_ready, resolver);
    if (it && it->event) {
        event_add(it->event, NULL); // without memory the question comes to its time's end
    } else if (it) {
        LIST_REMOVE(it, entry);
        free(it);
    }
}

// Does SYSTEM_FILE name a server? Without one c-ares asks 127.0.0.1.
static bool has_server(void)
{
    char line[512];
    bool is_found = false;
    FILE *file = fopen(SYSTEM_FILE, "re");
    while (file && !is_found && fgets(line, sizeof line, file))
        is_found = strncmp(line, "nameserver", 10) == 0 && isspace((unsigned char)line[10]);
    if (file)
        fclose(file);
    return is_found;
}

static void say_serverless(struct resolver *resolver)
{
    bool is_serverless = !has_server();
    if (is_serverless && !resolver->is_serverless)
        log_event(LOG_LIBRARY, "what=\"no name server is known; players have no host names\" "
                               "fix=\"set name-servers, or host-names = off\"");
    resolver->is_serverless = is_serverless;
}

static bool set_servers(struct resolver *resolver)
{
    struct ares_addr_port_node node[CONF_MAX_NAME_SERVERS];
    const struct conf *conf = resolver->conf;
    memset(node, 0, sizeof node);
    for (unsigned i = 0; i < conf->n_name_servers; i++) {
        const struct sockaddr_storage *at = &conf->name_server[i].sockaddr;
        const struct sockaddr_in *in = (const void *)at;
        const struct sockaddr_in6 *in6 = (const void *)at;
        bool is_four = at->ss_family == AF_INET;
        node[i].next = i + 1 < conf->n_name_servers ? &node[i + 1] : NULL;
        node[i].family = at->ss_family;
        node[i].udp_port = node[i].tcp_port = ntohs(is_four ? in->sin_port : in6->sin6_port);
        if (is_four)
            memcpy(&node[i].addr.addr4, &in->sin_addr, 4);
        else
            memcpy(&node[i].addr.addr6, &in6->sin6_addr, 16);
    }
    return ares_set_servers_ports(resolver->channel, node) == ARES_SUCCESS;
}

static bool open_channel(struct resolver *resolver)
{
    char lookups[] = "b"; // no file of hosts
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = RESOLVER_TIMEOUT_MS,
        .tries = RESOLVER_TRIES,
        .lookups = lookups,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB;
    struct stat facts = {0};
#ifdef ARES_FLAG_DNS0x20
    options.flags |= ARES_FLAG_DNS0x20;
#endif
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; // of length 0: names.c has one
#endif
    if (resolver->conf->n_name_servers == 0 && stat(SYSTEM_FILE, &facts) == 0)
        resolver->read_at = facts.st_mtim;
    int status = ares_init_options(&resolver->channel, &options, mask);
    if (status == ARES_SUCCESS && resolver->conf->n_name_servers && !set_servers(resolver)) {
        ares_destroy(resolver->channel);
        status = ARES_ENOMEM;
    }
    if (status != ARES_SUCCESS) {
        resolver->channel = NULL;
        log_event(LOG_LIBRARY, "what=\"name servers cannot be asked: %s\"", ares_strerror(status));
    } else if (resolver->conf->n_name_servers == 0) {
        say_serverless(resolver);
    }
    return status == ARES_SUCCESS;
}

struct resolver *resolver_make(struct event_base *base, const struct conf *conf)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return NULL;
    resolver->base = base;
    resolver->conf = conf;
    LIST_INIT(&resolver->watched);
    LIST_INIT(&resolver->postponed);
    resolver->timer = evtimer_new(base, on_time, resolver);
    if (resolver->timer && ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS &&
        open_channel(resolver))
        return resolver;
    resolver_free(resolver);
    return NULL;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    resolver->is_ending = true;
    if (resolver->channel)
        ares_destroy(resolver->channel);
    if (resolver->timer)
        event_free(resolver->timer);
    free(resolver);
}

#ifdef ARES_FLAG_DNS0x20
static void mix_case(char *name)
{
    (void)name;
}

static bool is_repeated(const struct question *question, const uint8_t *answer, size_t n_answer)
{
    (void)question;
    (void)answer;
    (void)n_answer;
    return true;
}
#else
static void mix_case(char *name)
{
    uint8_t bits[NAME_BYTES / 8] = {0};
    size_t n = strlen(name);
    if (getrandom(bits, sizeof bits, GRND_NONBLOCK) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (isalpha((unsigned char)name[i]) && bits[i / 8] >> i % 8 & 1)
            name[i] = (char)(name[i] ^ 0x20);
}

static bool is_repeated(const struct question *question, const uint8_t *answer, size_t n_answer)
{
    return dns_answer_repeats(answer, n_answer, question->name);
}
#endif

static bool leads_back(const struct question *question, const uint8_t *answer, size_t n_answer)
{
    size_t n = question->type == ns_t_a ? 4 : 16;
    return dns_answer_has(answer, n_answer, question->name, question->address + 16 - n, n);
}

static void on_answer(void *arg, int status, int n_timeouts, unsigned char *answer, int n_answer)
{
    struct question *question = arg;
    struct resolver *resolver = question->resolver;
    const size_t n = n_answer > 0 ? (size_t)n_answer : 0;
    (void)n_timeouts;
    if (status == ARES_EDESTRUCTION && !resolver->is_ending) {
        LIST_INSERT_HEAD(&resolver->postponed, question, entry);
        return;
    }
    bool is_good = status == ARES_SUCCESS && is_repeated(question, answer, n);
    resolver->n_pending--;
    if (!resolver->is_ending && question->back) {
        question->back(question->arg, is_good && leads_back(question, answer, n));
    } else if (!resolver->is_ending) {
        if (is_good)
            dns_answer_names(answer, n, question->name, question->each, question->arg);
        question->end(question->arg);
    }
    free(question);
}

static void give_up(const struct question *question)
{
    if (question->back)
        question->back(question->arg, false);
    else
        question->end(question->arg);
}

// Without a server to be asked: given up.
static void send_question(struct question *question)
{
    struct resolver *resolver = question->resolver;
    resolver->depth++;
    if (resolver->channel && !resolver->is_serverless) {
        resolver->n_pending++;
        ares_query(resolver->channel, question->name, ns_c_in, question->type, on_answer, question);
    } else {
        give_up(question);
        free(question);
    }
    resolver->depth--;
}

// The system's servers may have changed. What the former ones have not answered is asked anew.
static void read_again(struct resolver *resolver)
{
    struct stat facts = {0};
    struct question *question;
    if (resolver->depth || resolver->conf->n_name_servers)
        return;
    stat(SYSTEM_FILE, &facts);
    if (resolver->channel && facts.st_mtim.tv_sec == resolver->read_at.tv_sec &&
        facts.st_mtim.tv_nsec == resolver->read_at.tv_nsec)
        return;
    if (resolver->channel)
        ares_destroy(resolver->channel);
    resolver->read_at = facts.st_mtim;
    resolver->n_pending = 0;
    open_channel(resolver);
    while ((question = LIST_FIRST(&resolver->postponed))) {
        LIST_REMOVE(question, entry);
        send_question(question);
    }
}

static void ask(struct resolver *resolver, const struct question *wanted)
{
    struct question *question = malloc(sizeof *question);
    read_again(resolver);
    if (question) {
        *question = *wanted;
        mix_case(question->name);
        send_question(question);
    } else {
        give_up(wanted);
    }
    set_timer(resolver);
}

// RFC 1035, section 3.5; RFC 3596, section 2.5.
static void write_reverse(char name[NAME_BYTES], const uint8_t address[16])
{
    size_t n = 0;
    if (address_is_ipv4(address)) {
        snprintf(name, NAME_BYTES, "%u.%u.%u.%u.in-addr.arpa", address[15], address[14],
                 address[13], address[12]);
        return;
    }
    for (unsigned i = 16; i-- > 0;)
        n +=
            (size_t)snprintf(name + n, NAME_BYTES - n, "%x.%x.", address[i] & 15u, address[i] >> 4);
    snprintf(name + n, NAME_BYTES - n, "ip6.arpa");
}

void resolver_reverse(struct resolver *resolver, const uint8_t address[16], resolver_name_fn *name,
                      resolver_end_fn *end, void *arg)
{
    struct question question = {
        .resolver = resolver, .type = ns_t_ptr, .each = name, .end = end, .arg = arg};
    memcpy(question.address, address, 16);
    write_reverse(question.name, address);
    ask(resolver, &question);
}

void resolver_forward(struct resolver *resolver, const char *name, const uint8_t address[16],
                      resolver_back_fn *back, void *arg)
{
    struct question question = {.resolver = resolver,
                                .type = address_is_ipv4(address) ? ns_t_a : ns_t_aaaa,
                                .back = back,
                                .arg = arg};
    snprintf(question.name, sizeof question.name, "%s", name);
    memcpy(question.address, address, 16);
    ask(resolver, &question);
}
