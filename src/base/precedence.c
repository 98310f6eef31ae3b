// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Slices and nice values (precedence.h). Errors: as there.
#include "base/precedence.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000u // the shortest
// A tenth of the time is left to the nicer one where others want all of it.
#define NICE 10

// struct sched_attr of sched_setattr(2), in its first version.
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; // of SCHED_OTHER: the slice; 0: the usual one
    uint64_t deadline_ns;
    uint64_t period_ns;
};

static int set(int nice, uint64_t slice_ns)
{
    struct attributes attributes = {
        .size = sizeof attributes, .policy = SCHED_OTHER, .nice = nice, .runtime_ns = slice_ns};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0u);
}

void precedence_take(void)
{
    // Whoever has given this process another policy knows why.
    if (sched_getscheduler(0) == SCHED_OTHER)
        set(getpriority(PRIO_PROCESS, 0), SLICE_NS);
}

bool precedence_leave(void)
{
    int nice = getpriority(PRIO_PROCESS, 0) + NICE;
    // The guard that made this process may have been a worker.
    if (sched_getscheduler(0) == SCHED_OTHER && set(nice < 19 ? nice : 19, 0) == 0)
        return true;
    return setpriority(PRIO_PROCESS, 0, nice) == 0;
}
