// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The baton: text that one program hands to the next one. Held: what is taken is complete, and is
// read again as it was when it is written anew; of listeners and games that it names, each stands
// at an index that there is, and names the same one in a shape that is made of it.
//
// Errors: abort.
#include "fuzz.h"
#include "guard/baton.h"

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

// What was named, with an address for each listener that is not gone, makes a shape again.
static void name_again(struct conf *conf)
{
    static struct conf again;
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        hold(is_name(conf->listener[i].name));
        conf->listener[i].n_addresses = *conf->listener[i].name != '\0';
        conf->listener[i].address[0].text = "192.0.2.7:4202";
    }
    for (unsigned i = 0; i < conf->n_games; i++)
        hold(is_name(conf->game[i].name));
    conf->control = conf->log = "/";
    struct baton baton = {.shape = baton_shape(conf), .gone = baton_gone(conf)};
    hold(baton.shape && baton.gone && baton_names(&baton, &again));
    hold(again.n_listeners == conf->n_listeners && again.n_games == conf->n_games);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        hold(strcmp(again.listener[i].name, conf->listener[i].name) == 0 &&
             again.listener[i].is_gone == conf->listener[i].is_gone);
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
