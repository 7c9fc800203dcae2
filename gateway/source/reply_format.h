/* How a protocol tells its client what became of the request. Each protocol's file defines the
 * formats that it has; forward.c and direct.c answer by the one that they are given. */
#ifndef GATEWAY_SOURCE_REPLY_FORMAT_H
#define GATEWAY_SOURCE_REPLY_FORMAT_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <stdbool.h>

struct reply_format {
    const char *protocol; /* what log, monitor and dashboard call it: "socks5"; static text */
    bool patient;         /* The client is told of a success, so the far end's answer is awaited. */
    /* Appends the answer to a request. After ERR_OK the service's bytes follow it; any other code
     * comes with the failure as a sentence of printable ASCII in `text`. Pure. False: no memory. */
    bool (*answer)(enum err why, const char *text, struct buf *out);
};

#endif
