/* Private to forward.h: forward.c takes one client on its way, forwards.c keeps the set of all
 * forwards. */
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
    size_t patient, max_patient; /* those with `patient`, and how many may be; 0: any number */
    bool hide_clients;
};

enum forward_state {
    FORWARD_WAITING,   /* waits for the tunnel */
    FORWARD_OPENING,   /* waits for the far end's answer or first byte, or out the grace time */
    FORWARD_ANSWERING, /* the answer to the client is being written */
    FORWARD_ATTACHED   /* the stream belongs to the connection */
};

struct forward {
    struct list node;
    struct forwards *set;
    enum forward_state state;
    struct stream *stream; /* until attached */
    struct timer *timer;   /* until attached */
    struct conn *conn;     /* from FORWARD_OPENING on */
    bool conn_over;        /* The connection has ended, and is only looked at. */
    const struct reply_format *format;
    struct access_log_entry who;
    char *hint;
    char *service;
    char target[80]; /* what was named behind the device, "10.0.7.20:502"; "": nothing */
    bool literal, quiet, http;
    bool patient; /* waits longer than FORWARD_WAIT_MS */
    int port;
    forward_resolve *resolve;
    void *owner;
    struct buf early, out;
    struct conn_tap tap;
    void (*tap_free)(void *ctx);
    uint64_t patience_ms;
    size_t sent_early; /* bytes sent after the opening while its answer is awaited */
};

/* Asks where p goes, and opens a connection there, goes on waiting, or ends p with a refusal. */
void forward_look(struct forward *p);
/* Ends p, which is not attached, with a refusal that names its service. */
void forward_refuse_service(struct forward *p, enum err why);
/* Ends p, which is not attached, without a word to the client. */
void forward_drop(struct forward *p, enum err why);

#endif
