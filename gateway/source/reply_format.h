/* How each protocol of the endpoint tells its client what became of the request. Pure. */
#ifndef GATEWAY_SOURCE_REPLY_FORMAT_H
#define GATEWAY_SOURCE_REPLY_FORMAT_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <stdbool.h>

struct reply_format {
    const char *protocol; /* for the log */
    bool patient;         /* a success is worth waiting for: the client is told of it */
    /* Appends the answer; ERR_OK: bytes of the service follow it. text: the failure in a sentence
     * of printable ASCII. False: no memory. */
    bool (*answer)(enum err why, const char *text, struct buf *out);
};

extern const struct reply_format reply_socks5;
extern const struct reply_format reply_socks4;
extern const struct reply_format reply_connect;
extern const struct reply_format reply_forward;      /* an http:// request */
extern const struct reply_format reply_forward_head; /* the same with method HEAD */
extern const struct reply_format reply_mapped;       /* a listening port of one service */

#endif
