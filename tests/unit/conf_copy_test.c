// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A configuration as bytes: what comes out is what went in, whatever has become of the files; and
// what is no copy is refused in words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "conf/align.h"
#include "conf/copy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "stayd's configuration 1\n"

#define SMALL "[listen tls]\naddress = [::]:4202\n[game mush]\nconnect = unix:/run/mush.sock\n"

// All sections, a mark of UTF-8, comments, CRLF, files from here and from the root; allow and deny
// are files, exempt is none.
#define RICH                                                                                       \
    "\xef\xbb\xbf; players' door\r\n"                                                              \
    "[stayd]   # all of it\n"                                                                      \
    "  max-players = 300\nallow = lists/allow\nname-servers = 127.0.0.1\nlog = syslog\n"           \
    "deny = deny ; who is not\n"                                                                   \
    "[game a]\nconnect = tcp:127.0.0.1:4201\nuser = root\nsni = a.example, *.b.example\n"          \
    "[game b]\nconnect = unix:/run/b\nheader = none\nhold = forever\naway-text = 'Gone # soon'\n"  \
    "[listen one]\naddress = [::]:1, 0.0.0.0:1\ncertificate = a.pem, /b.pem\ngame = b\n"           \
    "alpn = telnet, mush\n"                                                                        \
    "[listen two]\naddress = 127.0.0.1:2\ntls = no\ngame = a"

#define ALLOW "192.0.2.0/24\n# nobody else\n2001:db8::/32"

static char folder[] = "/tmp/stayd-copy-XXXXXX";
static char path[64];
static char *words; // of what was read last
static size_t n_words;
static char *copy; // what was written last
static size_t n_copy;

