// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The baton: text that one program hands to the next one. Held: what is taken is complete, and is
// read again as it was when it is written anew; of listeners and games that it names, each stands
// at an index that there is, and is the same one, with its addresses, in a shape made of it.
//
// Errors: abort.
#include "base/address.h"
#include "fuzz.h"
#include "guard/upgrade/baton.h"

static void hold_same(const struct baton *one, const struct baton *other)
{
    hold(one->vault_fd == other->vault_fd && one->guard_word == other->guard_word);
    hold(one->table_number == other->table_number && one->started_ms == other->started_ms);
    hold(strcmp(one->program, other->program) == 0 && strcmp(one->shape, other->shape) == 0);
    hold(strcmp(one->gone, other->gone) == 0 && strcmp(one->places, other->places) == 0);
}

static bool is_name(const char *name)
{
    size_t n = strnlen(name, CONF_NAME_BYTES);
    return n < CONF_NAME_BYTES && strcspn(name, " \n") == n;
}

// A shape has a line for each address, so a listener that is there gets one.
static void write_addresses(struct conf_listener *listener)
{
    static char text[CONF_MAX_LISTENERS * CONF_MAX_ADDRESSES][ADDRESS_TEXT_BYTES];
    static unsigned n_texts;
    hold(listener->n_addresses <= CONF_MAX_ADDRESSES);
    if (listener->n_addresses == 0 && *listener->name && !listener->is_gone) {
        struct conf_address *address = &listener->address[listener->n_addresses++];
        hold(!address_parse("0.0.0.0:4202", 0, &address->sockaddr, &address->sockaddr_bytes));
    }
    for (unsigned i = 0; i < listener->n_addresses; i++) {
        struct conf_address *address = &listener->address[i];
        address->text = text[n_texts++ % (sizeof text / sizeof *text)];
        address_print_port(address->text, (const struct sockaddr *)&address->sockaddr);
    }
}

static void hold_same_listener(const struct conf_listener *one, const struct conf_listener *other)
{
    uint8_t bytes[2][16];
    uint16_t port[2];
    hold(strcmp(one->name, other->name) == 0 && one->is_gone == other->is_gone);
    for (unsigned i = 0; !one->is_gone && i < one->n_addresses; i++) {
        hold(i < other->n_addresses);
        address_to_bytes((const struct sockaddr *)&one->address[i].sockaddr, bytes[0], &port[0]);
        address_to_bytes((const struct sockaddr *)&other->address[i].sockaddr, bytes[1], &port[1]);
        hold(memcmp(bytes[0], bytes[1], 16) == 0 && port[0] == port[1]);
    }
}

// What was named makes a shape again that names the same.
static void name_again(struct conf *conf)
{
    static struct conf again;
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        hold(is_name(conf->listener[i].name));
        write_addresses(&conf->listener[i]);
    }
    for (unsigned i = 0; i < conf->n_games; i++)
        hold(is_name(conf->game[i].name));
    conf->control = conf->log = "/";
    struct baton baton = {.shape = baton_shape(conf), .gone = baton_gone(conf)};
    hold(baton.shape && baton.gone && baton_names(&baton, &again));
    hold(again.n_listeners == conf->n_listeners && again.n_games == conf->n_games);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        hold_same_listener(&conf->listener[i], &again.listener[i]);
    for (unsigned i = 0; i < conf->n_games; i++)
        hold(strcmp(again.game[i].name, conf->game[i].name) == 0);
    free(baton.shape);
    free(baton.gone);
}

static void hold_good(const struct baton *baton)
{
    static struct conf conf;
    struct baton again;
    hold(baton->vault_fd >= 0 && baton->program && *baton->shape);
    char *anew = baton_write(baton);
    hold(anew && baton_read(&again, anew));
    hold_same(baton, &again);
    free(anew);
    if (baton_names(baton, &conf)) {
        hold(conf.n_listeners <= CONF_MAX_LISTENERS && conf.n_games <= CONF_MAX_GAMES);
        name_again(&conf);
    }
    baton_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct baton baton;
    char *text = fuzz_string(data, size);
    if (baton_read(&baton, text))
        hold_good(&baton);
    baton_free(&baton);
    free(text);
    return 0;
}
