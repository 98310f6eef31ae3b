// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A new file behind the log's descriptor (log_file.h).
#include "guard/log_file.h"

#include "base/log.h"
#include "base/obstacle.h"

#include <stdio.h>
#include <string.h>

void log_file_renew(char *remark, size_t n_remark)
{
    char fix[OBSTACLE_BYTES];
    bool is_new;
    int error = log_reopen(&is_new);
    remark[0] = '\0';
    if (is_new)
        log_event(LOG_FILE, "file=\"%s\"", log_path());
    if (!error)
        return;
    obstacle_explain(fix, log_path(), error);
    log_event(LOG_KEPT, "file=\"%s\" error=\"%s\" fix=\"%s\"", log_path(), strerror(error), fix);
    snprintf(remark, n_remark,
             "%s: the log cannot be opened anew (%s), so the former file goes on%s%s\n", log_path(),
             strerror(error), *fix ? "; " : "", fix);
}
