/* One client's way from its request to a connection in a tunnel: wait for the tunnel when it is
 * down, open, give a refusal the time to show, answer, attach; and the line in the log at the end.
 *
 * A native session answers an opening, and the client is told that; what it sends meanwhile goes
 * along. V1 to V3 do not answer (share/doc/protocol.md): for services whose server speaks first,
 * the first byte or a reset within the grace time tells; silence counts as success.
 */
#ifndef GATEWAY_SOURCE_FORWARD_H
#define GATEWAY_SOURCE_FORWARD_H

#include "core/tunnel/session.h"
#include "gateway/source/access_log.h"
#include "gateway/source/lingering_close.h"
#include "gateway/source/reply_format.h"

#define FORWARD_TEXT 192
#define FORWARD_WAIT_MS 2000 /* for a tunnel that is down */
/* For a native session's answer, which no lost link takes away. */
#define FORWARD_ANSWER_MS 120000

/* All forwards of one owner, with the log and the lingering closes that they share. monitor may be
 * NULL. */
struct forwards;
struct forwards *forwards_new(struct loop *loop, struct monitor *monitor); /* NULL: memory */
void forwards_free(struct forwards *p); /* ends every one (ERR_SHUTDOWN); NULL is fine */
void forwards_wake(struct forwards *p); /* a session opened, or ended for good */
/* Refuses those that wait for an answer of that session's device, which is not there. */
void forwards_give_up(struct forwards *p, const struct session *s);
size_t forwards_count(const struct forwards *p); /* also those that are attached */
struct access_log *forwards_access_log(struct forwards *p);
struct lingering_closes *forwards_lingering(struct forwards *p);

struct forward_question {
    struct span host;
    bool literal;     /* came as an address */
    const char *hint; /* a user name, or NULL */
    bool quiet;       /* do not name what there is */
    bool http;        /* a plain http:// request: only services that are HTTP take it */
};

struct forward_target {
    struct session *session;
    const char *service;
    uint64_t grace_ms;              /* 0: answer at once; of no interest in a native session */
    struct monitor_tunnel *watched; /* that the session is an end of, or NULL */
    bool awaited;                   /* with ERR_DEVICE_OFFLINE: it may come in a moment */
};

/* Where it goes. ERR_HUB_DOWN, and ERR_DEVICE_OFFLINE of one that is awaited: asked again at
 * forwards_wake, for FORWARD_WAIT_MS. Other errors are final, with a sentence in text. */
typedef enum err forward_resolve(void *owner, const struct forward_question *q,
                                 struct forward_target *out, char text[FORWARD_TEXT]);

struct forward_options {
    const struct reply_format *format;
    uint64_t accepted_ms;             /* loop_now when the client came; 0: just now */
    struct forward_question question; /* copied */
    forward_resolve *resolve;
    void *owner;
    struct buf *early;   /* goes up first; moved out; NULL: none */
    struct conn_tap tap; /* none: zeroes */
    void (*tap_free)(void *ctx);
    uint64_t patience_ms; /* not 0: instead of the grace time, where the request has gone up whole
                             and the answer's first byte is sure to come */
};

/* Takes the stream over, ready for writing. Nothing comes back: it ends in the log. */
void forward_start(struct forwards *set, struct stream *stream, const struct forward_options *o);

#endif
