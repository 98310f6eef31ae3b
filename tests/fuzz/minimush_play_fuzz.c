// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lines that two players of minimush type, a wizard and one without rights, in a world of their
// own. Held: whatever is told are lines of clean UTF-8; every object stands in a place that stands
// in a room in the end; and as long as only the one without rights has spoken, nothing has changed
// of what is not its own, but where things are.
//
// Input: lines; those that begin with "w " are the wizard's. Passwords are not asked for, and the
// game is not shut down.
//
// Errors: abort.
#include "account.h"
#include "command.h"
#include "commands.h"
#include "fuzz.h"
#include "play.h"
#include "settings.h"
#include "stream.h"

#include <event2/event.h>
#include <fcntl.h>

#define OBJECTS_MAX 64u

static struct settings settings = {.name = "Mush", .lines_at_once = 1, .lines_a_second = 1};

struct note {
    int64_t id;
    uint64_t sum;
};

static struct {
    struct mush mush;
    struct link *wizard;
    struct link *player;
    struct note note[OBJECTS_MAX]; // of what is not the player's
    unsigned n_notes;
} game;

static uint64_t add_up(uint64_t sum, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 1099511628211u; // FNV-1a
    return sum;
}

static uint64_t sum_of(const struct object *object)
{
    const int64_t numbers[] = {object->owner,
                               object->flags,
                               object->kind,
                               object->kind == WORLD_PLAYER ? 0 : (int64_t)object->channels,
                               object->target ? object->target->id : 0,
                               object->kind == WORLD_THING ? 0
                               : object->place             ? object->place->id
                                                           : 0};
    uint64_t sum = add_up(14695981039346656037u, numbers, sizeof numbers);
    sum = add_up(sum, object->name, strlen(object->name));
    return object->description ? add_up(sum, object->description, strlen(object->description))
                               : sum;
}

static struct link *join(struct object *self)
{
    struct stay_player player = {.fd = open("/dev/null", O_RDWR | O_CLOEXEC),
                                 .has_certificate = true,
                                 .address = "192.0.2.7"};
    struct link *link = link_new(&game.mush, &player);
    hold(link != NULL);
    link->self = self;
    link->phase = LINK_PLAYING;
    return link;
}

static void begin(void)
{
    static struct event_base *base;
    if (!base)
        base = event_base_new();
    memset(&game, 0, sizeof game);
    game.mush = (struct mush){.settings = &settings, .base = base, .world = world_open(":memory:")};
    hold(base && game.mush.world);
    game.wizard = join(account_create(game.mush.world, "Wanda", "*"));
    game.player = join(account_create(game.mush.world, "Paul", "*"));
    const struct object *object;
    for (size_t i = 0; (object = world_at(game.mush.world, i)); i++)
        if (!world_controls(game.player->self, object)) {
            hold(game.n_notes < OBJECTS_MAX);
            game.note[game.n_notes++] = (struct note){object->id, sum_of(object)};
        }
}

static void hold_untouched(void)
{
    hold(!world_is_wizard(game.player->self));
    for (unsigned i = 0; i < game.n_notes; i++) {
        const struct object *object = world_get(game.mush.world, game.note[i].id);
        hold(object && sum_of(object) == game.note[i].sum);
    }
}

static void hold_world(void)
{
    const struct object *object;
    size_t n_all = world_count(game.mush.world, 0);
    for (size_t i = 0; (object = world_at(game.mush.world, i)); i++) {
        size_t n = 0;
        hold(world_get(game.mush.world, object->id) == object);
        for (; object->kind != WORLD_ROOM; object = object->place)
            hold(object->place && n++ <= n_all);
    }
}

static char *take_told(struct link *link)
{
    size_t n = evbuffer_get_length(link->fresh);
    char *told = fuzz_string(evbuffer_pullup(link->fresh, -1), n);
    char *text = malloc(2 * n + 3);
    hold(text && strlen(told) == n);
    if (link->line.charset == LINE_LATIN1)
        line_to_utf8(told, n, text, 2 * n + 3);
    else
        strcpy(text, told);
    evbuffer_drain(link->fresh, n);
    free(told);
    return text;
}

static void hold_told(struct link *link)
{
    char *text = take_told(link);
    char *cleaned = fuzz_string((const uint8_t *)text, strlen(text));
    line_clean(cleaned);
    hold(strcmp(cleaned, text) == 0);
    for (const char *at = text; *at;) {
        const char *end = strstr(at, "\r\n");
        hold(end && fuzz_is_plain(at, (size_t)(end - at)));
        at = end + 2;
    }
    free(text);
    free(cleaned);
}

static bool is_left_out(const struct link *link, const char *line)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(line, " "), line);
    const struct command *command = command_find(link->self, word);
    return command && (command->run == do_password || command->run == do_shutdown);
}

static void type(struct link *link, const char *text)
{
    static struct line line;
    memset(&line, 0, sizeof line);
    for (; *text; text++)
        line_take(&line, (uint8_t)*text);
    line_take(&line, '\r');
    const char *from = line.text + strspn(line.text, " ");
    if (link->phase == LINK_PLAYING && !is_left_out(link, from))
        play_line(link, line.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    bool has_wizard_spoken = false;
    begin();
    while (input.n > 0) {
        char *line = fuzz_line(&input);
        bool is_wizard = strncmp(line, "w ", 2) == 0;
        has_wizard_spoken = has_wizard_spoken || is_wizard;
        type(is_wizard ? game.wizard : game.player, is_wizard ? line + 2 : line);
        free(line);
        hold_world();
        hold_told(game.wizard);
        hold_told(game.player);
        if (!has_wizard_spoken)
            hold_untouched();
    }
    link_free(game.wizard);
    link_free(game.player);
    world_close(game.mush.world);
    event_base_loop(game.mush.base, EVLOOP_NONBLOCK); // libevent frees their streams now
    return 0;
}
