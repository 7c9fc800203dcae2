/* What V1 to V3 (dialect_aws.h) and native sessions (dialect_native.h) do in ways of their own. A
 * session has one of each; a connection belongs to one of them from its beginning to its end. */
#ifndef CORE_TUNNEL_DIALECT_H
#define CORE_TUNNEL_DIALECT_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct conn_host;
struct conn_info;
struct dialect;
struct frame;
struct service;

struct dialect_ops {
    size_t conn_size;  /* bytes of its struct, which begins with a struct conn */
    bool answers;      /* openings are answered, and refusals say why */
    bool windows;      /* a window of its own bounds what comes for each connection */
    bool lingers;      /* a client's end cannot be sent: it waits for an answer, or makes room */
    bool leave_resets; /* when we leave, the hub resets our connections in our place */

    /* A new connection of the source, which owes its start; not yet registered. NULL: memory. */
    struct conn *(*open)(struct dialect *d, struct service *service);
    void (*attached)(struct conn *c); /* it has got its local stream while it is live */
    /* Moves what it has to send to p, n bytes at most; 0: none. It may be gone then. */
    size_t (*read)(struct conn *c, uint8_t *p, size_t n);
    void (*fill)(const struct conn *c, struct frame *f); /* what a frame of f->type says */
    void (*delivered)(struct conn *c); /* more of what came may have been handed on */
    /* The end of the local stream was read; again when a timer that this has set fires. */
    void (*local_ended)(struct conn *c);
    /* It is about to end while it is live; tell: the far end will hear of it. */
    void (*ending)(struct conn *c, enum err why, bool tell);
    /* It is live no more: what is kept for sending again goes. More than once is fine. */
    void (*retire)(struct conn *c);
    /* All that came is delivered: whether the far side's end was among it. */
    bool (*ended_well)(const struct conn *c);
    void (*look)(const struct conn *c, struct conn_info *out); /* adds what it knows */
};

struct dialect {
    const struct dialect_ops *ops;
    struct conn_host *host;
    bool open;      /* its connections may say something */
    size_t quantum; /* bytes of payload in one frame, at most */
};

#endif
