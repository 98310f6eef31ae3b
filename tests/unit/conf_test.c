// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The configuration: what is read, and that each mistake is said in words, with
// its line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/option.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL "[listen tls]\naddress = [::]:4202\n[game mush]\nconnect = unix:/run/mush.sock\n"

// The same where another game stands beside.
#define BESIDE                                                                                     \
    "[listen tls]\naddress = [::]:4202\ngame = mush\n[game mush]\nconnect = unix:/run/mush.sock\n"

static char folder[] = "/tmp/stayd-conf-XXXXXX";
static char path[64];
static char *words; // what the last load complained about
static struct conf conf;

static int load_bytes(const char *text, size_t n_text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n_text, file), n_text);
    fclose(file);
    free(words);
    size_t n_words;
    FILE *complaints = open_memstream(&words, &n_words);
    int n = conf_load(&conf, path, complaints);
    fclose(complaints);
    return n;
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

// The text has exactly one mistake, on this line (0: of the file), and these words name it.
static void assert_mistake(const char *text, int line, const char *expected)
{
    char place[96];
    int n = load(text);
    if (line)
        snprintf(place, sizeof place, "%s:%d: ", path, line);
    else
        snprintf(place, sizeof place, "%s: ", path);
    if (n != 1 || strncmp(words, place, strlen(place)) != 0 || !strstr(words, expected))
        fail_msg("%d mistakes, expected 1 at %s with \"%s\":\n%s", n, place, expected, words);
    assert_non_null(strstr(words, "; ")); // what would be right
}

static void assert_right(const char *text)
{
    if (load(text) != 0)
        fail_msg("refused: %s", words);
    assert_string_equal(words, "");
}

static void a_small_file_is_enough_and_the_rest_is_default(void **state)
{
    (void)state;
    assert_right(SMALL);
    assert_string_equal(conf.path, path);
    assert_string_equal(conf.control, "/run/stayd/control.sock");
    assert_null(conf.user);
    assert_int_equal(conf.max_players, 2000);
    assert_int_equal(conf.max_handshakes, 256);
    assert_int_equal(conf.max_players_per_address, 100);
    assert_int_equal(conf.max_handshakes_per_address, 16);
    assert_int_equal(conf.connections_per_second, 5);
    assert_null(conf.allow.file);
    assert_int_equal(conf.handshake_timeout_ms, 10000);
    assert_int_equal(conf.workers, 1);
    assert_string_equal(conf.log, "stderr");
    assert_int_equal(conf.log_level, LOG_LEVEL_INFO);
    assert_int_equal(conf.stop_timeout_ms, 2000);
    assert_int_equal(conf.names, CONF_NAMES_ON);
    assert_int_equal(conf.name_timeout_ms, 2000);
    assert_int_equal(conf.n_name_servers, 0);
    assert_int_equal(conf.n_listeners, 1);
    const struct conf_listener *listener = &conf.listener[0];
    assert_string_equal(listener->name, "tls");
    assert_int_equal(listener->line, 1);
    assert_int_equal(listener->n_addresses, 1);
    assert_true(listener->is_tls);
    assert_int_equal(listener->n_certificates, 0);
    assert_int_equal(listener->client_certificates, CONF_CLIENT_CERTIFICATES_NO);
    assert_null(listener->client_ca);
    assert_null(listener->alpn);
    assert_int_equal(listener->tls_min, 0x0303);
    assert_int_equal(listener->keepalive_ms, 120000);
    assert_int_equal(listener->game, 0);
    assert_int_equal(conf.n_games, 1);
    assert_string_equal(conf.game[0].name, "mush");
    assert_int_equal(conf.game[0].header, CONF_PROXY_V2);
    assert_int_equal(conf.game[0].hold_ms, 600000);
    assert_int_equal(conf.game[0].sockaddr.ss_family, AF_UNIX);
    assert_string_equal(((struct sockaddr_un *)&conf.game[0].sockaddr)->sun_path, "/run/mush.sock");
    conf_free(&conf);
}

