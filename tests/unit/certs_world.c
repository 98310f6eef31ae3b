// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See certs_world.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certs_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[] = "/tmp/stayd-certs-XXXXXX";
char certificate_path[64], key_path[64], other_path[64], ca_path[64], own_path[64];
char *complaints, *remarks;
struct pki_pair root, middle, leaf;
struct conf conf;
struct conf_listener listener;
struct certs_loaded loaded;
struct certs_wish wish;

static char conf_path[64];

struct certs *certs_world_load(bool may_make)
{
    size_t n;
    wish.may_make = may_make;
    free(complaints);
    free(remarks);
    FILE *bad = open_memstream(&complaints, &n);
    FILE *note = open_memstream(&remarks, &n);
    loaded = certs_load(&conf, &listener, &wish, bad, note);
    fclose(bad);
    fclose(note);
    assert_non_null(loaded.certs);
    assert_int_equal(loaded.n_complaints == 0, *complaints == '\0');
    return loaded.certs;
}

void certs_assert_complaint(const char *path, const char *expected)
{
    certs_free(certs_world_load(true));
    char *newline = strchr(complaints, '\n');
    bool is_one = newline && newline[1] == '\0';
    if (!is_one || strncmp(complaints, path, strlen(path)) != 0 || !strstr(complaints, expected) ||
        !strstr(complaints, "; "))
        fail_msg("expected one complaint \"%s: %s\":\n%s", path, expected, complaints);
}

struct certs *certs_assert_loads(void)
{
    struct certs *certs = certs_world_load(true);
    if (loaded.n_complaints)
        fail_msg("refused: %s", complaints);
    assert_true(loaded.can_serve);
    return certs;
}

void certs_assert_remark(const char *path, const char *expected)
{
    certs_free(certs_assert_loads());
    if (strncmp(remarks, path, strlen(path)) != 0 || !strstr(remarks, expected))
        fail_msg("expected the remark \"%s: %s\":\n%s", path, expected, remarks);
}

void certs_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

int certs_make_files(void **state)
{
    (void)state;
    memset(&listener, 0, sizeof listener);
    strcpy(listener.name, "tls");
    listener.is_tls = true;
    listener.tls_min = TLS1_2_VERSION;
    listener.certificate[0] = certificate_path;
    listener.key[0] = key_path;
    listener.n_certificates = 1;
    conf.path = conf_path;
    wish = (struct certs_wish){0};
    WRITE(certificate_path, NULL, leaf.certificate, middle.certificate);
    WRITE(key_path, leaf.key);
    return 0;
}

int certs_remove_files(void **state)
{
    (void)state;
    const char *const paths[] = {certificate_path, key_path, other_path, ca_path, own_path};
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++)
        unlink(paths[i]);
    pki_forget_session();
    return 0;
}

int certs_world_begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate_path, sizeof certificate_path, "%s/certs.test.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/certs.test.key", folder);
    snprintf(other_path, sizeof other_path, "%s/certs.test.other.pem", folder);
    snprintf(ca_path, sizeof ca_path, "%s/certs.test.ca.pem", folder);
    snprintf(own_path, sizeof own_path, "%s/stayd-selfsigned.pem", folder);
    snprintf(conf_path, sizeof conf_path, "%s/stayd.conf", folder);
    root =
        pki_make((struct pki_wish){.name = "Root CA", .is_ca = 1, .from_days = -1, .to_days = 900});
    middle = pki_make((struct pki_wish){
        .name = "Middle CA", .issuer = &root, .is_ca = 1, .from_days = -1, .to_days = 900});
    leaf = pki_make((struct pki_wish){LEAF, .issuer = &middle});
    return 0;
}

int certs_world_end(void **state)
{
    (void)state;
    free(complaints);
    free(remarks);
    pki_free(&root);
    pki_free(&middle);
    pki_free(&leaf);
    return rmdir(folder);
}
