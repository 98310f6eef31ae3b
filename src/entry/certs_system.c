// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The system's openssl.cnf, which OpenSSL reads by itself: can TLS be had as it sets the library
// up, and does it set what may be the reason when OpenSSL does not take something?
//
// Errors: complaints. OpenSSL's error queue is left empty.
#include "entry/certs_part.h"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

// "system_default.Name" is Name, too (SSL_CTX_config(3)).
static const char *plain_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

// Does it set what stayd leaves as it is? The lists' own suites and groups are stayd's.
static bool is_telling(const CONF_VALUE *line)
{
    static const char *const words[] = {"Protocol", "MinProtocol", "MaxProtocol",
                                        "SignatureAlgorithms", "ClientSignatureAlgorithms"};
    const char *name = plain_name(line->name);
    if (strcasecmp(name, "CipherString") == 0)
        return line->value && strstr(line->value, "SECLEVEL");
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return false;
}

static const char *section_of(const CONF *conf, const char *section, const char *name)
{
    const char *value = section ? NCONF_get_string(conf, section, name) : NULL;
    ERR_clear_error();
    return value;
}

static void add_telling(const CONF *conf, char *text, size_t size)
{
    const char *top = NCONF_get_string(conf, NULL, "openssl_conf");
    const char *providers = section_of(conf, top, "providers");
    const char *properties =
        section_of(conf, section_of(conf, top, "alg_section"), "default_properties");
    const char *defaults = section_of(conf, section_of(conf, top, "ssl_conf"), "system_default");
    STACK_OF(CONF_VALUE) *lines = defaults ? NCONF_get_section(conf, defaults) : NULL;
    size_t n = 0;
    for (int i = 0; i < sk_CONF_VALUE_num(lines) && n < size; i++) {
        const CONF_VALUE *line = sk_CONF_VALUE_value(lines, i);
        if (is_telling(line))
            n += (size_t)snprintf(text + n, size - n, "%s%s = %s", n ? ", " : "",
                                  plain_name(line->name), line->value);
    }
    if (properties && n < size)
        n += (size_t)snprintf(text + n, size - n, "%sdefault_properties = %s", n ? ", " : "",
                              properties);
    if (providers && !properties && n == 0)
        snprintf(text, size, "providers = %s", providers);
    ERR_clear_error();
}

const char *certs_blame(char text[CERTS_BLAME_BYTES])
{
    char telling[CERTS_BLAME_BYTES / 2] = "";
    char *path = CONF_get1_default_config_file();
    CONF *conf = NCONF_new(NULL);
    *text = '\0';
    if (path && conf && NCONF_load(conf, path, NULL) > 0)
        add_telling(conf, telling, sizeof telling);
    for (char *at = telling; *at; at++) // it goes into a line
        if ((unsigned char)*at < ' ')
            *at = ' ';
    if (*telling)
        snprintf(text, CERTS_BLAME_BYTES,
                 "; the system's openssl.cnf (%s) sets %s, which may be why", path, telling);
    NCONF_free(conf);
    OPENSSL_free(path);
    ERR_clear_error();
    return text;
}

bool certs_can_openssl(struct certs_report *report)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    bool is_able = cipher && digest && context;
    char *path = CONF_get1_default_config_file();
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (!is_able)
        certs_complain(report, path ? path : "openssl.cnf",
                       "with this openssl.cnf OpenSSL cannot do TLS (%s); activate the default "
                       "provider in it and correct its settings, or point OPENSSL_CONF to another "
                       "file",
                       reason ? reason : "no reason given");
    OPENSSL_free(path);
    SSL_CTX_free(context);
    EVP_MD_free(digest);
    EVP_CIPHER_free(cipher);
    ERR_clear_error();
    return is_able;
}

// A key that this security level takes (SSL_CTX_set_security_level(3)).
static const char *fitting_key(const SSL_CTX *context)
{
    int level = context ? SSL_CTX_get_security_level(context) : 0;
    return level >= 5   ? "an ECDSA P-521"
           : level == 4 ? "an ECDSA P-384"
           : level == 3 ? "an ECDSA P-256 or an RSA 3072"
                        : "an ECDSA P-256 or an RSA 2048";
}

void certs_complain_openssl(struct certs_report *report, const SSL_CTX *context, const char *path,
                            const char *what)
{
    char blame[CERTS_BLAME_BYTES];
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    certs_complain(report, path, "OpenSSL does not take the %s: %s; make %s one%s", what,
                   reason ? reason : "no reason given", fitting_key(context), certs_blame(blame));
    ERR_clear_error();
}