static void quotes_and_comments_behind_a_value_are_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *written, *meant; // of away-text
    } texts[] = {
        {"\"Please wait\"", "Please wait"},
        {"'Please wait' # why", "Please wait"},
        {"\"a # b\" # c", "a # b"},
        {"Please wait # why", "Please wait"},
        {"Please wait ; why", "Please wait"},
        {"See #mush, room #1", "See #mush, room #1"},
        {"'Tis late", "'Tis late"},
        {"\"Soon\", it says", "\"Soon\", it says"},
        {"It says \"soon # now\"", "It says \"soon # now\""},
        {"\"off\"", ""},
    };
    char text[512];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(text, sizeof text, "%saway-text = %s\n", SMALL, texts[i].written);
        assert_right(text);
        assert_string_equal(conf.game[0].text[CONF_TEXT_AWAY], texts[i].meant);
        conf_free(&conf);
    }
    assert_right("[stayd]\nlog = '/var/log/a b' # c\nmax-players = 7 #c\ncontrol = /run/a#b # c\n"
                 "[listen tls]\naddress = \"127.0.0.1:1\", '[::1]:2' # both\n"
                 "certificate = \"/a.pem\", /b.pem # two\n"
                 "[game mush]\nconnect = \"unix:/run/mush.sock\"\nheader = none # as yet\n");
    assert_string_equal(conf.log, "/var/log/a b");
    assert_string_equal(conf.control, "/run/a#b");
    assert_int_equal(conf.max_players, 7);
    assert_int_equal(conf.listener[0].n_addresses, 2);
    assert_string_equal(conf.listener[0].certificate[0], "/a.pem");
    assert_string_equal(conf.listener[0].certificate[1], "/b.pem");
    assert_string_equal(conf.game[0].connect, "unix:/run/mush.sock");
    assert_int_equal(conf.game[0].header, CONF_HEADER_NONE);
    conf_free(&conf);
}

static void a_games_user_is_known_by_number(void **state)
{
    (void)state;
    assert_right(SMALL);
    assert_null(conf.game[0].user);
    assert_false(conf.game[0].has_user);
    conf_free(&conf);
    assert_right(SMALL "user = root\n");
    assert_string_equal(conf.game[0].user, "root");
    assert_true(conf.game[0].has_user);
    assert_int_equal(conf.game[0].user_uid, 0);
    conf_free(&conf);
    assert_mistake(SMALL "user = no-such-user\n", 5, "there is no such user; make one");
}

static void links_by_a_connector_are_pennmushs_only(void **state)
{
    (void)state;
    assert_right(SMALL);
    assert_int_equal(conf.game[0].links, CONF_LINKS_DIRECT);
    conf_free(&conf);
    assert_right(SMALL "header = pennmush\nlinks = connector\n");
    assert_int_equal(conf.game[0].links, CONF_LINKS_CONNECTOR);
    conf_free(&conf);
    assert_mistake(SMALL "links = connector\n", 5, "header = pennmush");
}

static void requiring_certificates_needs_somebody_to_trust(void **state)
{
    static const char listener[] = "[listen other]\naddress = 127.0.0.1:9\n"
                                   "client-certificates = require\n";
    char text[512];
    (void)state;
    snprintf(text, sizeof text, SMALL "%s", listener);
    assert_mistake(text, 7, "add client-ca = FILE");
    snprintf(text, sizeof text, SMALL "%sclient-ca = /ca.pem\n", listener);
    assert_right(text);
    assert_int_equal(conf.listener[1].client_certificates, CONF_CLIENT_CERTIFICATES_REQUIRE);
    conf_free(&conf);
}

static void an_address_may_have_a_twentieth_of_the_players_but_not_less_than_ten(void **state)
{
    static const struct {
        const char *line;
        uint32_t share;
    } cases[] = {{"max-players = 1", 10},
                 {"max-players = 219", 10},
                 {"max-players = 220", 11},
                 {"max-players = 100000", 5000},
                 {"max-players = 100\nmax-players-per-address = 3", 3},
                 {"max-players-per-address = 0", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "[stayd]\n%s\n" SMALL, cases[i].line);
        assert_right(text);
        assert_int_equal(conf.max_players_per_address, cases[i].share);
        conf_free(&conf);
    }
}

