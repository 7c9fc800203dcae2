/* One client's way from its request to a connection in a tunnel. A forward waits for the tunnel
 * when that is down, opens a connection, gives a refusal the time to show, answers the client,
 * attaches its stream to the connection, and writes the access log's line at the end.
 *
 * A native session answers an opening, and the client is told that answer; what the client sends
 * meanwhile goes along. V1 to V3 do not answer (share/doc/protocol.md): for services whose server
 * speaks first, the first byte or a reset within the grace time is the answer, and silence counts
 * as success. */
#ifndef GATEWAY_SOURCE_FORWARD_H
#define GATEWAY_SOURCE_FORWARD_H

#include "core/tunnel/session.h"
#include "gateway/source/access_log.h"
#include "gateway/source/lingering_close.h"
#include "gateway/source/reply_format.h"

#define FORWARD_TEXT 192
#define FORWARD_WAIT_MS 2000 /* how long a client waits for a tunnel that is down */
/* How long a client waits for a native session's answer, which survives a lost link. */
#define FORWARD_ANSWER_MS 120000

/* All forwards of one owner, with the log and the lingering closes that they share. monitor may be
 * NULL. */
struct forwards;
struct forwards *forwards_new(struct loop *loop, struct monitor *monitor); /* NULL: memory */
/* From now on devices are not told who the clients are and what they asked for. */
void forwards_hide_clients(struct forwards *set, bool hide);
void forwards_free(struct forwards *set); /* ends every forward (ERR_SHUTDOWN); NULL is fine */
void forwards_wake(struct forwards *set); /* a session has opened, or ended for good */
/* Refuses the forwards that wait for an answer of that session's device, which is not there. */
void forwards_give_up(struct forwards *set, const struct session *s);
/* Ends one, the oldest, whose client has finished sending and has got all (conn_make_room), so that
 * there is one less. False: there is none. */
bool forwards_make_room(struct forwards *set);
size_t forwards_count(const struct forwards *p); /* attached ones included */
/* How many forwards may wait longer than FORWARD_WAIT_MS at once (wait_ms); the next ones are
 * refused with ERR_LIMIT. 0, as at the beginning: as many as there are. */
void forwards_limit_patient(struct forwards *p, size_t n);
struct access_log *forwards_access_log(struct forwards *p);
struct lingering_closes *forwards_lingering(struct forwards *p);

struct forward_question {
    struct span host;
    bool literal;     /* The host came as an address. */
    const char *hint; /* a user name that may name a tunnel, or NULL */
    bool quiet;       /* The answer must not name what there is. */
    bool http;        /* It is a plain http:// request, which only HTTP services take. */
    int port;         /* that the client asked for; 0: none */
};

struct forward_target {
    struct session *session;
    const char *service;
    char host[64];     /* behind the device, where the service is to lead to; "": none was named */
    uint32_t port;     /* of that host */
    bool named;        /* The client has asked by a host name. */
    uint64_t grace_ms; /* 0: the client is answered at once; not looked at in a native session */
    struct monitor_tunnel *watched; /* the session's tunnel, or NULL */
    /* With an error: it may be otherwise in a moment, so the client waits, until the next
     * forwards_wake at which that is so. */
    bool awaited;
    /* With `awaited`: milliseconds that the client may wait from the first such answer on; 0:
     * FORWARD_WAIT_MS from its request on. */
    uint64_t wait_ms;
};

/* Says where a request goes, and is asked again at each forwards_wake while the client waits. All
 * errors come with a sentence in text; those without `awaited` are final. */
typedef enum err forward_resolve(void *owner, const struct forward_question *q,
                                 struct forward_target *out, char text[FORWARD_TEXT]);

struct forward_options {
    const struct reply_format *format;
    uint64_t accepted_ms;             /* loop_now when the client came; 0: just now */
    struct forward_question question; /* copied */
    forward_resolve *resolve;
    void *owner;
    struct buf *early;   /* bytes that go up first; moved out; NULL: none */
    struct conn_tap tap; /* none: zeroes */
    void (*tap_free)(void *ctx);
    /* Not 0: takes the place of the grace time, for a request that has gone up whole and is sure to
     * be answered. */
    uint64_t patience_ms;
};

/* Takes the stream over, which must be ready for writing. The outcome is in the access log. */
void forward_start(struct forwards *set, struct stream *stream, const struct forward_options *o);

#endif
