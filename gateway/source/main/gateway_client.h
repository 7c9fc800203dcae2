/* How the helper commands talk to a running gateway: blocking, over TCP or a unix socket. */
#ifndef GATEWAY_SOURCE_MAIN_GATEWAY_CLIENT_H
#define GATEWAY_SOURCE_MAIN_GATEWAY_CLIENT_H

#include "core/base/buf.h"
#include "core/config/options.h"

#include <stdbool.h>

/* --gateway, --user, --password-file. */
extern const struct option_group dialogue_options;

struct dialogue {
    char *where;           /* "127.0.0.1:1080" or a path */
    char *user, *password; /* NULL: none */
    int fd;                /* -1: not connected */
};

/* Fills d from the options and connects. False: the reason is on stderr. dialogue_close in any
 * case. */
bool dialogue_open(struct dialogue *d, struct options *o);
void dialogue_close(struct dialogue *d);

bool dialogue_send(const struct dialogue *d, const void *p, size_t n);
bool dialogue_receive(const struct dialogue *d, void *p, size_t n); /* exactly n bytes */
/* An HTTP head, as text, and not a byte behind it. */
bool dialogue_head(const struct dialogue *d, char *out, size_t size);
/* "NAME: Basic ...\r\n" when there are credentials. */
bool dialogue_credentials(const struct dialogue *d, const char *name, struct buf *out);

/* The status of an HTTP head's first line and its phrase (up to the line's end); 0: no such line.
 */
int dialogue_status(char *head, const char **phrase);

/* "tunnel-gateway: ..." on stderr. */
void dialogue_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