static void every_option_is_read(void **state)
{
    (void)state;
    assert_right("\xef\xbb\xbf; a comment\r\n"
                 "  # another\n"
                 "[stayd]   ; trailing\n"
                 "  control = /tmp/c ; inline\n"
                 "  user = root\n"
                 "  max-players: 100000\n"
                 "max-handshakes=1\nhandshake-timeout = 5m\nworkers = 1\nlog = /tmp/log\n"
                 "log-level = debug\nstop-timeout = 0\nhost-names = no-wait\n"
                 "max-players-per-address = No\nmax-handshakes-per-address = 0\n"
                 "connections-per-second = 7\nallow = a.list\ndeny = /d\nexempt = e\n"
                 "host-name-timeout = 100ms\nname-servers = 127.0.0.1, [::1]:5353\n"
                 "[game a]\nconnect = tcp:127.0.0.1:4201\nheader = pennmush\nhold = forever\n"
                 "[game b.2]\nconnect = tcp:[::1]:4201\nheader = none\nhold = 0\n"
                 "[listen one]\naddress = [::]:1, 0.0.0.0:1,127.0.0.2:3\n"
                 "certificate = a.pem, /b.pem\nkey = k.pem, /l.pem\nclient-certificates = ask\n"
                 "client-ca = ca.pem\nalpn = telnet ,  mush\ntls-min = 1.3\nkeepalive = 1d\n"
                 "game = b.2\n"
                 "[listen two]\naddress = 0.0.0.0:65535\ntls = OFF\nkeepalive = 0\ngame = a");
    char file[80];
    assert_string_equal(conf.control, "/tmp/c");
    assert_string_equal(conf.user, "root");
    assert_int_equal(conf.max_players, 100000);
    assert_int_equal(conf.max_handshakes, 1);
    assert_int_equal(conf.handshake_timeout_ms, 300000);
    assert_int_equal(conf.max_players_per_address, 0);
    assert_int_equal(conf.max_handshakes_per_address, 0);
    assert_int_equal(conf.connections_per_second, 7);
    assert_true(conf.allow.file[0] == '/' && strstr(conf.allow.file, "/a.list"));
    assert_string_equal(conf.deny.file, "/d");
    assert_true(conf.exempt.file[0] == '/');
    assert_string_equal(conf.log, "/tmp/log");
    assert_int_equal(conf.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(conf.stop_timeout_ms, 0);
    assert_int_equal(conf.names, CONF_NAMES_NO_WAIT);
    assert_int_equal(conf.name_timeout_ms, 100);
    assert_int_equal(conf.n_name_servers, 2);
    assert_int_equal(ntohs(((struct sockaddr_in *)&conf.name_server[0].sockaddr)->sin_port), 53);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&conf.name_server[1].sockaddr)->sin6_port),
                     5353);
    assert_int_equal(conf.game[0].header, CONF_PENNMUSH);
    assert_true(conf.game[0].hold_ms == CONF_FOREVER);
    assert_int_equal(conf.game[0].sockaddr.ss_family, AF_INET);
    assert_int_equal(conf.game[1].header, CONF_HEADER_NONE);
    assert_int_equal(conf.game[1].hold_ms, 0);
    assert_int_equal(conf.game[1].sockaddr.ss_family, AF_INET6);
    const struct conf_listener *listener = &conf.listener[0];
    assert_int_equal(listener->n_addresses, 3);
    assert_string_equal(listener->address[2].text, "127.0.0.2:3");
    assert_int_equal(listener->n_certificates, 2);
    snprintf(file, sizeof file, "%s/a.pem", folder);
    assert_string_equal(listener->certificate[0], file);
    assert_string_equal(listener->certificate[1], "/b.pem");
    snprintf(file, sizeof file, "%s/k.pem", folder);
    assert_string_equal(listener->key[0], file);
    assert_string_equal(listener->key[1], "/l.pem");
    assert_int_equal(listener->client_certificates, CONF_CLIENT_CERTIFICATES_ASK);
    assert_string_equal(listener->alpn, "telnet,mush");
    assert_int_equal(listener->tls_min, 0x0304);
    assert_int_equal(listener->keepalive_ms, 86400000);
    assert_int_equal(listener->game, 1);
    assert_false(conf.listener[1].is_tls);
    assert_int_equal(conf.listener[1].keepalive_ms, 0);
    assert_int_equal(conf.listener[1].game, 0);
    conf_free(&conf);
}

