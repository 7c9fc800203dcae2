/* Private to forward.h: forward.c is one client's way, forwards.c the set of all of them. */
#ifndef GATEWAY_SOURCE_FORWARD_INTERNAL_H
#define GATEWAY_SOURCE_FORWARD_INTERNAL_H

#include "core/base/list.h"
#include "gateway/source/forward.h"

struct forwards {
    struct loop *loop;
    struct access_log *access_log;
    struct lingering_closes *lingering_closes;
    struct list all;
    size_t n;
};

enum forward_state {
    FORWARD_WAITING,   /* for the tunnel */
    FORWARD_OPENING,   /* for the far end's answer, or its first sign, or the grace time */
    FORWARD_ANSWERING, /* the success is being written */
    FORWARD_ATTACHED   /* the stream is the connection's */
};

struct forward {
    struct list node;
    struct forwards *set;
    enum forward_state state;
    struct stream *stream; /* until attached */
    struct timer *timer;   /* until attached */
    struct conn *conn;     /* from OPENING on */
    bool conn_over;        /* it has ended, and is only looked at */
    const struct reply_format *format;
    struct access_log_entry who;
    char *hint;
    char *service;
    bool literal, quiet, http;
    forward_resolve *resolve;
    void *owner;
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    uint64_t patience_ms;
    size_t sent_early; /* behind the start, while the answer is awaited */
};

/* Asks where it goes, and opens a connection there; or goes on waiting, or ends with a refusal. */
void forward_look(struct forward *p);
/* Each of these ends p, which is not attached: with a refusal that names its service, and without
 * a word. */
void forward_refuse_service(struct forward *p, enum err why);
void forward_drop(struct forward *p, enum err why);

#endif
