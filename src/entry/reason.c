// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From OpenSSL's queue of errors to words (reason.h). Errors: none.
#include "entry/reason.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

// What is wrong with a player's certificate, when client-certificates = require.
static const char *verify_reason_of(long result)
{
    static char text[160];
    const char *plain = NULL;
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        plain = "expired: the player's certificate, or one that has signed it";
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        plain = "not yet valid: the player's certificate, or one that has signed it";
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        plain = "untrusted: none of client-ca has signed the player's certificate";
        break;
    default:
        break;
    }
    snprintf(text, sizeof text, "certificate verify failed: %s",
             plain ? plain : X509_verify_cert_error_string(result));
    return text;
}

void reason_raise(enum reason reason)
{
    ERR_raise(ERR_LIB_USER, (int)reason);
}

// What players' clients do most is said plainly.
const char *reason_of(const SSL *ssl, int ssl_error)
{
    unsigned long error = ERR_peek_error();
    int code = ERR_GET_REASON(error);
    if (ssl_error == SSL_ERROR_SYSCALL || code == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return errno && !error ? strerror(errno) : "the connection was closed";
    if (ERR_GET_LIB(error) == ERR_LIB_USER && code == REASON_STRICTER)
        return "the game that it asks for by name has stricter listeners";
    if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST)
        return "this is not TLS (a client without TLS on the TLS port?)";
    if (code == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return verify_reason_of(SSL_get_verify_result(ssl));
    const char *text = ERR_reason_error_string(error);
    return text ? text : "TLS error";
}
