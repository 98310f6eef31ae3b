// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Runs a fuzz harness over the files of a directory, without libFuzzer, so that
// what the fuzzer once found is tried again by every build and compiler.
//
// Errors: a directory that is not there or empty, or a file that cannot be read,
// fails the test; so does the harness, by aborting: the file's name was printed before.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static int replay(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    // A buffer of the input's own size, so that ASan sees a read past its end.
    uint8_t *all = malloc(INPUT_MAX);
    const size_t n = all != NULL ? fread(all, 1, INPUT_MAX, file) : 0;
    fclose(file);
    uint8_t *input = all != NULL ? realloc(all, n > 0 ? n : 1) : NULL;
    if (input == NULL) {
        free(all);
        return -1;
    }
    printf("%s, %zu bytes\n", name, n);
    fflush(stdout);
    LLVMFuzzerTestOneInput(input, n);
    free(input);
    return 0;
}

int main(int argc, char **argv)
{
    int n_replayed = 0;
    int status = 0;
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    if (directory == NULL) {
        fprintf(stderr, "usage: replay DIRECTORY\n");
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay(argv[1], entry->d_name) != 0)
            status = 1;
        n_replayed++;
    }
    closedir(directory);
    printf("%d inputs\n", n_replayed);
    return n_replayed > 0 ? status : 1;
}
