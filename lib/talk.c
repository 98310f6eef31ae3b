// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the game says to stayd (stay.h): checked here, put into the queue, sent in the next turn of
// the game's loop. Errors: -1 with errno.
#include "stay.h"

#include "handle.h"
#include "start.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_LAST_WORDS 1000u

static int fail(int reason)
{
    errno = reason;
    return -1;
}

// The descriptor becomes readable, so that the game's loop comes to us once this turn is over.
static int queued(struct stay *stay, bool is_well)
{
    if (is_well)
        stay_control_wake(&stay->control);
    return is_well ? 0 : -1;
}

int stay_leave(struct stay *stay, const struct stay_player *player, const void *state,
               size_t n_state)
{
    if (!stay->resumes || !player->has_id)
        return fail(EINVAL);
    if (n_state > STAY_RESUME_BYTES)
        return fail(EMSGSIZE);
    return queued(stay, stay_requests_leave(&stay->control.requests, player->id, state, n_state));
}

int stay_acknowledge(struct stay *stay, const struct stay_player *player, uint64_t n_input)
{
    if (!stay->acknowledges || !player->has_id)
        return fail(EINVAL);
    return queued(stay, stay_requests_acknowledge(&stay->control.requests, player->id, n_input));
}

// The game closes its descriptor right away, and stayd may see that before it sees the request: so
// the connection is held open until the request is answered.
int stay_end(struct stay *stay, const struct stay_player *player, const char *last_words)
{
    char checked[MAX_LAST_WORDS + 1];
    const char *words = last_words ? last_words : "";
    if (strlen(words) > MAX_LAST_WORDS)
        return fail(EMSGSIZE);
    if (!player->has_id ||
        !stay_text_take(checked, sizeof checked, (const uint8_t *)words, strlen(words)))
        return fail(EINVAL);
    if (!stay_requests_end(&stay->control.requests, player->id, words))
        return -1;
    if (stay->control.phase != STAY_CONTROL_HOPELESS)
        stay_requests_hold(&stay->control.requests, fcntl(player->fd, F_DUPFD_CLOEXEC, 0));
    return queued(stay, true);
}

int stay_announce(struct stay *stay, enum stay_plan plan)
{
    static const char *const words[][2] = {
        [STAY_PLAN_REBOOT] = {"reboot", ""},
        [STAY_PLAN_END_HOLD] = {"shutdown", " hold"},
        [STAY_PLAN_END_LEAVE] = {"shutdown", " end"},
    };
    char request[sizeof "shutdown  hold" + STAY_MAX_NAME];
    if ((size_t)plan >= sizeof words / sizeof words[0])
        return fail(EINVAL);
    stay->revive.is_over |= plan != STAY_PLAN_REBOOT;
    snprintf(request, sizeof request, "%s %s%s", words[plan][0], stay->game, words[plan][1]);
    return queued(stay, stay_control_plan(&stay->control, request));
}

void stay_work(struct stay *stay)
{
    stay_door_work(&stay->door);
    stay_revive_work(stay);
}

size_t stay_n_unanswered(const struct stay *stay)
{
    return stay_requests_count(&stay->control.requests);
}
