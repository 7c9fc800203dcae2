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
    size_t conn_size;  /* A connection's struct has so many bytes; it begins with a struct conn. */
    bool answers;      /* The far end answers openings, and says why it refuses one. */
    bool windows;      /* Each connection has a window, which bounds what comes for it. */
    bool lingers;      /* A client's end cannot be sent: its connection waits for an answer. */
    bool leave_resets; /* When this end leaves, the hub resets its connections in its place. */

    /* Makes a connection of the source, which owes its start and is not registered yet. NULL: no
     * memory. */
    struct conn *(*open)(struct dialect *d, struct service *service);
    void (*attached)(struct conn *c); /* A live connection has got its local stream. */
    /* Takes what c has to send next, a quantum at most, and sets *p to it: it stays there until the
     * next call. 0: there was nothing, and c may be gone. */
    size_t (*read)(struct conn *c, const uint8_t **p);
    void (*fill)(const struct conn *c, struct frame *f); /* Adds what a frame of f->type says. */
    void (*delivered)(struct conn *c);                   /* The local side may have taken more. */
    /* The end of the local stream was read, or a timer that this function has set has fired. */
    void (*local_ended)(struct conn *c);
    /* A live connection is about to end; with `tell` the far end will hear of it. */
    void (*ending)(struct conn *c, enum err why, bool tell);
    /* The connection is live no more: what is kept goes. Calling it again is fine. */
    void (*retire)(struct conn *c);
    /* All that came is delivered: says whether the far side's end was among it. */
    bool (*ended_well)(const struct conn *c);
    void (*look)(const struct conn *c, struct conn_info *out); /* Adds what the dialect knows. */
};

struct dialect {
    const struct dialect_ops *ops;
    struct conn_host *host;
    bool open;      /* Its connections may send. */
    size_t quantum; /* One frame has at most so many bytes of payload. */
};

#endif
