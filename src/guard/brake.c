// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A token bucket (brake.h).
#include "guard/brake.h"

#include "base/log.h"

#define TOKENS_PER_S 1.0
#define BRAKE_MS 1000u

uint32_t brake_count(struct brake *brake, bool is_bad, uint64_t now_ms)
{
    brake->tokens += (double)(now_ms - brake->at_ms) / 1000.0 * TOKENS_PER_S;
    brake->at_ms = now_ms;
    if (brake->tokens > BRAKE_FULL)
        brake->tokens = BRAKE_FULL;
    if (!is_bad)
        return 0;
    if (brake->tokens >= 1.0) {
        brake->tokens -= 1.0;
        return 0;
    }
    log_event(LOG_BRAKE, "wait_ms=%u", BRAKE_MS);
    return BRAKE_MS;
}
