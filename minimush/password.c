// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The hashing thread (password.h): one queue there and one back, under one lock; an eventfd wakes
// the loop. Errors: as the header says.
#include "password.h"

#include <crypt.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct entry {
    struct entry *next;
    struct password_job job;
};

struct queue {
    struct entry *first;
    struct entry *last;
};

struct passwords {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct queue asked;
    struct queue done;
    bool is_stopping;
    int cost;
    int wake_fd;
    struct event *wake;
    void (*on_done)(const struct password_job *job, void *arg);
    void *arg;
};

static void push(struct queue *queue, struct entry *entry)
{
    entry->next = NULL;
    *(queue->last ? &queue->last->next : &queue->first) = entry;
    queue->last = entry;
}

static struct entry *pop(struct queue *queue)
{
    struct entry *entry = queue->first;
    if (entry) {
        queue->first = entry->next;
        queue->last = queue->first ? queue->last : NULL;
    }
    return entry;
}

static void forget(struct entry *entry)
{
    explicit_bzero(&entry->job, sizeof entry->job);
    free(entry);
}

static bool make(const char *password, char hash[PASSWORD_HASH_BYTES], int cost,
                 struct crypt_data *data)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!crypt_gensalt_rn("$y$", (unsigned long)cost, NULL, 0, setting, sizeof setting))
        return false;
    const char *made = crypt_r(password, setting, data);
    if (!made || made[0] == '*' || strlen(made) >= PASSWORD_HASH_BYTES)
        return false;
    strcpy(hash, made);
    return true;
}

// Without a hash one is made all the same, so that it takes as long.
static bool check(struct password_job *job, int cost, struct crypt_data *data)
{
    char unused[PASSWORD_HASH_BYTES];
    if (job->hash[0] == '\0') {
        make(job->password, unused, cost, data);
        return false;
    }
    const char *made = crypt_r(job->password, job->hash, data);
    return made && made[0] != '*' && strcmp(made, job->hash) == 0;
}

static void work(struct password_job *job, int cost)
{
    static struct crypt_data data; // 32 kB, for the one thread
    switch (job->task) {
    case PASSWORD_MAKE:
        job->is_well = make(job->password, job->hash, cost, &data);
        break;
    case PASSWORD_CHECK:
        job->is_well = check(job, cost, &data);
        break;
    case PASSWORD_CHANGE:
        job->is_well = check(job, cost, &data) && make(job->next, job->hash, cost, &data);
        break;
    }
    explicit_bzero(job->password, sizeof job->password);
    explicit_bzero(job->next, sizeof job->next);
    explicit_bzero(&data, sizeof data);
}

static void *run(void *arg)
{
    struct passwords *passwords = arg;
    pthread_mutex_lock(&passwords->lock);
    while (!passwords->is_stopping) {
        struct entry *entry = pop(&passwords->asked);
        if (!entry) {
            pthread_cond_wait(&passwords->has_work, &passwords->lock);
            continue;
        }
        pthread_mutex_unlock(&passwords->lock);
        work(&entry->job, passwords->cost);
        pthread_mutex_lock(&passwords->lock);
        push(&passwords->done, entry);
        eventfd_write(passwords->wake_fd, 1);
    }
    pthread_mutex_unlock(&passwords->lock);
    return NULL;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct passwords *passwords = arg;
    eventfd_t n_done;
    (void)what;
    eventfd_read(fd, &n_done);
    pthread_mutex_lock(&passwords->lock);
    struct entry *entry = passwords->done.first;
    passwords->done = (struct queue){0};
    pthread_mutex_unlock(&passwords->lock);
    while (entry) {
        struct entry *next = entry->next;
        passwords->on_done(&entry->job, passwords->arg);
        forget(entry);
        entry = next;
    }
}

// Signals are for the loop's thread.
static bool start_thread(struct passwords *passwords)
{
    sigset_t all;
    sigset_t mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    bool is_started = pthread_create(&passwords->thread, NULL, run, passwords) == 0;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return is_started;
}

struct passwords *passwords_start(struct event_base *base, int cost,
                                  void (*done)(const struct password_job *job, void *arg),
                                  void *arg)
{
    struct passwords *passwords = calloc(1, sizeof *passwords);
    if (!passwords)
        return NULL;
    passwords->cost = cost;
    passwords->on_done = done;
    passwords->arg = arg;
    pthread_mutex_init(&passwords->lock, NULL);
    pthread_cond_init(&passwords->has_work, NULL);
    passwords->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (passwords->wake_fd >= 0)
        passwords->wake =
            event_new(base, passwords->wake_fd, EV_READ | EV_PERSIST, on_wake, passwords);
    if (passwords->wake && event_add(passwords->wake, NULL) == 0 && start_thread(passwords))
        return passwords;
    if (passwords->wake)
        event_free(passwords->wake);
    if (passwords->wake_fd >= 0)
        close(passwords->wake_fd);
    free(passwords);
    return NULL;
}

void passwords_stop(struct passwords *passwords)
{
    pthread_mutex_lock(&passwords->lock);
    passwords->is_stopping = true;
    pthread_cond_signal(&passwords->has_work);
    pthread_mutex_unlock(&passwords->lock);
    pthread_join(passwords->thread, NULL);
    struct entry *entry;
    while ((entry = pop(&passwords->asked)) || (entry = pop(&passwords->done)))
        forget(entry);
    event_free(passwords->wake);
    close(passwords->wake_fd);
    pthread_cond_destroy(&passwords->has_work);
    pthread_mutex_destroy(&passwords->lock);
    free(passwords);
}

bool passwords_ask(struct passwords *passwords, const struct password_job *job)
{
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
        return false;
    entry->job = *job;
    pthread_mutex_lock(&passwords->lock);
    push(&passwords->asked, entry);
    pthread_cond_signal(&passwords->has_work);
    pthread_mutex_unlock(&passwords->lock);
    return true;
}