static void mistakes_in_values_are_said(void **state)
{
    static const struct {
        const char *section, *entry, *expected;
    } cases[] = {
        {"stayd", "control = run/c", "not an absolute path; begin it with /"},
        {"stayd", "upgrade-programs = /a, b", "not an absolute path; begin each with /"},
        {"stayd", "upgrade-programs = /a,", "an empty entry in the list"},
        {"stayd",
         "control = /234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234",
         "too long for a socket's path; write at most 102 bytes"},
        {"stayd", "user = nobody-has-this-name", "there is no such user"},
        {"stayd", "max-players = 0", "out of range; write 1 to 100000 players"},
        {"stayd", "max-players = 100001", "out of range"},
        {"stayd", "max-players = 99999999999999999999999", "not a number; write 1 to"},
        {"stayd", "max-players = many", "not a number; write 1 to 100000 players"},
        {"stayd", "max-players = -1", "not a number"},
        {"stayd", "connections-per-second = 10001", "out of range; write 0 to 10000 connections"},
        {"stayd", "max-players-per-address = none", "not a number; write 0 to 100000 players"},
        {"stayd", "deny =", "has no value; write deny = FILE"},
        {"stayd", "max-players = 10x", "not a number"},
        {"stayd", "max-players =", "has no value; write max-players = NUMBER"},
        {"stayd", "max-players = ; 5", "has no value"},
        {"stayd", "handshake-timeout = 10", "a time without a unit; write 500ms, 10s"},
        {"stayd", "handshake-timeout = 10 parsecs", "not a unit of time"},
        {"stayd", "handshake-timeout = 999ms", "out of range; write 1s to 5m"},
        {"stayd", "handshake-timeout = 301s", "out of range; write 1s to 5m"},
        {"stayd", "handshake-timeout = 18446744073709551615d", "out of range"},
        {"stayd", "handshake-timeout = forever", "not a time"},
        {"stayd", "workers = 2", "out of range; write 1, only 1 worker"},
        {"stayd", "log = file", "write stderr, syslog or an absolute path"},
        {"stayd", "log-level = loud", "write one of error|warning|info|debug"},
        {"stayd", "host-names = yes", "write one of off|on|no-wait"},
        {"stayd", "name-servers = dns.example", "dns.example: not a numeric address"},
        {"stayd", "name-servers = 127.0.0.1:0", "the port is wrong"},
        {"stayd", "name-servers = 1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4,5.5.5.5",
         "too many entries; write at most 4"},
        {"stayd", "name-servers = 1.1.1.1,,2.2.2.2", "an empty entry in the list"},
        {"stayd", "max-player = 5", "unknown option max-player; did you mean max-players?"},
        {"stayd", "maxplayers = 5", "did you mean max-players?"},
        {"stayd", "lgo = stderr", "did you mean log?"},
        {"stayd", "colour = green", "unknown option colour; stayd --options lists"},
        {"stayd", "certificate = a", "no option of [stayd]; it belongs into [listen NAME]"},
        {"stayd", "just words", "write KEY = VALUE"},
        {"stayd", "= 5", "no key before the ="},
        {"stayd", "[unclosed", "a section has no ]"},
        {"stayd", "[stayd]", "[stayd] stands on line 1 already"},
        {"stayd", "[listner x]", "unknown section [listner x]; did you mean [listen NAME]?"},
        {"stayd", "[weather]", "unknown section [weather]; there are [stayd]"},
        {"stayd", "[listen]", "[listen] has no name; write [listen NAME]"},
        {"stayd", "[stayd x]", "[stayd x] has a name, and can have none"},
        {"stayd", "[game a b]", "the name in [game a b] is wrong"},
        {"listen x", "address = localhost:4300", "not a numeric address"},
        {"listen x", "address = [::]", "the port is missing"},
        {"listen x", "address = 0.0.0.0:65536", "0.0.0.0:65536: the port is wrong; it is"},
        {"listen x", "address = 127.0.0.1:0", "address = 127.0.0.1:0: the port is wrong; it is"},
        {"listen x", "address = \"127.0.0.1:1", "a quote that is not around the whole"},
        {"listen x", "address = 127.0.0.1:1, [::1]:1\"", "a quote that is not around the whole"},
        {"stayd", "log = \"/var/log/x ; y\"", "a quote that is not around the whole; remove it"},
        {"stayd", "log = # nothing", "log has no value"},
        {"game y", "connect = unix:\"/run/x\"", "a quote that is not around the whole"},
        {"game y", "connect = tcp:127.0.0.1:70000", "connect = tcp:127.0.0.1:70000: the port is"},
        {"listen x", "address = [::]:4202", "[::]:4202 collides with [::]:4202 of [listen tls]"},
        {"listen x", "address = [::1]:4202", "collides with [::]:4202"},
        {"listen x", "address = 0.0.0.0:1, 127.0.0.1:1", "127.0.0.1:1 collides with 0.0.0.0:1"},
        {"game y", "connect = tcp:[::1]:4202",
         "would connect to itself; give the game another port"},
        {"game y", "connect = unix:/run/stayd/control.sock", "is stayd's own control socket"},
        {"game y", "connect = unix:/run//x/../stayd/./control.sock", "stayd's own control socket"},
        {"game y", "connect = tcp:192.0.2.1:4201", "this link is not encrypted; run stayd beside"},
        {"game y", "connect = unix:relative", "not an absolute path"},
        {"game y", "connect = /run/x", "neither unix: nor tcp:; write unix:/PATH or"},
        {"game y", "connect = tcp:localhost:4201", "not a numeric address"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        bool is_last = strncmp(cases[i].section, "listen", 6) == 0; // what collides comes second
        snprintf(text, sizeof text, "%s[%s]\n%s\n%s", is_last ? SMALL : "", cases[i].section,
                 cases[i].entry, is_last ? "" : BESIDE);
        assert_mistake(text, is_last ? 6 : 2, cases[i].expected);
    }
}

static void mistakes_between_options_are_said(void **state)
{
    (void)state;
    assert_mistake("[game mush]\nconnect = unix:/m\n", 0, "add a section [listen NAME]");
    assert_mistake("[listen tls]\naddress = [::]:1\n", 0, "add a section [game NAME]");
    assert_mistake("max-players = 5\nlog = stderr\n" SMALL, 1, "begin with [stayd]");
    assert_mistake(SMALL "[listen x]\n", 5, "[listen x] has no address; add address = ");
    assert_mistake("[listen x]\naddress = [::]:1\n[game g]\n", 3, "[game g] has no connect; add");
    assert_mistake(SMALL "[listen tls]\naddress = [::]:1\n", 5, "stands on line 1 already");
    assert_mistake(SMALL "[game mush]\nconnect = unix:/n\n", 5, "stands on line 3 already");
    assert_mistake(SMALL "connect = unix:/n\n", 5, "connect stands on line 4 already");
    assert_mistake(SMALL "[game two]\nconnect = unix:/n\n", 1, "which of the 2 games it is for");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ngame = mash\n", 7, "did you mean mush?");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ngame = chess\n", 7,
                   "there is no [game chess]; add");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ntls = no\nalpn = a\n", 8,
                   "alpn means nothing with tls = no");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ncertificate = a\ntls = no\n", 7,
                   "certificate means nothing");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ntls = maybe\nalpn = a\n", 7,
                   "neither yes nor no");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\ncertificate = a, b\nkey = k\n", 8,
                   "1 key file for 2 certificate files; name one key for each");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\nkey = k\n", 7,
                   "1 key file for 0 certificate files");
    assert_mistake(SMALL "[listen x]\naddress = [::]:1\nclient-ca = k\n", 7,
                   "add client-certificates = ask");
    assert_mistake(SMALL "mnes = yes\ntelnet = no\n", 5,
                   "mnes = yes means nothing with telnet = no");
    assert_mistake(SMALL "compression = yes\nmnes = yes\n", 6,
                   "does not go with compression = yes");
    assert_mistake(SMALL "forwarded = yes\ncompression = yes\n", 5, "does not go with compression");
}

