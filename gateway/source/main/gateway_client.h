/* How the helper commands talk to a running gateway: blocking, over TCP or a unix socket. */
#ifndef GATEWAY_SOURCE_MAIN_GATEWAY_CLIENT_H
#define GATEWAY_SOURCE_MAIN_GATEWAY_CLIENT_H

#include "core/base/buf.h"
#include "core/config/options.h"
#include "core/http/http.h"
#include "core/http/request.h"

#include <stdbool.h>

/* --gateway, --user, --password-file. */
extern const struct option_group gateway_client_options;

struct gateway_client {
    char *where;           /* "127.0.0.1:1080" or a path */
    char *user, *password; /* NULL: none */
    int fd;                /* -1: not connected */
};

/* Fills d from the options and connects. False: the reason is on stderr. gateway_client_close in
 * any case. */
bool gateway_client_open(struct gateway_client *d, struct options *o);
void gateway_client_close(struct gateway_client *d);

bool gateway_client_send(const struct gateway_client *d, const void *p, size_t n);
/* exactly n bytes */
bool gateway_client_receive(const struct gateway_client *d, void *p, size_t n);
/* An HTTP request, with the credentials, when there are some, in the field that `login` names. */
bool gateway_client_ask(const struct gateway_client *d, const struct http_request *r,
                        const char *login);
/* Reads the head of the answer and not a byte behind it. NULL: it does not come, or is no HTTP, or
 * r is NULL. */
#define GATEWAY_CLIENT_HEAD_MAX 8192
const struct http_head *gateway_client_head(const struct gateway_client *d, struct http_reader *r);

/* "tunnel-gateway: ..." on stderr. */
void gateway_client_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
