/* One end of a tunnel, as gateway, agent and localproxy have it: the session, the link that keeps
 * it connected to the hub, whom that trusts, and what log and monitor are told of them. */
#ifndef GATEWAY_COMMON_TUNNEL_END_H
#define GATEWAY_COMMON_TUNNEL_END_H

#include "core/config/hub_config.h"
#include "core/control/monitor.h"
#include "core/tls/tls.h"
#include "core/tunnel/link.h"
#include "core/tunnel/session.h"

struct tunnel_end;

/* Strings are copied; pointers without another word are used during the call only. */
struct tunnel_end_options {
    struct loop *loop;
    struct monitor *monitor; /* must outlive the end; NULL: nobody watches */
    struct budget *memory;   /* must outlive the end */
    const char *name;        /* of the tunnel, for the monitor; NULL: "" */
    const char *title; /* begins each line of the log: "tunnel plant7". NULL: the program has no
                          other end, so its lines need no title, the last one is fatal to the
                          program, and a failure that repeats itself is in the log each time */
    enum session_role role;
    int version;            /* as in struct session_options */
    bool native;            /* native sessions are offered to the hub */
    const char *user_agent; /* "tunnel-agent/1.0.0" */
    bool once;              /* a connection that was made and lost is the last one */
    bool give_up;           /* after more than `tries` failed tries in a row */
    unsigned tries;

    /* What tunnel_end_change takes. */
    const struct hub_config *hub;
    struct identity *identity; /* for a hub that asks who we are, or NULL; a reference is held */
    size_t max_connections;    /* these five as in struct session_options */
    uint64_t linger_ms;
    uint64_t stall_ms;
    uint64_t resume_ms;
    uint64_t idle_ms;
    /* Whom it trusts, shared with others: it must outlive the end, or the next change. NULL: whom
     * `hub` names. */
    const struct trust *trust;

    /* What tunnel_end_change does not look at. */
    struct stream *ready; /* for the first try, as in struct link_options; or NULL */
    const struct tls_session *tls_session; /* the same */
};

struct tunnel_end_events {
    /* These four as in struct session_events; incoming is NULL at a source, reachable and peer may
     * be NULL. An error of services has been logged by it; of an end without title it is final. */
    enum err (*services)(void *owner, const char *const *ids, size_t n);
    void (*incoming)(void *owner, struct conn *c);
    void (*reachable)(void *owner);
    void (*peer)(void *owner);
    /* There will be no further try, and the log tells why: as in struct link_events, or what
     * services returned, or ERR_LINK_LOST (once, give_up). Once, or once more after a change. */
    void (*finished)(void *owner, enum err why);
};

/* Connects as soon as the loop runs; `ready` is taken over in any case. NULL: *why, and a sentence
 * in text, such as about certificates that cannot be read or the web proxy's URL. */
struct tunnel_end *tunnel_end_new(const struct tunnel_end_options *o,
                                  const struct tunnel_end_events *events, void *owner,
                                  enum err *why, char *text, size_t size);

/* Goes on by another hub configuration, identity, limits and times; what did not change is not cut
 * (link_change). An error leaves a sentence in text, and nothing is changed. */
enum err tunnel_end_change(struct tunnel_end *e, const struct tunnel_end_options *fresh, char *text,
                           size_t size);

/* Leaves the hub and the monitor for good; what the session still has for slow clients is delivered
 * to them, and its connections end with ERR_TUNNEL_CLOSED. */
void tunnel_end_retire(struct tunnel_end *e);
/* Leaves the hub and the monitor; the session stays, with its connections, until tunnel_end_free,
 * so that whoever uses them can go in between. NULL is fine for both. */
void tunnel_end_stop(struct tunnel_end *e);
void tunnel_end_free(struct tunnel_end *e);

struct session *tunnel_end_session(const struct tunnel_end *e);
struct monitor_tunnel *tunnel_end_watched(const struct tunnel_end *e); /* NULL: nobody watches */
/* Before it is stopped or retired. */
struct link_info tunnel_end_info(const struct tunnel_end *e);

#endif
