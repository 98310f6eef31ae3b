// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// For tests of certificates: a root, an intermediate and a leaf, files in a folder of the test's
// own, and one listener that names them.
#ifndef STAYD_CERTS_WORLD_H
#define STAYD_CERTS_WORLD_H

#include "entry/certs.h"
#include "pki.h"

#define LEAF .name = "mush.example", .names = "DNS:mush.example", .from_days = -1, .to_days = 90

extern char folder[];
extern char certificate_path[64], key_path[64], other_path[64], ca_path[64], own_path[64];
extern struct pki_pair root, middle, leaf;
extern struct conf conf;
extern struct conf_listener listener;

extern struct certs_loaded loaded; // of the last load, without what its caller gets
extern char *complaints, *remarks; // of the last load
extern struct certs_wish wish;     // of the next load

// The listener's certificates; the caller frees them.
struct certs *certs_world_load(bool may_make);

// The same; there is no complaint.
struct certs *certs_assert_loads(void);

// One complaint, about this file, that holds these words.
void certs_assert_complaint(const char *path, const char *expected);

// No complaint, and the first remark is about this file and holds these words.
void certs_assert_remark(const char *path, const char *expected);

void certs_write_text(const char *path, const char *text);

#define WRITE(path, key, ...) pki_write(path, (X509 *[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, key)

// Before all tests and after them.
int certs_world_begin(void **state);
int certs_world_end(void **state);

// Before each test: a good chain and key in two files, in one listener. After it they are removed.
int certs_make_files(void **state);
int certs_remove_files(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, certs_make_files, certs_remove_files)

#endif
