// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads STAYD_MUTANT, and maps the file STAYD_REACHED, which is so long that each mutant has a byte
// in it (stayd_mutant.h).
// Errors: without them there is no mutant, and nobody is told.
#include "stayd_mutant.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 65536u

static unsigned char nowhere[MOST];

unsigned stayd_mutant;
unsigned char *stayd_reached = nowhere;

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("STAYD_MUTANT");
    const char *path = getenv("STAYD_REACHED");
    if (number)
        stayd_mutant = (unsigned)strtoul(number, NULL, 10);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        stayd_reached = at;
    close(fd);
}
