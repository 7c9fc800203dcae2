/* A session's way to the hub: resolve, web proxy, TLS, WebSocket upgrade, pings, and again with
 * exponential back-off and jitter when it is lost. The hub's word that it does not take us
 * (refusal.h), a proxy's that it wants another login, and a Close frame are final, everything else
 * is retried, and not before the time that a Retry-After names. */
#ifndef CORE_TUNNEL_LINK_H
#define CORE_TUNNEL_LINK_H

#include "core/http/upstream.h"
#include "core/tls/tls.h"
#include "core/tunnel/session.h"

struct link;

struct link_options {
    const char *host; /* of the hub; all strings are copied */
    int port;
    enum session_role role;
    const char *access_token;
    const char *client_token; /* NULL: none is sent */
    const char *subprotocol;  /* NULL: aws.iot.securetunneling-3.0 */
    const char *instance;     /* NULL; else native sessions are offered first: what link_instance
                                 made for the session */
    const struct trust *trust;
    struct identity *identity; /* for a hub that asks who we are, or NULL; a reference is held */
    const char *proxy;         /* URL, or NULL */
    const char *bind;          /* local address, or NULL */
    uint64_t ping_ms;          /* 0: 20,000; at most: losses may shorten it (keepalive.h) */
    uint64_t retry_first_ms;   /* 0: 500, and 100 with a native hub */
    uint64_t retry_max_ms;     /* 0: 10,000 */
    const char *agent;         /* User-Agent */
    struct stream *ready;      /* taken over for the first try, as in connector.h; or NULL */
    const struct tls_session *tls_session; /* to resume at the first try: copied; or NULL */
};

/* Which session of which process this is, for the far end of a native session: 128 random bits in
 * base64url. */
#define LINK_INSTANCE_SIZE 23 /* with the end */
void link_instance(char out[LINK_INSTANCE_SIZE]);

/* Texts are sentences of printable ASCII. */
struct link_events {
    void (*up)(void *owner);                                   /* attached; SERVICE_IDS come next */
    void (*down)(void *owner, enum err why, const char *text); /* will try again */
    /* The tunnel expires in left_ms: an hour before, or when it came up later than that. Told once,
     * whether it is up or not, and only when the hub has said so. NULL: nobody wants to know. */
    void (*ending)(void *owner, uint64_t left_ms);
    /* No further try. ERR_REJECTED: status and body in text; ERR_TUNNEL_CLOSED: the hub sent Close;
     * ERR_TOKEN_REPLACED: the same, and the tunnel goes on with a new token; or what
     * session_events.services returned. */
    void (*finished)(void *owner, enum err why, const char *text);
};

/* Starts at once; the session must outlive the link. NULL: memory or a bad proxy URL (*why), and
 * `ready` is closed. */
struct link *link_new(struct loop *loop, struct session *session, const struct link_options *o,
                      const struct link_events *events, void *owner, enum err *why);
/* Goes on by other options; the role, the agent and the instance stay. What is up stays up when
 * only trust, identity or times are others, and they count from the next try on; else, and when
 * there was to be no further try, it connects anew at once, for which native connections wait. The
 * trust that it had is not used any more. *anew: it connects anew. As link_new's errors, without
 * effect. */
enum err link_change(struct link *l, const struct link_options *o, bool *anew);
void link_free(struct link *l); /* sends a Close when it is up; allowed in any event */
/* For session_events.broken: drops the WebSocket; reconnects when `why` allows it. */
void link_drop(struct link *l, enum err why, const char *text);

uint64_t link_round_trip_us(const struct link *l); /* last ping; 0: not known yet */

enum link_phase { LINK_CONNECTING, LINK_UP, LINK_WAITING, LINK_OVER };

struct link_info {
    enum link_phase phase;  /* WAITING: for its next try; OVER: there will be none */
    uint64_t since_ms;      /* loop_now when it went up, was lost, or began at all: tries that fail
                               change nothing */
    uint64_t retry_ms;      /* WAITING: loop_now of the next try */
    uint64_t round_trip_us; /* as above */
    uint64_t connections;   /* that were made, since the start */
    uint64_t expires_ms;    /* loop_now at which the tunnel expires; 0: not known */
    enum err why;           /* the last failure; OK: it is up, or there was none yet */
    const char *text;       /* as told to `down` or `finished`; lives until the next event */
    bool repeated;          /* the failure before was the same one, word by word */
};
/* Also from inside the link's events, where it is as they tell. */
void link_get_info(const struct link *l, struct link_info *out);

#endif