static void all_mistakes_of_a_file_are_said_in_order(void **state)
{
    (void)state;
    assert_int_equal(load("[stayd]\nmax-players = 0\nnonsense\nworkers = 7\n[listen x]\ntls = 5\n"),
                     6);
    const char *const expected[] = {":2: max-players",  ":3: neither",
                                    ":4: workers",      ":6: tls",
                                    "there is no game", ":5: [listen x] has no address"};
    const char *at = words;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        at = strstr(at, expected[i]);
        if (!at)
            fail_msg("\"%s\" is missing or out of order:\n%s", expected[i], words);
    }
    assert_null(conf.path); // empty after a failure
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    free(words);
    FILE *complaints = open_memstream(&words, &(size_t){0});
    assert_int_equal(conf_load(&conf, "/nonexistent/stayd.conf", complaints), 1);
    assert_int_equal(conf_load(&conf, folder, complaints), 1);
    fclose(complaints);
    assert_non_null(strstr(words, "/nonexistent/stayd.conf: cannot be read: No such file"));
    assert_non_null(strstr(words, ": is a directory; give the path"));
    free(words);
    words = NULL;
    char fifo[80];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    complaints = open_memstream(&words, &(size_t){0});
    assert_int_equal(conf_load(&conf, fifo, complaints), 1); // and does not hang
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(conf_load(&conf, path, complaints), 1);
        assert_int_equal(chmod(path, 0600), 0);
    }
    fclose(complaints);
    unlink(fifo);
    assert_non_null(strstr(words, "not a regular file"));
}

