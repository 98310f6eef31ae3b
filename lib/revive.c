// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Starting stayd again (revive.h). Errors: remarks.
#include "revive.h"

#include "clock.h"
#include "handle.h"
#include "launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool stay_revive_open(struct stay_revive *revive, const char *program)
{
    revive->said_fd = -1;
    revive->program = program ? strdup(program) : NULL;
    return !program || revive->program;
}

// Each text stands in the remarks once.
static void remark_once(struct stay *stay, const char *text)
{
    size_t n = strlen(stay->remarks);
    if (text[0] != '\0' && !strstr(stay->remarks, text) && strlen(text) < sizeof stay->remarks - n)
        strcpy(stay->remarks + n, text);
}

static void listen_to_it(struct stay_revive *revive)
{
    for (size_t n = strlen(revive->said); revive->said_fd >= 0 && n + 2 < sizeof revive->said;) {
        ssize_t more = read(revive->said_fd, revive->said + n, sizeof revive->said - 2 - n);
        if (more <= 0)
            break;
        n += (size_t)more;
        revive->said[n] = '\0';
    }
}

static void hang_up_on_it(struct stay_revive *revive)
{
    listen_to_it(revive);
    size_t n = strlen(revive->said);
    if (revive->said_fd >= 0)
        close(revive->said_fd);
    revive->said_fd = -1;
    if (n > 0 && revive->said[n - 1] != '\n')
        strcat(revive->said, "\n");
}

// The last one did not get far.
static void complain(struct stay *stay)
{
    if (stay->revive.said[0] != '\0') {
        stay->control.n_refused++;
        remark_once(stay, "stayd is gone and cannot be started again:\n");
        remark_once(stay, stay->revive.said);
    }
}

static void start_again(struct stay *stay, uint64_t now_ms)
{
    struct stay_revive *revive = &stay->revive;
    hang_up_on_it(revive);
    complain(stay);
    revive->is_tried = true;
    revive->said[0] = '\0';
    revive->said_fd =
        stay_launch_again(stay->directory, revive->program, revive->said, sizeof revive->said);
    revive->due_ms = now_ms + revive->wait_ms;
    revive->wait_ms =
        revive->wait_ms * 2 < STAY_REVIVE_LAST_MS ? revive->wait_ms * 2 : STAY_REVIVE_LAST_MS;
}

static void welcome_back(struct stay *stay)
{
    struct stay_revive *revive = &stay->revive;
    hang_up_on_it(revive);
    if (revive->is_tried) {
        revive->n++;
        remark_once(stay, "all of stayd was gone, and was started again\n");
        remark_once(stay, revive->said);
    }
    revive->is_tried = false;
    revive->due_ms = 0;
    revive->said[0] = '\0';
}

void stay_revive_work(struct stay *stay)
{
    struct stay_revive *revive = &stay->revive;
    if (!revive->program || revive->is_over)
        return;
    if (stay->control.phase == STAY_CONTROL_READY) {
        if (revive->due_ms != 0)
            welcome_back(stay);
        return;
    }
    listen_to_it(revive);
    if (!stay_control_is_away(&stay->control) || stay_place_has_stayd(stay->control_path))
        return;
    uint64_t now_ms = stay_now_ms();
    if (revive->due_ms == 0) {
        revive->due_ms = now_ms + STAY_REVIVE_FIRST_MS;
        revive->wait_ms = STAY_REVIVE_NEXT_MS;
    } else if (revive->due_ms <= now_ms) {
        start_again(stay, now_ms);
    }
}

void stay_revive_close(struct stay_revive *revive)
{
    if (revive->said_fd >= 0)
        close(revive->said_fd);
    free(revive->program);
}
