/* Clients that show a certificate: who is let in, under which name, and what resumption keeps. */
#ifndef TESTS_UNIT_TLS_CLIENT_AUTH_HELP_H
#define TESTS_UNIT_TLS_CLIENT_AUTH_HELP_H

#include "tests/support/net.h"

#include "core/net/listener.h"
#include "core/tls/dn.h"
#include "core/tls/identity.h"
#include "core/tls/tls.h"
#include "tests/support/certificates.h"

#include <sys/wait.h>

extern struct trust *servers, *devices;

/* ---- one connection ---- */

struct setup {
    const char *server, *client; /* certificates; client NULL: none */
    struct identity *as;         /* in place of client */
    bool asks, certified;
    struct tls_session *session;
    struct tls_cache *cache;
};

void assert_says(const char *text, const char *part);

/* ---- */
int setup(void **state);
int teardown(void **state);

#endif
