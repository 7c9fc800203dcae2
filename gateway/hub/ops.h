/* The operations listener: plain HTTP for those who watch the hub. GET or HEAD /healthz (200 as
 * long as the process runs), /readyz (200, or 503 with the reason) and /metrics (Prometheus' text
 * format). It has no access control: its address is the access control. */
#ifndef GATEWAY_HUB_OPS_H
#define GATEWAY_HUB_OPS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/net/loop.h"

struct ops;

struct ops_options {
    struct loop *loop;
    const char *where;                             /* as for listener_new */
    const char *(*unready)(void *owner);           /* NULL: ready; else a sentence why not */
    void (*metrics)(void *owner, struct buf *out); /* appends them; at most HTTP_ANSWER_MAX bytes */
    void *owner;
    uint64_t request_ms, idle_ms; /* as in http_conn_options; 0: its defaults */
};

#define OPS_MAX_CLIENTS 64 /* at once; more are closed at once */

struct ops *ops_new(const struct ops_options *o, enum err *why); /* NULL: *why, as of listeners */
void ops_free(struct ops *ops);                                  /* NULL is fine */
const char *ops_name(const struct ops *ops); /* the address with its real port */

#endif
