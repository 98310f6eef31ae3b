// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Wishes by connection id (wishes.h). Errors: false with errno.
#include "wishes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64u

// Ids are random, so some of their bytes are as good as a hash of them.
static size_t bucket_of(const struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES])
{
    size_t hash;
    memcpy(&hash, id, sizeof hash);
    return hash & (wishes->n_buckets - 1);
}

// Without memory for more buckets the chains grow longer, and everything goes on.
static void grow(struct stay_wishes *wishes)
{
    size_t n_buckets = wishes->n_buckets != 0 ? wishes->n_buckets * 2 : FIRST_BUCKETS;
    struct stay_wish **former = wishes->buckets;
    size_t n_former = wishes->n_buckets;
    struct stay_wish **buckets = calloc(n_buckets, sizeof(struct stay_wish *));
    if (!buckets)
        return;
    wishes->buckets = buckets;
    wishes->n_buckets = n_buckets;
    for (size_t i = 0; i < n_former; i++) {
        while (former[i]) {
            struct stay_wish *wish = former[i];
            struct stay_wish **bucket = &buckets[bucket_of(wishes, wish->id)];
            former[i] = wish->next_in_bucket;
            wish->next_in_bucket = *bucket;
            *bucket = wish;
        }
    }
    free(former);
}

static struct stay_wish *find(const struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES])
{
    if (wishes->n_buckets == 0)
        return NULL;
    struct stay_wish *wish = wishes->buckets[bucket_of(wishes, id)];
    while (wish && memcmp(wish->id, id, STAY_ID_BYTES) != 0)
        wish = wish->next_in_bucket;
    return wish;
}

static struct stay_wish_list *list_of(struct stay_wishes *wishes, const struct stay_wish *wish)
{
    return wish->has_state ? &wishes->states : &wishes->acks;
}

static void link_wish(struct stay_wishes *wishes, struct stay_wish *wish)
{
    struct stay_wish_list *list = list_of(wishes, wish);
    wish->previous = list->last;
    wish->next = NULL;
    *(list->last ? &list->last->next : &list->first) = wish;
    list->last = wish;
}

static void unlink_wish(struct stay_wishes *wishes, struct stay_wish *wish)
{
    struct stay_wish_list *list = list_of(wishes, wish);
    *(wish->previous ? &wish->previous->next : &list->first) = wish->next;
    *(wish->next ? &wish->next->previous : &list->last) = wish->previous;
}

// A wish for nothing as yet: the caller gives it something and links it.
static struct stay_wish *add_wish(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES])
{
    if (wishes->n >= wishes->n_buckets)
        grow(wishes);
    struct stay_wish *wish = wishes->n_buckets != 0 ? calloc(1, sizeof *wish) : NULL;
    if (!wish) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(wish->id, id, STAY_ID_BYTES);
    struct stay_wish **bucket = &wishes->buckets[bucket_of(wishes, id)];
    wish->next_in_bucket = *bucket;
    *bucket = wish;
    wishes->n++;
    wishes->n_bytes += sizeof *wish;
    return wish;
}

// It is in no list any more.
static void remove_wish(struct stay_wishes *wishes, struct stay_wish *wish)
{
    struct stay_wish **at = &wishes->buckets[bucket_of(wishes, wish->id)];
    while (*at != wish)
        at = &(*at)->next_in_bucket;
    *at = wish->next_in_bucket;
    wishes->n--;
    wishes->n_bytes -= sizeof *wish + wish->n_state;
    free(wish->state);
    free(wish);
}

// A state that is replaced keeps its place in the list: so a player whose state changes all the
// time gets its turn, too.
bool stay_wishes_leave(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES],
                       const void *state, size_t n_state)
{
    uint8_t *copy = malloc(n_state + 1);
    struct stay_wish *wish = copy ? find(wishes, id) : NULL;
    bool is_new = copy && !wish;
    if (is_new)
        wish = add_wish(wishes, id);
    if (!wish) {
        free(copy);
        errno = ENOMEM;
        return false;
    }
    if (n_state > 0)
        memcpy(copy, state, n_state);
    if (!wish->has_state) {
        if (!is_new)
            unlink_wish(wishes, wish);
        wish->has_state = true;
        link_wish(wishes, wish);
    }
    free(wish->state);
    wishes->n_bytes += n_state;
    wishes->n_bytes -= wish->n_state;
    wish->state = copy;
    wish->n_state = n_state;
    return true;
}

bool stay_wishes_acknowledge(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES],
                             uint64_t n_input)
{
    struct stay_wish *wish = find(wishes, id);
    if (!wish) {
        wish = add_wish(wishes, id);
        if (!wish)
            return false;
        link_wish(wishes, wish);
    }
    if (wish->has_ack && n_input < wish->n_input) {
        errno = EINVAL;
        return false;
    }
    wish->has_ack = true;
    wish->n_input = n_input;
    return true;
}

void stay_wishes_forget(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES])
{
    struct stay_wish *wish = find(wishes, id);
    if (wish) {
        unlink_wish(wishes, wish);
        remove_wish(wishes, wish);
    }
}

static void link_or_remove(struct stay_wishes *wishes, struct stay_wish *wish)
{
    if (wish->has_state || wish->has_ack)
        link_wish(wishes, wish);
    else
        remove_wish(wishes, wish);
}

void stay_wishes_take_state(struct stay_wishes *wishes, struct stay_wish *wish)
{
    unlink_wish(wishes, wish);
    free(wish->state);
    wishes->n_bytes -= wish->n_state;
    wish->state = NULL;
    wish->n_state = 0;
    wish->has_state = false;
    link_or_remove(wishes, wish);
}

void stay_wishes_take_ack(struct stay_wishes *wishes, struct stay_wish *wish)
{
    unlink_wish(wishes, wish);
    wish->has_ack = false;
    link_or_remove(wishes, wish);
}

void stay_wishes_free(struct stay_wishes *wishes)
{
    for (size_t i = 0; i < wishes->n_buckets; i++) {
        while (wishes->buckets[i]) {
            struct stay_wish *wish = wishes->buckets[i];
            unlink_wish(wishes, wish);
            remove_wish(wishes, wish);
        }
    }
    free(wishes->buckets);
    *wishes = (struct stay_wishes){0};
}
