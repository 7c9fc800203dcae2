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

#define PASSAGE_TEXT 192
#define PASSAGE_WAIT_MS 2000 /* for a tunnel that is down */
/* For a native session's answer, which no lost link takes away. */
#define PASSAGE_ANSWER_MS 120000

/* All passages of one owner, with the log and the partings that they share. monitor may be NULL. */
struct passages;
struct passages *passages_new(struct loop *loop, struct monitor *monitor); /* NULL: memory */
void passages_free(struct passages *p); /* ends every one (ERR_SHUTDOWN); NULL is fine */
void passages_wake(struct passages *p); /* a session opened, or ended for good */
/* Refuses those that wait for an answer of that session's device, which is not there. */
void passages_give_up(struct passages *p, const struct session *s);
size_t passages_count(const struct passages *p); /* also those that are attached */
struct access *passages_access(struct passages *p);
struct partings *passages_partings(struct passages *p);

struct passage_question {
    struct span host;
    bool literal;     /* came as an address */
    const char *hint; /* a user name, or NULL */
    bool quiet;       /* do not name what there is */
    bool http;        /* a plain http:// request: only services that are HTTP take it */
};

struct passage_target {
    struct session *session;
    const char *service;
    uint64_t grace_ms;              /* 0: answer at once; of no interest in a native session */
    struct monitor_tunnel *watched; /* that the session is an end of, or NULL */
    bool awaited;                   /* with ERR_DEVICE_OFFLINE: it may come in a moment */
};

/* Where it goes. ERR_HUB_DOWN, and ERR_DEVICE_OFFLINE of one that is awaited: asked again at
 * passages_wake, for PASSAGE_WAIT_MS. Other errors are final, with a sentence in text. */
typedef enum err passage_resolve(void *owner, const struct passage_question *q,
                                 struct passage_target *out, char text[PASSAGE_TEXT]);

struct passage_options {
    const struct front *front;
    uint64_t accepted_ms;             /* loop_now when the client came; 0: just now */
    struct passage_question question; /* copied */
    passage_resolve *resolve;
    void *owner;
    struct buf *early;   /* goes up first; moved out; NULL: none */
    struct conn_tap tap; /* none: zeroes */
    void (*tap_free)(void *ctx);
    uint64_t patience_ms; /* not 0: instead of the grace time, where the request has gone up whole
                             and the answer's first byte is sure to come */
};

/* Takes the stream over, ready for writing. Nothing comes back: it ends in the log. */
void passage_start(struct passages *set, struct stream *stream, const struct passage_options *o);

#endif
