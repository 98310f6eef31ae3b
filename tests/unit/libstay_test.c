// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay's parts that touch no socket: the PROXY header, texts of peers, stayd's configuration
// as it is written, and the records that go through exec.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "carry.h"
#include "proxy.h"
#include "start.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

struct header {
    uint8_t bytes[2048];
    size_t n;
};

static void put(struct header *header, const void *bytes, size_t n)
{
    memcpy(header->bytes + header->n, bytes, n);
    header->n += n;
    size_t n_block = header->n - 16;
    header->bytes[14] = (uint8_t)(n_block >> 8);
    header->bytes[15] = (uint8_t)n_block;
}

static void put_tlv(struct header *header, uint8_t type, const void *value, size_t n)
{
    uint8_t head[3] = {type, (uint8_t)(n >> 8), (uint8_t)n};
    put(header, head, sizeof head);
    put(header, value, n);
}

static struct header begin(uint8_t command, uint8_t family)
{
    struct header header = {.n = 16};
    memcpy(header.bytes, signature, 12);
    header.bytes[12] = command;
    header.bytes[13] = family;
    return header;
}

static struct header begin_inet(void)
{
    struct header header = begin(0x21, 0x11);
    put(&header, "\xc0\x00\x02\x07\x7f\x00\x00\x01\xd4\x31\x10\x6a", 12);
    return header;
}

static struct header whole(void)
{
    struct header header = begin_inet();
    struct header ssl = {.n = 16};
    put(&ssl, "\x03\0\0\0\0", 5);
    put_tlv(&ssl, 0x21, "TLSv1.3", 7);
    put_tlv(&ssl, 0x23, "TLS_AES_256_GCM_SHA384", 22);
    put_tlv(&ssl, 0x22, "J\xc3\xbcrgen", 7);
    put_tlv(&ssl, 0x2f, "unknown", 7);
    put_tlv(&header, 0x01, "telnet", 6);
    put_tlv(&header, 0x02, "mush.example.org", 16);
    put_tlv(&header, 0x05, "0123456789abcdef", 16);
    put_tlv(&header, 0x20, ssl.bytes + 16, ssl.n - 16);
    put_tlv(&header, 0xe0, "host-7.example.net", 18);
    put_tlv(&header, 0xe1, "an SHA-256 value has 32 bytes...", 32);
    put_tlv(&header, 0xee, "", 0);
    return header;
}

static enum stay_proxy_status parse(const struct header *header, struct stay_player *player)
{
    size_t n_wanted;
    return stay_proxy_parse(header->bytes, header->n, player, &n_wanted);
}

static void a_whole_header_gives_every_fact(void **state)
{
    (void)state;
    struct stay_player player;
    struct header header = whole();
    size_t n_wanted;
    assert_int_equal(stay_proxy_parse(header.bytes, header.n, &player, &n_wanted), STAY_PROXY_DONE);
    assert_int_equal(n_wanted, header.n);
    assert_string_equal(player.address, "192.0.2.7");
    assert_int_equal(player.port, 54321);
    assert_int_equal(player.local_port, 4202);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&player.sockaddr;
    assert_int_equal(in->sin_family, AF_INET);
    assert_int_equal(ntohl(in->sin_addr.s_addr), 0xc0000207);
    assert_int_equal(ntohs(in->sin_port), 54321);
    assert_true(player.has_id && player.is_tls && player.has_certificate && player.is_verified);
    assert_memory_equal(player.id, "0123456789abcdef", 16);
    assert_string_equal(player.tls_version, "TLSv1.3");
    assert_string_equal(player.tls_cipher, "TLS_AES_256_GCM_SHA384");
    assert_string_equal(player.tls_name, "J\xc3\xbcrgen");
    assert_string_equal(player.alpn, "telnet");
    assert_string_equal(player.sni, "mush.example.org");
    assert_string_equal(player.host, "host-7.example.net");
    assert_memory_equal(player.fingerprint, "an SHA-256 value has 32 bytes...", 32);
    assert_int_equal(player.origin, STAY_NEW);
    assert_int_equal(player.fd, -1);
}

