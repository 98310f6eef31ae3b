// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Linked into a stayd that is to fail when one upgrades to it: at its start, on its trial, after it,
// in each of its workers, or in each of its entries.
//
// Errors: that is what it is for.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct vault;
int __wrap_vault_lock(struct vault *vault);

// A worker's start.
int __wrap_vault_lock(struct vault *vault)
{
    (void)vault;
    abort();
}

#if defined(FAULT_MEDDLE)
// Tries all that could hurt the players whose vault this is, and says what it could do.
static void meddle(const char *baton)
{
    struct stat status;
    char link[64];
    int fd = atoi(strstr(baton, "vault ") + strlen("vault "));
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    fstat(fd, &status);
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
        puts("it could map the vault to write in it");
    if (pwrite(fd, "", 1, 0) == 1)
        puts("it could write into the vault");
    int again = open(link, O_RDWR);
    if (again >= 0 && pwrite(again, "", 1, 0) == 1)
        puts("it could open the vault anew, to write into it");
    if (ftruncate(fd, 4096) == 0)
        puts("it could make the vault short");
    if (ftruncate(fd, status.st_size + 4096) == 0)
        puts("it could make the vault long");
    for (int other = 3; other < 256; other++)
        if (other != fd && other != again && fcntl(other, F_GETFD) >= 0)
            puts("it has another descriptor");
    puts("it has tried everything");
    fflush(stdout);
}
#endif

static __attribute__((constructor)) void start(int argc, char **argv)
{
    int is_adopting = argc > 1 && strcmp(argv[1], "--adopt") == 0;
    (void)is_adopting;
#if defined(FAULT_EXIT)
    _exit(0); // as if all were well
#elif defined(FAULT_MEDDLE)
    if (!is_adopting && argc > 2) {
        meddle(argv[2]);
        _exit(1);
    }
#elif defined(FAULT_HANG)
    pause();
#elif defined(FAULT_HANG_LATER)
    if (is_adopting)
        pause();
#elif defined(FAULT_NO_ENTRY)
    if (argc > 1 && strcmp(argv[1], "--entry") == 0)
        _exit(1);
#elif defined(FAULT_EXIT_LATER)
    if (is_adopting)
        _exit(1);
#endif
}
