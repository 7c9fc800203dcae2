/* Private to inbound.h: a connection until its request is complete.
 *
 * inbound.c accepts connections and has the table of protocols. inbound_conn.c has the protocol
 * that claims a connection's first byte read the request, and ends the connection or sends it on
 * its way. Each protocol is a row of the table in a file of its own (inbound_socks.c,
 * inbound_http.c), which uses inbound_conn.c and is known to it by its row only.
 *
 * Another protocol is another such file, a line below and a line in inbound.c. */
#ifndef GATEWAY_SOURCE_INBOUND_INTERNAL_H
#define GATEWAY_SOURCE_INBOUND_INTERNAL_H

#include "core/base/list.h"
#include "gateway/source/auth_throttle.h"
#include "gateway/source/direct.h"
#include "gateway/source/inbound.h"

#define INBOUND_LISTENERS_MAX 64

struct inbound_conn;

/* ---- protocols ---- */

struct inbound_protocol {
    const char *name; /* in the log, while the request has not said more; static text */
    /* Whether a connection that begins with this byte speaks the protocol. */
    bool (*claims)(uint8_t first);
    /* Not NULL: connections are refused without a word to the client, and this sentence is in the
     * log; the rest of the row is empty. */
    const char *refusal;

    /* The protocol's own part of one connection, `state`. NULL: no memory. */
    void *(*make)(const struct inbound *in);
    void (*free)(void *state);
    /* Reads the n bytes at p, and consumes in c->stream those that it took. True: it wants what
     * else has come; false: c is gone, or has to wait. */
    bool (*feed)(struct inbound_conn *c, const uint8_t *p, size_t n);
    /* What feed wrote had been pending, and is out. NULL: feed writes nothing. */
    void (*written)(struct inbound_conn *c);
    /* The client left before its request was complete: tells the log. NULL: that is no news. */
    void (*left)(struct inbound_conn *c);
    /* The request has begun, and did not come in time: ends c. */
    void (*late)(struct inbound_conn *c);
    /* Ends what the protocol has under way outside of connections. NULL: there is no such thing. */
    void (*stop)(struct inbound *in);
};

extern const struct inbound_protocol inbound_socks; /* SOCKS 4, 4a and 5 */
extern const struct reply_format inbound_reply_socks4;
extern const struct reply_format inbound_reply_socks5;

extern const struct inbound_protocol inbound_http; /* CONNECT, http:// and our own pages */

/* ---- the endpoint ---- */

struct inbound {
    struct loop *loop;
    const struct inbound_protocol *const *protocols; /* The last one claims every byte. */
    struct forwards *forwards;
    struct lingering_closes *lingering_closes;
    struct access_log *access_log;
    struct directs *directs; /* NULL: nothing goes direct */
    forward_resolve *resolve;
    bool (*direct)(void *owner, const struct forward_question *q);
    bool (*page)(void *owner, const struct inbound_page *page, struct buf *out);
    bool (*later)(void *owner, const struct inbound_page *page, struct inbound_wait *w);
    void *owner;
    const struct names *names;
    const struct origins *origins;
    bool ask_user;
    char *user, *password;               /* NULL: no authentication */
    struct auth_throttle *auth_throttle; /* NULL: no authentication */
    size_t max_clients, n;
    struct list clients; /* struct inbound_conn, n of them, oldest first */
    struct list pinned;  /* struct pinned_conn with a request under way */
    struct listener *listeners[INBOUND_LISTENERS_MAX];
    size_t n_listeners;
};

size_t inbound_count(const struct inbound *in); /* connections in whatever stage */
/* Closes connections that have asked for nothing yet, and then lingering closes, oldest first,
 * until no more than `most` are left. c has asked: it is spared, and those whose clients have
 * finished sending go before all (forwards_make_room). NULL: the newcomer has asked for nothing
 * yet. False: without c, all that are left are being served. */
bool inbound_evict(struct inbound *in, size_t most, const struct inbound_conn *c);

/* ---- one connection ---- */

struct inbound_conn {
    struct list node;
    struct inbound *in;
    struct listener *listener;
    struct stream *stream;
    uint64_t accepted_ms; /* loop_now */
    struct timer *timer;
    const struct inbound_protocol *protocol; /* NULL: the first byte will tell */
    void *state;                             /* the protocol's */
    bool begun;                              /* Something has come. */
    /* The password was wrong: what the timer calls, with this static text. */
    void (*denied)(struct inbound_conn *c, const char *text);
    const char *denied_text;
};

/* Takes the stream over and waits patience_ms for a request in protocol p (NULL: the first byte
 * tells which). NULL: no memory; the stream is closed then. */
struct inbound_conn *inbound_conn_new(struct inbound *in, struct listener *l, struct stream *s,
                                      const struct inbound_protocol *p, uint64_t patience_ms);

/* Each of these ends c. */
void inbound_conn_free(struct inbound_conn *c);  /* without its stream */
void inbound_conn_close(struct inbound_conn *c); /* with its stream, at once */
void inbound_conn_linger(struct inbound_conn *c, struct buf *words);
/* Closes c behind `words` (NULL: none), and logs the refusal. protocol: static text. text: a
 * sentence; NULL: that of `why`. */
void inbound_conn_refuse(struct inbound_conn *c, const char *protocol, const char *asked,
                         enum err why, const char *text, struct buf *words);
/* Forwards c through a tunnel; or dials the host itself, at `port`, when the name is none of ours
 * and may go direct. Fills in the options that are the same for every protocol. */
void inbound_conn_forward(struct inbound_conn *c, struct forward_options *o, int port);

/* NULL: user and password are right; else a sentence that says why they are not, or why they were
 * not looked at. */
const char *inbound_conn_authenticate(struct inbound_conn *c, const char *user,
                                      const char *password);
/* Reads nothing more from c, whose password was wrong, and calls `denied` after a moment. */
void inbound_conn_deny(struct inbound_conn *c, const char *text,
                       void (*denied)(struct inbound_conn *c, const char *text));
/* The client is neither on this machine nor known by password: it is not told what there is. */
bool inbound_conn_is_untrusted(const struct inbound_conn *c);

#endif
