// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Writing, reading and comparing copies of a configuration (copy.h).
#include "conf/copy.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "conf/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARK "stayd's configuration 1\n"
#define MARK_BYTES (sizeof MARK - 1)
#define LENGTH_BYTES 4u
#define SUM_BYTES 8u

struct writer {
    FILE *out;
    uint64_t sum;
};

static void put(struct writer *writer, const void *bytes, size_t n)
{
    writer->sum = hash64_add(writer->sum, bytes, n);
    fwrite(bytes, 1, n, writer->out);
}

static void put_piece(struct writer *writer, const char *bytes, size_t n)
{
    uint8_t length[LENGTH_BYTES];
    bytes_put32(length, (uint32_t)n); // files are a few MiB at most
    put(writer, length, sizeof length);
    put(writer, bytes, n);
}

static void put_list(struct writer *writer, const struct conf_list *list)
{
    if (list->file)
        put_piece(writer, list->text, list->n_text);
}

static bool is_list_read(const struct conf_list *list)
{
    return !list->file || list->text;
}

bool conf_copy_write(const struct conf *conf, FILE *out)
{
    struct writer writer = {out, HASH64_START};
    uint8_t sum[SUM_BYTES];
    if (!conf->text || !is_list_read(&conf->allow) || !is_list_read(&conf->deny) ||
        !is_list_read(&conf->exempt)) {
        errno = EINVAL;
        return false;
    }
    put(&writer, MARK, MARK_BYTES);
    put_piece(&writer, conf->path, strlen(conf->path));
    put_piece(&writer, conf->text, conf->n_text);
    put_list(&writer, &conf->allow);
    put_list(&writer, &conf->deny);
    put_list(&writer, &conf->exempt);
    bytes_put64(sum, writer.sum);
    fwrite(sum, 1, sizeof sum, out);
    return fflush(out) == 0 && !ferror(out);
}

// What is left of a copy, without its sum.
struct reader {
    const char *at;
    size_t n;
    struct conf_complaints complaints; // about the copy
};

static bool refuse(struct reader *reader)
{
    conf_complain(&reader->complaints, 0, "is damaged or not whole; restart stayd");
    return false;
}

// False: a complaint. Behind the piece, and not counted, is a NUL; the caller frees it.
static bool take_piece(struct reader *reader, char **piece, size_t *n)
{
    if (reader->n < LENGTH_BYTES)
        return refuse(reader);
    *n = bytes_get32((const uint8_t *)reader->at);
    if (*n > reader->n - LENGTH_BYTES)
        return refuse(reader);
    *piece = malloc(*n + 1);
    if (!*piece) {
        conf_complain(&reader->complaints, 0, "cannot be read: out of memory; try again");
        return false;
    }
    memcpy(*piece, reader->at + LENGTH_BYTES, *n);
    (*piece)[*n] = '\0';
    reader->at += LENGTH_BYTES + *n;
    reader->n -= LENGTH_BYTES + *n;
    return true;
}

static bool take_list(struct reader *reader, struct conf_list *list)
{
    return !list->file || take_piece(reader, &list->text, &list->n_text);
}

// Mark and sum are right: what is between them is to be read.
static bool begin(struct reader *reader, const char *bytes, size_t n)
{
    uint8_t sum[SUM_BYTES];
    if (n < MARK_BYTES || memcmp(bytes, MARK, MARK_BYTES) != 0) {
        conf_complain(&reader->complaints, 0, "is none that this program knows; restart stayd");
        return false;
    }
    if (n < MARK_BYTES + SUM_BYTES)
        return refuse(reader);
    bytes_put64(sum, hash64_add(HASH64_START, bytes, n - SUM_BYTES));
    if (memcmp(bytes + n - SUM_BYTES, sum, SUM_BYTES) != 0)
        return refuse(reader);
    reader->at = bytes + MARK_BYTES;
    reader->n = n - MARK_BYTES - SUM_BYTES;
    return true;
}

// Path and text, parsed. False: *conf is empty.
static bool take_file(struct reader *reader, struct conf *conf, int *n_mistakes)
{
    struct conf_complaints complaints = {.out = reader->complaints.out, .is_copy = true};
    char *path = NULL;
    char *text = NULL;
    size_t n_path, n_text;
    if (take_piece(reader, &path, &n_path) && (strlen(path) == n_path || refuse(reader)) &&
        take_piece(reader, &text, &n_text)) {
        complaints.path = path;
        *n_mistakes += conf_parse(conf, path, text, n_text, &complaints);
    }
    free(path);
    return conf->text;
}

int conf_copy_read(struct conf *conf, const char *bytes, size_t n, FILE *complaints)
{
    struct reader reader = {.complaints = {.out = complaints, .path = "stayd's configuration"}};
    int n_mistakes = 0;
    memset(conf, 0, sizeof *conf);
    if (begin(&reader, bytes, n) && take_file(&reader, conf, &n_mistakes) &&
        take_list(&reader, &conf->allow) && take_list(&reader, &conf->deny) &&
        take_list(&reader, &conf->exempt) && (reader.n == 0 || refuse(&reader)))
        n_mistakes += conf_parse_lists(conf, complaints);
    n_mistakes += reader.complaints.n;
    if (n_mistakes)
        conf_free(conf);
    return n_mistakes;
}

static bool is_same_text(const char *a, size_t n_a, const char *b, size_t n_b)
{
    return a && b ? n_a == n_b && memcmp(a, b, n_a) == 0 : a == b;
}

// The file's text has named both, if any, so they are the same file.
static bool is_same_list(const struct conf_list *a, const struct conf_list *b)
{
    return is_same_text(a->text, a->n_text, b->text, b->n_text);
}

bool conf_is_same(const struct conf *a, const struct conf *b)
{
    return a->text && b->text && strcmp(a->path, b->path) == 0 &&
           is_same_text(a->text, a->n_text, b->text, b->n_text) &&
           is_same_list(&a->allow, &b->allow) && is_same_list(&a->deny, &b->deny) &&
           is_same_list(&a->exempt, &b->exempt);
}
