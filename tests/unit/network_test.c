// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Networks, sets of them, and the files in which they stand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conf/option.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void networks_are_read_and_printed(void **state)
{
    static const struct {
        const char *written, *printed;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.7/32", "192.0.2.7"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::/0", "::/0"},
        {"::1", "::1"},
        {"2001:db8:1:2::/63", "2001:db8:1:2::/63"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
    };
    char text[NETWORK_TEXT_BYTES];
    struct network network;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(network_parse(cases[i].written, &network));
        assert_string_equal(network_print(text, &network), cases[i].printed);
    }
}

static void what_is_no_network_is_refused_in_words(void **state)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"", "not a network"},
        {"mush.example", "not a network"},
        {"192.0.2", "not a network"},
        {"192.0.2.0.0/24", "not a network"},
        {"[2001:db8::]/32", "not a network"},
        {"2001:db8::1:2:3:4:5:6:7:8:9:0:1:2:3:4:5:6:7:8:9/32", "not a network"},
        {"/24", "not a network"},
        {"192.0.2.0/", "from 0 to 32"},
        {"192.0.2.0/33", "from 0 to 32"},
        {"192.0.2.0/+8", "from 0 to 32"},
        {"192.0.2.0/255.255.255.0", "from 0 to 32"},
        {"192.0.2.0/0024", "from 0 to 32"},
        {"2001:db8::/129", "from 0 to 128"},
        {"192.0.2.7/24", "goes on"},
        {"2001:db8::1/64", "goes on"},
        {"2001:db8:0:1::/63", "goes on"},
    };
    struct network network;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *wrong = network_parse(cases[i].text, &network);
        if (!wrong || !strstr(wrong, cases[i].wrong))
            fail_msg("\"%s\": %s", cases[i].text, wrong ? wrong : "accepted");
    }
}

static bool have(const struct networks *networks, const char *address)
{
    struct network network;
    assert_null(network_parse(address, &network));
    return networks_have(networks, network.address);
}

static void read_text(struct networks *networks, const char *text, int n_wrong,
                      const char *expected)
{
    char *words;
    size_t n_words;
    struct conf_complaints complaints = {.out = open_memstream(&words, &n_words), .path = "deny"};
    *networks = (struct networks){0};
    conf_read_networks(networks, text, strlen(text), &complaints);
    fclose(complaints.out);
    networks_sort(networks);
    if (complaints.n != n_wrong || !strstr(words, expected))
        fail_msg("%d mistakes:\n%s", complaints.n, words);
    free(words);
}

static void a_set_has_what_is_in_one_of_its_networks_and_keeps_families_apart(void **state)
{
    struct networks networks = {0};
    (void)state;
    assert_false(have(&networks, "192.0.2.7"));
    read_text(&networks,
              "# the first line\n198.51.100.0/24\n\n10.0.0.0/8 ; all\n\t10.1.0.0/16\r\n"
              "192.0.2.7\n2001:db8::/32 # and more\n10.255.255.255",
              0, "");
    assert_true(have(&networks, "10.0.0.0") && have(&networks, "10.255.255.255"));
    assert_true(have(&networks, "10.1.2.3") && have(&networks, "10.2.0.0"));
    assert_false(have(&networks, "9.255.255.255") || have(&networks, "11.0.0.0"));
    assert_true(have(&networks, "192.0.2.7"));
    assert_false(have(&networks, "192.0.2.6") || have(&networks, "192.0.2.8"));
    assert_true(have(&networks, "2001:db8:ffff::1"));
    assert_false(have(&networks, "2001:db9::") || have(&networks, "::"));
    networks_free(&networks);
    read_text(&networks, "::/0\n", 0, "");
    assert_true(have(&networks, "::1") && have(&networks, "ffff::"));
    assert_false(have(&networks, "192.0.2.7"));
    networks_free(&networks);
    read_text(&networks, "0.0.0.0/0\n", 0, "");
    assert_false(have(&networks, "::1"));
    assert_true(have(&networks, "255.255.255.255"));
    networks_free(&networks);
}

static void a_mistake_is_named_with_its_line_and_many_are_cut_short(void **state)
{
    struct networks networks;
    (void)state;
    read_text(&networks, "10.0.0.0/8\n\nmush.example # ours\n10.0.0.1/8\n", 2,
              "deny:3: mush.example: not a network; write");
    networks_free(&networks);
    read_text(&networks, "10.0.0.1/8", 1, "deny:1: 10.0.0.1/8: the address goes on");
    networks_free(&networks);
    read_text(&networks, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\n", 11, "deny:11: not looked at");
    networks_free(&networks);
    read_text(&networks,
              "a line that is longer than any network can be, and for that reason not copied\n", 1,
              "deny:1: not a network");
    networks_free(&networks);
}

static void lists_are_read_beside_the_configuration_and_this_machine_is_exempt(void **state)
{
    char path[] = "/tmp/stayd-list-XXXXXX";
    struct conf conf = {0};
    char *words;
    size_t n_words;
    FILE *complaints = open_memstream(&words, &n_words);
    (void)state;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "192.0.2.0/24\n", 13), 13);
    close(fd);
    assert_int_equal(conf_read_lists(&conf, complaints), 0);
    assert_true(have(&conf.exempt.networks, "127.0.0.3") && have(&conf.exempt.networks, "::1"));
    assert_false(have(&conf.deny.networks, "192.0.2.7"));
    conf_free(&conf);
    conf.exempt.file = strdup(path);
    conf.deny.file = strdup(path);
    conf.allow.file = strdup("/nonexistent/list");
    assert_int_equal(conf_read_lists(&conf, complaints), 1);
    fflush(complaints);
    assert_non_null(strstr(words, "/nonexistent/list: cannot be read: No such file"));
    assert_false(have(&conf.exempt.networks, "127.0.0.3"));
    assert_true(have(&conf.deny.networks, "192.0.2.7"));
    conf_free(&conf);
    fclose(complaints);
    free(words);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_read_and_printed),
        cmocka_unit_test(what_is_no_network_is_refused_in_words),
        cmocka_unit_test(a_set_has_what_is_in_one_of_its_networks_and_keeps_families_apart),
        cmocka_unit_test(a_mistake_is_named_with_its_line_and_many_are_cut_short),
        cmocka_unit_test(lists_are_read_beside_the_configuration_and_this_machine_is_exempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