static void lines_that_inih_would_spoil_are_said(void **state)
{
    (void)state;
    char text[8192] = SMALL "[stayd]\nlog = /";
    memset(text + strlen(text), 'x', 4087);
    assert_right(text); // the longest possible
    assert_int_equal(strlen(conf.log), 4088);
    conf_free(&conf);
    strcat(text, "xx\nworkers = 1\n");
    assert_mistake(text, 6, "at most 4094 are possible");
    static const char nul[] = SMALL "[stayd]\nlog = a\0b\n";
    assert_int_equal(load_bytes(nul, sizeof nul - 1), 1);
    assert_non_null(strstr(words, ":6: a NUL byte"));
}

static void indented_lines_are_not_continuations(void **state)
{
    (void)state;
    assert_right("[listen x]\n  address = [::]:1\n  tls = no\n\tgame = g\n[game g]\n"
                 "  connect = unix:/g\n  hold = 1h\n");
    assert_false(conf.listener[0].is_tls);
    assert_int_equal(conf.game[0].hold_ms, 3600000);
    conf_free(&conf);
}

static void too_many_sections_are_refused(void **state)
{
    (void)state;
    char *text;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    fprintf(out, "[game g]\nconnect = unix:/g\n");
    for (unsigned i = 0; i <= CONF_MAX_LISTENERS; i++)
        fprintf(out, "[listen l%u]\naddress = [::]:%u\n", i, 1000 + i);
    fclose(out);
    assert_mistake(text, 3 + 2 * (int)CONF_MAX_LISTENERS, "too many listeners; at most 32");
    free(text);
}

static void defaults_of_the_table_are_themselves_right(void **state)
{
    (void)state;
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        assert_ptr_equal(conf_option_find(option->section, option->key), option);
        assert_true(*option->help && option->help[strlen(option->help) - 1] == '.');
        assert_null(strchr(option->help, '\\'));
        assert_true(option->preset || *option->absent);
    }
}

static void options_are_printed_with_range_and_default(void **state)
{
    (void)state;
    char *text;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    conf_print_options(out);
    fclose(out);
    assert_non_null(strstr(text, "[stayd]\n"));
    assert_non_null(strstr(text, "  max-players = NUMBER   (1 to 100000 players)\n"
                                 "      default: 2000\n"));
    assert_non_null(strstr(text, "  hold = TIME|forever   (0 to forever)\n      default: 10m\n"));
    assert_non_null(strstr(text, "unix:PATH|tcp:ADDRESS:PORT\n      required\n"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 100);
    free(text);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/stayd.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    free(words);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_is_enough_and_the_rest_is_default),
        cmocka_unit_test(quotes_and_comments_behind_a_value_are_taken_off),
        cmocka_unit_test(a_games_user_is_known_by_number),
        cmocka_unit_test(links_by_a_connector_are_pennmushs_only),
        cmocka_unit_test(requiring_certificates_needs_somebody_to_trust),
        cmocka_unit_test(an_address_may_have_a_twentieth_of_the_players_but_not_less_than_ten),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(mistakes_in_values_are_said),
        cmocka_unit_test(mistakes_between_options_are_said),
        cmocka_unit_test(all_mistakes_of_a_file_are_said_in_order),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(lines_that_inih_would_spoil_are_said),
        cmocka_unit_test(indented_lines_are_not_continuations),
        cmocka_unit_test(too_many_sections_are_refused),
        cmocka_unit_test(defaults_of_the_table_are_themselves_right),
        cmocka_unit_test(options_are_printed_with_range_and_default),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
