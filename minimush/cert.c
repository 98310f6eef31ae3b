// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Certificates instead of passwords (commands.h, account.h). Only the certificate that this very
// connection showed can be added: its key is then in the player's hands. Errors: they are told.
#include "commands.h"

#include "account.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 8u // of a fingerprint: enough to tell ten from one another

static void put_hex(char *out, const uint8_t *fingerprint)
{
    for (size_t i = 0; i < SHOWN_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", fingerprint[i]);
}

void do_cert_add(struct link *link, char *args)
{
    struct account_certificate all[ACCOUNT_MAX_CERTIFICATES];
    const struct stay_player *player = &link->player;
    struct world *world = link->mush->world;
    (void)args;
    if (!player->has_certificate) {
        link_tell(link, "Your program has shown no certificate. Tell it to use one for this game,"
                        " over TLS, and connect anew.");
    } else if (account_has_certificate(world, link->self, player->fingerprint)) {
        link_tell(link, "This certificate is known already.");
    } else if (account_certificates(world, link->self, all) == ACCOUNT_MAX_CERTIFICATES) {
        link_tell(link, "You have %u certificates, and that is the limit; @cert/remove one.",
                  ACCOUNT_MAX_CERTIFICATES);
    } else {
        account_add_certificate(world, link->self, player->fingerprint, player->tls_name);
        link_tell(link, "With this certificate, connect %s is enough from now on.",
                  link->self->name);
    }
}

void do_cert_list(struct link *link, char *args)
{
    struct account_certificate all[ACCOUNT_MAX_CERTIFICATES];
    size_t n = account_certificates(link->mush->world, link->self, all);
    (void)args;
    for (size_t i = 0; i < n; i++) {
        char hex[2 * SHOWN_BYTES + 1];
        bool is_this =
            link->player.has_certificate &&
            memcmp(all[i].fingerprint, link->player.fingerprint, sizeof all[i].fingerprint) == 0;
        put_hex(hex, all[i].fingerprint);
        link_tell(link, "  %zu: %s... %s, added %s%s", i + 1, hex, all[i].name, all[i].added,
                  is_this ? ", in use now" : "");
    }
    link_tell(link, "%zu certificate%s. @cert/add adds the one in use, @cert/remove NUMBER.", n,
              n == 1 ? "" : "s");
}

void do_cert_remove(struct link *link, char *args)
{
    struct account_certificate all[ACCOUNT_MAX_CERTIFICATES];
    size_t n = account_certificates(link->mush->world, link->self, all);
    char *end;
    unsigned long number = strtoul(text_trim(args), &end, 10);
    if (*end != '\0' || number < 1 || number > n) {
        link_tell(link, "@cert/remove NUMBER, as @cert/list shows them");
        return;
    }
    account_remove_certificate(link->mush->world, link->self, all[number - 1].fingerprint);
    link_tell(link, "That certificate does not let you in any more.");
}