// Copied to memory of just that size, so that the address sanitizer sees a byte too far.
static void every_truncation_asks_for_more(void **state)
{
    (void)state;
    struct header header = whole();
    for (size_t n = 0; n < header.n; n++) {
        struct stay_player player;
        size_t n_wanted;
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, header.bytes, n);
        uint8_t *exact = realloc(cut, n != 0 ? n : 1);
        assert_int_equal(stay_proxy_parse(exact, n, &player, &n_wanted), STAY_PROXY_MORE);
        assert_int_equal(n_wanted, n < 16 ? 16 : header.n);
        free(exact);
    }
}

// The length says that the block ends early: inside addresses, inside a TLV.
static void every_block_cut_short_is_bad_or_ends_between_tlvs(void **state)
{
    (void)state;
    struct header header = whole();
    unsigned n_done = 0;
    for (size_t n_block = 0; n_block < header.n - 16; n_block++) {
        struct header cut = {.n = 16 + n_block};
        memcpy(cut.bytes, header.bytes, cut.n);
        cut.bytes[14] = (uint8_t)(n_block >> 8);
        cut.bytes[15] = (uint8_t)n_block;
        struct stay_player player;
        n_done += parse(&cut, &player) == STAY_PROXY_DONE;
    }
    assert_int_equal(n_done, 7); // behind the addresses and behind each TLV but the last
}

static void what_is_no_header_is_refused_at_its_first_wrong_byte(void **state)
{
    (void)state;
    struct stay_player player;
    struct header header = whole();
    size_t n_wanted;
    for (size_t i = 0; i < 13; i++) {
        struct header wrong = header;
        wrong.bytes[i] ^= 0x40;
        assert_int_equal(stay_proxy_parse(wrong.bytes, i + 1, &player, &n_wanted), STAY_PROXY_BAD);
    }
    assert_int_equal(stay_proxy_parse((const uint8_t *)"connect One", 11, &player, &n_wanted),
                     STAY_PROXY_BAD);
    header.bytes[13] = 0x41; // a family that does not exist
    assert_int_equal(parse(&header, &player), STAY_PROXY_BAD);
    header.bytes[13] = 0x13; // a transport that does not exist
    assert_int_equal(parse(&header, &player), STAY_PROXY_BAD);
}

