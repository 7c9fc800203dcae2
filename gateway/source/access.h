/* What the log tells of clients: one line per stream at its end, and refusals, of which the first
 * of a kind is a line and the rest a count (a browser pointed wholesale at the gateway asks for
 * hundreds of foreign names). */
#ifndef GATEWAY_SOURCE_ACCESS_H
#define GATEWAY_SOURCE_ACCESS_H

#include "core/base/err.h"
#include "core/net/loop.h"

#include <stdint.h>

#define ACCESS_PAUSE_MS 10000

struct access;
struct access *access_new(struct loop *loop); /* NULL: memory */
void access_free(struct access *a);           /* tells the counts left; NULL is fine */

struct access_line {
    const char *client;   /* "127.0.0.1:50000" */
    const char *protocol; /* "socks5" */
    const char *asked;    /* the host name as the client gave it */
    const char *service;
    uint64_t ms, up, down;
    enum err why;
};
void access_ended(const struct access_line *line);

/* protocol: static text. text: a sentence; NULL: that of `why`. */
void access_refused(struct access *a, const char *client, const char *protocol, const char *asked,
                    enum err why, const char *text);

#endif
