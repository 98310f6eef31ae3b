// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The headers that stayd writes, whatever is known of a player, and whatever its program has said
// (SNI, ALPN, the name in its certificate). Held: each is within its bounds, is read by libstay or
// libstayd-preload to its last byte and no further, and says of the player what the slot does; a
// text that a game could not show is not there; one header is one header.
//
// Input: flags (1: bit 0 TLS, bit 1 TLS 1.2, bit 2 IPv4, bit 3 IPv4 here, bit 4 resumed, bits 5
// and 6 the suite) | address (16) | port (2) | address here (16) | offsets (16) | then facts: kind
// (1) | length (1) | bytes; a kind that is none of a slot's is the resume state.
//
// Errors: abort.
#include "base/address.h"
#include "fuzz.h"
#include "game/header.h"
#include "game/names.h"
#include "preload/announce.h"
#include "proxy.h"
#include "text.h"
#include "vault/facts.h"

struct scene {
    struct slot slot;
    uint8_t here[16];
    struct header_resumed resumed;
    bool is_resumed;
    uint8_t state[VAULT_RESUME_BYTES];
};

static void take_address(struct fuzz_input *input, uint8_t bytes[16], bool is_ipv4)
{
    fuzz_fill(input, bytes, 16);
    if (is_ipv4)
        memcpy(bytes, (uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
}

static void take_fact(struct scene *scene, struct fuzz_input *input)
{
    uint8_t kind = fuzz_byte(input);
    size_t n;
    const uint8_t *bytes = fuzz_piece(input, &n);
    if (kind == 0 || kind > FACT_LAST) {
        if (scene->resumed.n_state + n <= sizeof scene->state) {
            memcpy(scene->state + scene->resumed.n_state, bytes, n);
            scene->resumed.n_state += n;
        }
        return;
    }
    char *name = fuzz_string(bytes, n);
    size_t n_there;
    bool is_known = facts_find(&scene->slot, kind, &n_there) != NULL;
    bool is_taken = (kind != FACT_HOST || (strlen(name) == n && names_is_host(name))) &&
                    (kind != FACT_SNI || strlen(name) == n);
    if (is_taken && !is_known)
        facts_add(&scene->slot, kind, bytes, n);
    free(name);
}

static void set_scene(struct scene *scene, struct fuzz_input *input)
{
    static const uint16_t suites[] = {0x1301, 0x1303, 0xc02f, 0};
    uint8_t flags = fuzz_byte(input);
    *scene = (struct scene){.is_resumed = flags & 16, .resumed.state = scene->state};
    if (flags & 1) {
        scene->slot.flags = SLOT_FLAG_TLS;
        scene->slot.tls_version = flags & 2 ? 0x0303 : 0x0304;
        scene->slot.suite = suites[flags >> 5 & 3];
    }
    take_address(input, scene->slot.address, flags & 4);
    fuzz_fill(input, &scene->slot.port, sizeof scene->slot.port);
    take_address(input, scene->here, flags & 8);
    fuzz_fill(input, &scene->resumed.input, 8);
    fuzz_fill(input, &scene->resumed.output, 8);
    while (input->n > 0)
        take_fact(scene, input);
}

// The text of a fact as a game may show it, else "".
static void hold_text(const struct scene *scene, enum fact fact, const char *shown, size_t size,
                      bool (*take)(char *, size_t, const uint8_t *, size_t))
{
    char text[256] = "";
    size_t n = 0;
    const uint8_t *bytes = facts_find(&scene->slot, fact, &n);
    hold(strnlen(shown, size) < size);
    if (bytes)
        take(text, size, bytes, n);
    hold(strcmp(shown, text) == 0);
}

static void hold_player(const struct scene *scene, const struct stay_player *player)
{
    char address[ADDRESS_TEXT_BYTES];
    uint8_t bytes[16];
    const struct slot *slot = &scene->slot;
    hold(strcmp(player->address, address_print(address, slot->address)) == 0);
    hold(player->port == slot->port && player->local_port == 4202);
    hold(address_to_bytes((const struct sockaddr *)&player->local, bytes, NULL));
    hold(memcmp(bytes, scene->here, 16) == 0);
    hold(player->has_id && memcmp(player->id, slot->id, sizeof slot->id) == 0);
    size_t n_word = 0;
    const uint8_t *word = facts_find(slot, FACT_PROXY_TLS, &n_word);
    const bool is_balancers = word && n_word >= 5 && word[0] & 1;
    hold(player->is_tls == (is_balancers || slot->flags == SLOT_FLAG_TLS));
    hold_text(scene, FACT_SNI, player->sni, sizeof player->sni, stay_text_take_host);
    hold_text(scene, FACT_HOST, player->host, sizeof player->host, stay_text_take_host);
    hold_text(scene, FACT_ALPN, player->alpn, sizeof player->alpn, stay_text_take);
    if (player->is_tls)
        hold_text(scene, FACT_CERT_NAME, player->tls_name, sizeof player->tls_name, stay_text_take);
    size_t n;
    const bool has_certificate =
        is_balancers ? word[0] & 6 : facts_find(slot, FACT_CERT_VERIFY, &n) != NULL;
    hold(player->has_certificate == (player->is_tls && has_certificate));
    hold(player->has_certificate || !player->is_verified);
}

static void read_v2(const struct scene *scene)
{
    uint8_t *out = malloc(HEADER_MAX_BYTES);
    struct stay_player player;
    size_t n_wanted = 0;
    size_t n = header_write(CONF_PROXY_V2, &scene->slot, scene->here, 4202,
                            scene->is_resumed ? &scene->resumed : NULL, out);
    hold(n <= HEADER_MAX_BYTES && stay_proxy_parse(out, n, &player, &n_wanted) == STAY_PROXY_DONE);
    hold(n_wanted == n);
    hold_player(scene, &player);
    hold((player.origin == STAY_RESUMED) == scene->is_resumed);
    if (scene->is_resumed) {
        hold(player.n_input == scene->resumed.input && player.n_output == scene->resumed.output);
        hold(player.n_state == scene->resumed.n_state &&
             memcmp(player.state, scene->state, player.n_state) == 0);
    }
    free(out);
}

static void read_v1(const struct scene *scene)
{
    uint8_t out[HEADER_MAX_BYTES], bytes[16];
    struct sockaddr_storage player;
    size_t n_header;
    uint16_t port;
    size_t n = header_write(CONF_PROXY_V1, &scene->slot, scene->here, 4202, NULL, out);
    hold(n <= 107 && announce_parse(out, n, &player, &n_header) == ANNOUNCE_DONE && n_header == n);
    hold(address_to_bytes((const struct sockaddr *)&player, bytes, &port));
    hold(memcmp(bytes, scene->slot.address, 16) == 0 && port == scene->slot.port);
}

// "IP^HOST\r\n": PennMUSH cuts the host at 99 bytes.
static void read_pennmush(const struct scene *scene)
{
    uint8_t out[HEADER_MAX_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    size_t n = header_write(CONF_PENNMUSH, &scene->slot, scene->here, 4202, NULL, out);
    size_t n_address = strlen(address_print(address, scene->slot.address));
    hold(n > n_address + 3 && n <= n_address + 1 + 99 + 2);
    hold(memcmp(out, address, n_address) == 0 && out[n_address] == '^');
    hold(memcmp(out + n - 2, "\r\n", 2) == 0 &&
         !memchr(out + n_address + 1, '^', n - n_address - 1));
    hold(fuzz_is_plain((char *)out, n - 2));
}

static void read_forwarded(const struct scene *scene)
{
    uint8_t *out = malloc(HEADER_FORWARDED_BYTES);
    size_t n = header_write_forwarded(&scene->slot, out);
    hold(n < HEADER_FORWARDED_BYTES && n > 8 && n - 8 <= 127);
    hold(memcmp(out, "\xff\xfb\x71\xff\xfa\x71", 6) == 0);
    hold(memcmp(out + n - 2, "\xff\xf0", 2) == 0 && !memchr(out + 6, 0xff, n - 8));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene scene;
    struct fuzz_input input = {data, size};
    set_scene(&scene, &input);
    read_v2(&scene);
    read_v1(&scene);
    read_pennmush(&scene);
    read_forwarded(&scene);
    return 0;
}