static const char *in_folder(const char *name)
{
    static char file[96];
    snprintf(file, sizeof file, "%s/%s", folder, name);
    return file;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_rich(void)
{
    write_file("stayd.conf", RICH);
    write_file("lists/allow", ALLOW);
    write_file("deny", "");
}

static FILE *listen_to_words(void)
{
    free(words);
    return open_memstream(&words, &n_words);
}

static int load(struct conf *conf)
{
    FILE *complaints = listen_to_words();
    int n = conf_load(conf, path, complaints);
    if (n == 0)
        n = conf_read_lists(conf, complaints);
    fclose(complaints);
    return n;
}

static void load_right(struct conf *conf)
{
    if (load(conf) != 0)
        fail_msg("refused: %s", words);
}

static bool write_copy(const struct conf *conf)
{
    free(copy);
    FILE *out = open_memstream(&copy, &n_copy);
    bool is_whole = conf_copy_write(conf, out);
    fclose(out);
    return is_whole;
}

// From memory that ends where the copy does.
static int read_bytes(struct conf *conf, const char *bytes, size_t n)
{
    char *own = malloc(n ? n : 1);
    memcpy(own, bytes, n);
    FILE *complaints = listen_to_words();
    int n_mistakes = conf_copy_read(conf, own, n, complaints);
    fclose(complaints);
    free(own);
    return n_mistakes;
}

static void read_copy(struct conf *conf)
{
    if (read_bytes(conf, copy, n_copy) != 0)
        fail_msg("refused: %s", words);
    assert_string_equal(words, "");
}

static void assert_refused(const char *bytes, size_t n, const char *expected)
{
    static const struct conf empty;
    struct conf conf;
    int n_mistakes = read_bytes(&conf, bytes, n);
    if (n_mistakes != 1 || !strstr(words, expected))
        fail_msg("%d mistakes in %zu bytes, expected 1 with \"%s\":\n%s", n_mistakes, n, expected,
                 words);
    assert_memory_equal(&conf, &empty, sizeof conf);
}

static bool have(const struct networks *networks, const char *text)
{
    struct network network;
    assert_null(network_parse(text, &network));
    return networks_have(networks, network.address);
}

static void assert_rich(const struct conf *conf)
{
    assert_string_equal(conf->path, path);
    assert_int_equal(conf->n_text, sizeof RICH - 1);
    assert_memory_equal(conf->text, RICH, conf->n_text);
    assert_int_equal(conf->max_players, 300);
    assert_int_equal(conf->max_players_per_address, 15);
    assert_string_equal(conf->log, "syslog");
    assert_int_equal(conf->n_name_servers, 1);
    assert_string_equal(conf->allow.file, in_folder("lists/allow"));
    assert_int_equal(conf->allow.n_text, sizeof ALLOW - 1);
    assert_true(have(&conf->allow.networks, "192.0.2.7"));
    assert_true(have(&conf->allow.networks, "2001:db8::1"));
    assert_false(have(&conf->allow.networks, "192.0.3.7"));
    assert_string_equal(conf->deny.file, in_folder("deny"));
    assert_non_null(conf->deny.text);
    assert_int_equal(conf->deny.n_text, 0);
    assert_false(have(&conf->deny.networks, "192.0.2.7"));
    assert_null(conf->exempt.file);
    assert_null(conf->exempt.text);
    assert_true(have(&conf->exempt.networks, "127.0.0.1"));
    assert_int_equal(conf->n_games, 2);
    assert_string_equal(conf->game[0].user, "root");
    assert_string_equal(conf->game[0].sni[1], "*.b.example");
    assert_true(conf->game[1].hold_ms == CONF_FOREVER);
    assert_string_equal(conf->game[1].text[CONF_TEXT_AWAY], "Gone # soon");
    assert_int_equal(conf->n_listeners, 2);
    assert_int_equal(conf->listener[0].line, 17);
    assert_int_equal(conf->listener[0].n_addresses, 2);
    assert_int_equal(conf->listener[0].n_certificates, 2);
    assert_string_equal(conf->listener[0].certificate[0], in_folder("a.pem"));
    assert_string_equal(conf->listener[0].certificate[1], "/b.pem");
    assert_string_equal(conf->listener[0].alpn, "telnet,mush");
    assert_int_equal(conf->listener[0].game, 1);
    assert_false(conf->listener[1].is_tls);
    assert_int_equal(conf->listener[1].game, 0);
}

static void a_copy_is_what_was_read_and_not_what_has_become_of_the_files(void **state)
{
    struct conf conf, other;
    (void)state;
    write_rich();
    load_right(&conf);
    assert_rich(&conf);
    write_file("stayd.conf", SMALL);
    write_file("lists/allow", "not a network\n");
    unlink(in_folder("deny"));
    assert_true(write_copy(&conf));
    unlink(path);
    read_copy(&other);
    assert_rich(&other);
    assert_true(conf_is_same(&conf, &other));
    conf_free(&conf);
    assert_rich(&other); // which has nothing of the first one's
    char *first = copy;
    size_t n_first = n_copy;
    copy = NULL;
    assert_true(write_copy(&other));
    assert_int_equal(n_copy, n_first);
    assert_memory_equal(copy, first, n_copy);
    conf_free(&other);
    free(first);
}

static void a_configuration_without_lists_needs_no_more_than_its_file(void **state)
{
    struct conf conf, other;
    (void)state;
    write_file("stayd.conf", SMALL);
    FILE *complaints = listen_to_words();
    assert_int_equal(conf_load(&conf, path, complaints), 0);
    fclose(complaints);
    assert_true(write_copy(&conf));
    read_copy(&other);
    assert_true(have(&other.exempt.networks, "::1"));
    assert_true(conf_is_same(&conf, &other));
    conf_free(&conf);
    conf_free(&other);
}

static void what_was_not_read_or_cannot_be_written_is_no_copy(void **state)
{
    struct conf conf = {0};
    (void)state;
    assert_false(write_copy(&conf));
    assert_int_equal(n_copy, 0);
    write_rich();
    FILE *complaints = listen_to_words();
    assert_int_equal(conf_load(&conf, path, complaints), 0);
    assert_false(write_copy(&conf)); // without its lists
    unlink(in_folder("lists/allow"));
    assert_int_equal(conf_read_lists(&conf, complaints), 1);
    fclose(complaints);
    assert_false(write_copy(&conf));
    assert_int_equal(n_copy, 0);
    conf_free(&conf);
    write_rich();
    load_right(&conf);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(conf_copy_write(&conf, full));
    fclose(full);
    conf_free(&conf);
}

static void a_copy_that_is_cut_or_damaged_anywhere_is_refused(void **state)
{
    struct conf conf;
    (void)state;
    write_rich();
    load_right(&conf);
    assert_true(write_copy(&conf));
    conf_free(&conf);
    char *bytes = malloc(n_copy + 1);
    memcpy(bytes, copy, n_copy);
    bytes[n_copy] = '\0';
    for (size_t n = 0; n < n_copy; n++)
        assert_refused(bytes, n, "; restart stayd\n");
    assert_refused(bytes, n_copy + 1, "is damaged or not whole; restart stayd\n");
    for (size_t i = 0; i < n_copy; i++) {
        bytes[i] = (char)(bytes[i] ^ 1 << i % 8);
        assert_refused(bytes, n_copy,
                       i < strlen(MARK) ? "stayd's configuration: is none that this program knows"
                                        : "stayd's configuration: is damaged or not whole");
        bytes[i] = copy[i];
    }
    free(bytes);
}

// A copy whose sum is right, of pieces of these lengths.
static size_t make(char *bytes, const char *const *pieces, const size_t *lengths, unsigned n_pieces)
{
    char *at = stpcpy(bytes, MARK);
    for (unsigned i = 0; i < n_pieces; i++) {
        bytes_put32((uint8_t *)at, (uint32_t)lengths[i]);
        memcpy(at + 4, pieces[i], lengths[i]);
        at += 4 + lengths[i];
    }
    bytes_put64((uint8_t *)at, hash64_add(HASH64_START, bytes, (size_t)(at - bytes)));
    return (size_t)(at + 8 - bytes);
}

static void pieces_that_do_not_fit_the_configuration_are_refused(void **state)
{
    static const char *const expected = "stayd's configuration: is damaged or not whole";
    const char *const pieces[] = {"/x\0y", SMALL "[stayd]\ndeny = d\n", "::/0\n", ""};
    const size_t lengths[] = {2, strlen(pieces[1]), 5, 0};
    const size_t with_nul[] = {4, strlen(pieces[1]), 5};
    struct conf conf;
    char bytes[512];
    (void)state;
    assert_int_equal(read_bytes(&conf, bytes, make(bytes, pieces, lengths, 3)), 0);
    assert_string_equal(conf.path, "/x");
    assert_string_equal(conf.deny.file, "//d");
    assert_true(have(&conf.deny.networks, "2001:db8::1"));
    conf_free(&conf);
    for (unsigned n = 0; n < 3; n++)
        assert_refused(bytes, make(bytes, pieces, lengths, n), expected);
    assert_refused(bytes, make(bytes, pieces, lengths, 4), expected);
    assert_refused(bytes, make(bytes, pieces, with_nul, 3), expected);
    size_t n = make(bytes, pieces, lengths, 0);
    memset(bytes + n - 8, 0xff, 8); // a length of 4 GiB, in the place of the sum
    bytes_put64((uint8_t *)bytes + n, hash64_add(HASH64_START, bytes, n));
    assert_refused(bytes, n + 8, expected);
}

static void mistakes_in_a_copy_are_those_of_its_files(void **state)
{
    struct conf conf = {.path = "/etc/it.conf", .text = SMALL "workers = 7\nlog = x\n"};
    struct conf other;
    (void)state;
    conf.n_text = strlen(conf.text);
    assert_true(write_copy(&conf));
    assert_int_equal(read_bytes(&other, copy, n_copy), 2);
    assert_non_null(strstr(words, "/etc/it.conf:5: workers is no option of [game NAME]"));
    assert_null(other.path);
    conf.text = SMALL "[stayd]\ndeny = /d\n";
    conf.n_text = strlen(conf.text);
    conf.deny = (struct conf_list){.file = "/d", .text = "::1\nx\n\ny", .n_text = 8};
    assert_true(write_copy(&conf));
    assert_int_equal(read_bytes(&other, copy, n_copy), 2);
    assert_int_equal(strncmp(words, "/d:2: x: ", 9), 0);
    assert_non_null(strstr(words, "\n/d:4: y: "));
    assert_null(other.path);
}

static void configurations_are_the_same_if_all_files_are(void **state)
{
    struct conf conf, other;
    (void)state;
    write_rich();
    load_right(&conf);
    load_right(&other);
    assert_true(conf_is_same(&conf, &other) && conf_is_same(&conf, &conf));
    conf_free(&other);
    assert_false(conf_is_same(&conf, &other) || conf_is_same(&other, &conf));
    assert_false(conf_is_same(&other, &other)); // empty
    write_file("stayd.conf", RICH " ");
    load_right(&other);
    assert_false(conf_is_same(&conf, &other));
    conf_free(&other);
    write_file("stayd.conf", RICH);
    write_file("lists/allow", ALLOW "\n");
    load_right(&other);
    assert_false(conf_is_same(&conf, &other));
    conf_free(&other);
    write_file("lists/allow", ALLOW);
    FILE *complaints = listen_to_words();
    assert_int_equal(conf_load(&other, path, complaints), 0);
    fclose(complaints);
    assert_false(conf_is_same(&conf, &other)); // no list was read
    conf_free(&other);
    load_right(&other);
    assert_true(conf_is_same(&conf, &other));
    other.path[strlen(other.path) - 1] = 'x';
    assert_false(conf_is_same(&conf, &other));
    conf_free(&conf);
    conf_free(&other);
}

static void what_a_reload_makes_of_a_configuration_does_not_travel(void **state)
{
    struct conf before, fresh, other;
    struct conf_use use = {.listener = {true}, .game = {true}};
    char *remarks;
    size_t n_remarks;
    FILE *out = open_memstream(&remarks, &n_remarks);
    (void)state;
    write_rich();
    load_right(&before);
    write_file("stayd.conf", SMALL);
    load_right(&fresh);
    assert_true(conf_align(&fresh, &before, &use, out, out));
    conf_free(&before);
    assert_string_equal(fresh.game[0].name, "a"); // gone
    assert_string_equal(fresh.log, "syslog");
    assert_true(write_copy(&fresh));
    read_copy(&other);
    assert_string_equal(other.game[0].name, "mush");
    assert_string_equal(other.log, "stderr");
    assert_true(conf_is_same(&fresh, &other));
    conf_free(&fresh);
    conf_free(&other);
    fclose(out);
    free(remarks);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || mkdir(in_folder("lists"), 0700) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/stayd.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"stayd.conf", "deny", "lists/allow"};
    (void)state;
    free(words);
    free(copy);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(in_folder(files[i]));
    rmdir(in_folder("lists"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_what_was_read_and_not_what_has_become_of_the_files),
        cmocka_unit_test(a_configuration_without_lists_needs_no_more_than_its_file),
        cmocka_unit_test(what_was_not_read_or_cannot_be_written_is_no_copy),
        cmocka_unit_test(a_copy_that_is_cut_or_damaged_anywhere_is_refused),
        cmocka_unit_test(pieces_that_do_not_fit_the_configuration_are_refused),
        cmocka_unit_test(mistakes_in_a_copy_are_those_of_its_files),
        cmocka_unit_test(configurations_are_the_same_if_all_files_are),
        cmocka_unit_test(what_a_reload_makes_of_a_configuration_does_not_travel),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