static void ipv6_and_mapped_ipv4_are_told_apart(void **state)
{
    (void)state;
    struct stay_player player;
    struct header six = begin(0x21, 0x21);
    put(&six, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
    put(&six, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50\x10\x6a", 20);
    assert_int_equal(parse(&six, &player), STAY_PROXY_DONE);
    assert_string_equal(player.address, "2001:db8::7");
    assert_int_equal(player.sockaddr.ss_family, AF_INET6);
    assert_int_equal(player.local.ss_family, AF_INET6);
    assert_int_equal(player.port, 80);
    struct header mapped = begin(0x21, 0x21);
    put(&mapped, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07", 16);
    put(&mapped, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x00\x50\x10\x6a", 20);
    assert_int_equal(parse(&mapped, &player), STAY_PROXY_DONE);
    assert_string_equal(player.address, "192.0.2.7");
    assert_int_equal(player.sockaddr.ss_family, AF_INET);
    assert_false(player.is_tls || player.has_id);
}

static void a_peer_without_address_is_local(void **state)
{
    (void)state;
    struct stay_player player;
    struct header local = begin(0x20, 0x00);
    put(&local, "anything", 8);
    struct header unspec = begin(0x21, 0x00);
    struct header on_unix = begin(0x21, 0x31);
    uint8_t names[216] = {0};
    put(&on_unix, names, sizeof names);
    put_tlv(&on_unix, 0xe0, "a.example", 9);
    assert_int_equal(parse(&local, &player), STAY_PROXY_DONE);
    assert_string_equal(player.address, "local");
    assert_int_equal(player.sockaddr.ss_family, 0);
    assert_int_equal(parse(&unspec, &player), STAY_PROXY_DONE);
    assert_int_equal(parse(&on_unix, &player), STAY_PROXY_DONE);
    assert_string_equal(player.address, "local");
    assert_string_equal(player.host, "a.example");
}

static void a_fact_that_cannot_be_shown_is_left_out(void **state)
{
    (void)state;
    struct stay_player player;
    struct header header = begin_inet();
    char longer[300];
    memset(longer, 'a', sizeof longer);
    put_tlv(&header, 0xe0, "a\x1b[2Jb", 6);
    put_tlv(&header, 0x02, longer, sizeof longer);
    put_tlv(&header, 0x01, "\xc0\xaf", 2);
    put_tlv(&header, 0x05, "short", 5);
    put_tlv(&header, 0xe1, "short", 5);
    assert_int_equal(parse(&header, &player), STAY_PROXY_DONE);
    assert_string_equal(player.host, "");
    assert_string_equal(player.sni, "");
    assert_string_equal(player.alpn, "");
    assert_false(player.has_id);
    assert_string_equal(player.address, "192.0.2.7");
}

static void a_broken_ssl_tlv_is_bad(void **state)
{
    (void)state;
    struct stay_player player;
    struct header brief = begin_inet();
    put_tlv(&brief, 0x20, "\x01\0\0\0", 4);
    assert_int_equal(parse(&brief, &player), STAY_PROXY_BAD);
    struct header inner = begin_inet();
    put_tlv(&inner, 0x20, "\x01\0\0\0\0\x21\0\x09TLS", 11);
    assert_int_equal(parse(&inner, &player), STAY_PROXY_BAD);
    struct header unverified = begin_inet();
    put_tlv(&unverified, 0x20, "\x03\0\0\0\x01", 5);
    assert_int_equal(parse(&unverified, &player), STAY_PROXY_DONE);
    assert_true(player.has_certificate);
    assert_false(player.is_verified);
}

static void a_resumed_player_brings_counts_and_state(void **state)
{
    (void)state;
    struct stay_player player;
    struct header header = begin_inet();
    put_tlv(&header, 0xe2, "\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\x03\x04state\0 too", 26);
    assert_int_equal(parse(&header, &player), STAY_PROXY_DONE);
    assert_int_equal(player.origin, STAY_RESUMED);
    assert_int_equal(player.n_input, UINT64_C(0x100000002));
    assert_int_equal(player.n_output, 0x304);
    assert_int_equal(player.n_state, 10);
    assert_memory_equal(player.state, "state\0 too", 10);
    struct header bare = begin_inet(); // the game had left nothing
    put_tlv(&bare, 0xe2, "\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0", 16);
    assert_int_equal(parse(&bare, &player), STAY_PROXY_DONE);
    assert_int_equal(player.origin, STAY_RESUMED);
    assert_int_equal(player.n_input, 7);
    assert_int_equal(player.n_state, 0);
    for (size_t n = 0; n < 16; n++) {
        struct header brief = begin_inet();
        put_tlv(&brief, 0xe2, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", n);
        assert_int_equal(parse(&brief, &player), STAY_PROXY_BAD);
    }
}

static bool takes(const char *text)
{
    char out[32];
    bool is_taken = stay_text_take(out, sizeof out, (const uint8_t *)text, strlen(text));
    assert_string_equal(out, is_taken ? text : "");
    return is_taken;
}

static void texts_are_printable_utf8_or_nothing(void **state)
{
    (void)state;
    assert_true(takes("") && takes("plain") && takes("\xe2\x82\xac \xf0\x9f\x8e\xb2 \xc3\xa9"));
    assert_false(takes("tab\t") || takes("\x7f") || takes("\xc2\x85")); // controls
    assert_false(takes("\xc1\x81") || takes("\xe0\x80\xaf"));           // overlong
    assert_false(takes("\xed\xa0\x80") || takes("\xf4\x90\x80\x80"));   // surrogate, too high
    assert_false(takes("\xe2\x82") || takes("\x80") || takes("\xff"));  // cut short, loose
    assert_false(takes("a\xe2\x80\xae"
                       "b"));                                // right-to-left override
    assert_false(takes("12345678901234567890123456789012")); // one too long
    assert_true(takes("1234567890123456789012345678901"));
    char out[32];
    assert_true(stay_text_take_host(out, sizeof out, (const uint8_t *)"a-1.b_c", 7));
    assert_false(stay_text_take_host(out, sizeof out, (const uint8_t *)"a b", 3));
}

static void stayds_configuration_is_the_games_settings_and_the_places(void **state)
{
    (void)state;
    const struct stay_setting settings[] = {
        {"listen tls", "address", "[::]:4202"},   {"stayd", "max-players", "500"},
        {"listen plain", "address", "[::]:4201"}, {"listen tls", "tls", "yes"},
        {"listen plain", "game", "other"},        {"game mush", "hold", "5m"},
    };
    struct stay_options options = {
        .game = "mush", .directory = "/run/mush", .settings = settings, .n_settings = 6};
    char error[STAY_ERROR_BYTES];
    char *text = stay_start_text(&options, error, sizeof error);
    assert_non_null(text);
    assert_string_equal(strchr(text, '['), "[stayd]\ncontrol = /run/mush/control.sock\n"
                                           "log = /run/mush/stayd.log\nmax-players = 500\n\n"
                                           "[listen tls]\naddress = [::]:4202\ntls = yes\n"
                                           "game = mush\n\n"
                                           "[listen plain]\naddress = [::]:4201\ngame = other\n\n"
                                           "[game mush]\nconnect = unix:/run/mush/game.sock\n"
                                           "header = proxy-v2\nhold = 5m\n");
    free(text);
}

// What stayd would take for a comment or for quotes around the whole goes between quotes.
static void a_setting_is_written_so_that_it_is_read_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *value, *line;
    } cases[] = {
        {"Room #1", "wait-text = \"Room #1\"\n"},
        {"\"Late\"", "wait-text = '\"Late\"'\n"},
        {"'Late'", "wait-text = \"'Late'\"\n"},
        {"'Tis late", "wait-text = 'Tis late\n"},
    };
    char error[STAY_ERROR_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct stay_setting setting = {"game mush", "wait-text", cases[i].value};
        struct stay_options options = {
            .game = "mush", .directory = "/run/mush", .settings = &setting, .n_settings = 1};
        char *text = stay_start_text(&options, error, sizeof error);
        assert_non_null(text);
        assert_non_null(strstr(text, cases[i].line));
        free(text);
    }
}

static void settings_that_would_break_the_file_are_refused(void **state)
{
    (void)state;
    const struct stay_setting wrong[] = {
        {"stayd", "control", "/tmp/other.sock"},
        {"game mush", "connect", "tcp:127.0.0.1:1"},
        {"stayd", "user", "a\n[listen x]"},
        {"stayd]", "user", "a"},
        {"stayd", "us=er", "a"},
        {"stayd", "user", ""},
        {"stayd", "user", "a ; b"},
        {"game mush", "wait-text", "it's \"late\" # now"},
    };
    char error[STAY_ERROR_BYTES];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct stay_options options = {
            .game = "mush", .directory = "/run/mush", .settings = &wrong[i], .n_settings = 1};
        error[0] = '\0';
        assert_null(stay_start_text(&options, error, sizeof error));
        assert_non_null(strstr(error, wrong[i].section));
    }
    struct stay_options nameless = {.game = "a]b", .directory = "/run/mush"};
    assert_null(stay_start_text(&nameless, error, sizeof error));
}

static void records_come_back_in_order(void **state)
{
    (void)state;
    struct stay_carry carry = {0};
    struct stay_carry_record player = {.kind = STAY_CARRY_PLAYER,
                                       .fd = 7,
                                       .facts = (const uint8_t *)"facts",
                                       .n_facts = 5,
                                       .state = (const uint8_t *)"half a li",
                                       .n_state = 9};
    struct stay_carry_record empty = {.kind = STAY_CARRY_LOCK, .fd = 3};
    assert_true(stay_carry_add(&carry, &player));
    assert_true(stay_carry_add(&carry, &empty));
    size_t at = 0;
    struct stay_carry_record record;
    assert_true(stay_carry_next(&carry, &at, &record));
    assert_int_equal(record.kind, STAY_CARRY_PLAYER);
    assert_int_equal(record.fd, 7);
    assert_memory_equal(record.facts, "facts", 5);
    assert_int_equal(record.n_state, 9);
    assert_memory_equal(record.state, "half a li", 9);
    assert_true(stay_carry_next(&carry, &at, &record));
    assert_int_equal(record.kind, STAY_CARRY_LOCK);
    assert_int_equal(record.n_state, 0);
    assert_false(stay_carry_next(&carry, &at, &record));
    struct stay_carry_record huge = {.kind = STAY_CARRY_GAME, .n_state = STAY_CARRY_MAX_STATE + 1u};
    assert_false(stay_carry_add(&carry, &huge));
    stay_carry_free(&carry);
}

static struct stay_carry wrapped(const uint8_t *bytes, size_t n)
{
    struct stay_carry carry = {.bytes = malloc(n + 1), .n = n, .room = n + 1};
    memcpy(carry.bytes, bytes, n);
    return carry;
}

static void a_carried_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct stay_carry records = {0};
    struct stay_carry_record player = {
        .kind = STAY_CARRY_PLAYER, .fd = 7, .state = (const uint8_t *)"state", .n_state = 5};
    struct stay_carry_record end = {.kind = STAY_CARRY_END, .fd = -1};
    assert_true(stay_carry_add(&records, &player) && stay_carry_add(&records, &end));
    uint8_t file[128] = "staycary\1\0\0\0\x2a\0\0\0";
    memcpy(file + 16, records.bytes, records.n);
    size_t n_file = 16 + records.n;
    for (size_t n = 0; n <= n_file + 1; n++) {
        struct stay_carry carry = wrapped(file, n);
        assert_int_equal(stay_carry_unwrap(&carry, 42), n == n_file);
        assert_int_equal(carry.n, n == n_file ? records.n - 16 : n);
        stay_carry_free(&carry);
    }
    struct stay_carry another = wrapped(file, n_file);
    assert_false(stay_carry_unwrap(&another, 43));
    stay_carry_free(&another);
    stay_carry_free(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_header_gives_every_fact),
        cmocka_unit_test(every_truncation_asks_for_more),
        cmocka_unit_test(every_block_cut_short_is_bad_or_ends_between_tlvs),
        cmocka_unit_test(what_is_no_header_is_refused_at_its_first_wrong_byte),
        cmocka_unit_test(ipv6_and_mapped_ipv4_are_told_apart),
        cmocka_unit_test(a_peer_without_address_is_local),
        cmocka_unit_test(a_fact_that_cannot_be_shown_is_left_out),
        cmocka_unit_test(a_broken_ssl_tlv_is_bad),
        cmocka_unit_test(a_resumed_player_brings_counts_and_state),
        cmocka_unit_test(texts_are_printable_utf8_or_nothing),
        cmocka_unit_test(stayds_configuration_is_the_games_settings_and_the_places),
        cmocka_unit_test(a_setting_is_written_so_that_it_is_read_as_it_is),
        cmocka_unit_test(settings_that_would_break_the_file_are_refused),
        cmocka_unit_test(records_come_back_in_order),
        cmocka_unit_test(a_carried_file_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
