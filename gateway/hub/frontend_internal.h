/* The pending connections. Private to frontend.c and the protocols behind it. */
#ifndef GATEWAY_HUB_FRONTEND_INTERNAL_H
#define GATEWAY_HUB_FRONTEND_INTERNAL_H

#include "core/base/map.h"
#include "core/net/addresses.h"
#include "core/tls/tls.h"
#include "gateway/hub/frontend.h"
#include "gateway/hub/pending_queue.h"

struct frontend {
    struct frontend_options o;
    struct identity *identity;
    struct cluster_keys *keys; /* held; NULL: there is no cluster */
    /* Fingerprints: of the certificate that fronts show, and of both before the last change; or
     * zeroes. */
    uint8_t shown[TLS_FINGERPRINT], last_certificate[TLS_FINGERPRINT], last_shown[TLS_FINGERPRINT];
    struct map by_id;
    struct list pending;
    struct pending_queue *queue;
    struct deferred turns; /* gives the next connection its turn */
    uint64_t last_id;
};

/* A connection that is not a tunnel's end, or not yet. */
struct pending_conn {
    struct list node;
    struct pending_slot slot;
    struct frontend *frontend;
    uint64_t id;
    struct stream *socket; /* below all others; valid as long as they are */
    /* Below `stream`, or below the session's. NULL before the PROXY header was read, and where
     * there is no TLS. */
    struct stream *tls;
    /* The buffered stream around tls, or the socket whose PROXY header is read; NULL once the
     * session has it. */
    struct stream *stream;
    char client[80]; /* who it is: the socket's name, or what its front has told */
    struct ip peer;  /* the socket's other end */
    /* A front passes it on, so it counts as nobody on this machine, whatever the addresses say. */
    bool fronted;
    bool told;   /* a PROXY header has told who it is, so no header of a request does */
    bool itself; /* a front speaks for itself, as balancers that look whether the hub is there */
    size_t header_at; /* bytes of the PROXY header that must be there for the next look */
    const struct hub_protocol *protocol;
    void *session; /* the protocol's state; NULL during the TLS handshake */
    struct timer
        *timer;       /* limits the TLS handshake, a device's proof, and the main thread's wait */
    bool asked;       /* the main thread has to answer */
    bool calls;       /* what it asked is a call that waits for others (api_may_wait) */
    char channel[36]; /* "channel-id" */
    struct cluster_keys *keys; /* held, of a connection of cluster_protocol */
    /* Who speaks at such a connection (frontend_cluster.c). */
    enum pending_via {
        VIA_NOBODY,  /* it is no such connection */
        VIA_FORWARD, /* a client that another node has passed on: it is not passed on again */
        VIA_NODE     /* another node itself */
    } via;
    char certified[IDENTITY_NAME_SIZE]; /* VIA_FORWARD: pending_conn_certified at the other node */
    /* Of the HTTP request that is asked for; they live until it is answered. */
    const struct http_head *head;
    struct span body;
    uint8_t certificate[TLS_FINGERPRINT]; /* fingerprint of the one that the client was shown */
};

/* ---- pending_conn.c ---- */

/* Of that socket's other end; the caller sets the socket. NULL: no memory. */
struct pending_conn *pending_conn_new(struct frontend *f, struct ip peer,
                                      const struct hub_protocol *protocol);
void pending_conn_free(struct pending_conn *conn);
/* Makes space for a connection of that address by dropping one of the origin that has the most, so
 * that no origin can keep all others out. exempt: the limit for one origin does not hold. */
enum pending_queue_admits frontend_room(struct frontend *f, struct ip ip, bool exempt);
/* Why there is none: a few words. NULL: there is. */
const char *frontend_no_room(enum pending_queue_admits room);
/* Tells the main thread that somebody was refused, as pending_conn_refused. */
void frontend_refused(struct frontend *f, const char *client, int status, enum err why,
                      const char *reason);
/* Counts the connection as that client's from now on; NULL: as the socket's other end. Dropped for
 * it may be another connection of that client. False: the client has too many (a sentence in
 * *why). */
bool pending_conn_is(struct pending_conn *conn, const union address *client, const char **why);
/* A request was answered: a connection of a web server in front is nobody's until its next one. */
void pending_conn_rest(struct pending_conn *conn);
/* The socket can be used from its next byte on: TLS begins, or the session. conn->stream is NULL.
 * False: no memory; the socket is closed. */
bool pending_conn_begin(struct pending_conn *conn);
/* The name (CN) in the certificate that the client has proven to own, or NULL. */
const char *pending_conn_certified(const struct pending_conn *conn);
/* Reads the header of the PROXY protocol, and then begins (frontend_header.c). */
void frontend_read_header(struct pending_conn *conn);
/* When the bytes that have come begin with such a header, where none may be: why not, as a
 * sentence. Otherwise NULL. */
const char *frontend_strange_header(const struct pending_conn *conn);
/* The session's next step costs about as much as a handshake's, so it has to wait for its turn
 * (struct hub_protocol). known: as for tls_server_options.waits. */
void pending_conn_await_turn(struct pending_conn *conn, bool known);
/* From now on the connection is a device's that has to say who it is (frontend_device.c). Takes its
 * HTTP session over. r: its request, with kind REQUEST_DEVICE. */
struct http_response;
struct request;
void frontend_greet_device(struct pending_conn *conn, const struct request *r);
/* The same for a device that speaks MQTT (frontend_mqtt.c), with kind REQUEST_MQTT. */
void frontend_greet_mqtt(struct pending_conn *conn, const struct request *r);
/* Lets the link of a device that was let in go on at a worker. Takes ticket and stream over; NULL:
 * the stream could not be had. */
void frontend_hand_device(struct frontend *f, struct device_ticket *t, struct stream *s);
/* A device that was let in is gone. Takes the ticket over. */
void frontend_lose_device(struct frontend *f, struct device_ticket *t, enum err why,
                          const char *text);
/* Asks the main thread for the side of a bridge that the request, of kind REQUEST_BRIDGE, is for
 * (frontend_bridge.c). */
void frontend_ask_bridge(struct pending_conn *conn, const struct request *r);
/* Sends the client of an HTTPS connection to another hub, "wss://node2.example:8443"
 * (frontend_answer.c). */
void frontend_redirect(struct pending_conn *conn, const char *location);
/* Begins with HTTP on an open stream, which it takes over. Returns the session, or NULL without
 * memory (frontend_https.c). */
void *frontend_start_http(struct pending_conn *conn, struct stream *s);
/* Whether the request is a call of the control API or of Azure's REST interface. */
bool frontend_is_call(const struct http_head *head);
/* Gives `take` the answer to a call that fails here: as the control API or Azure's REST interface
 * has its errors (frontend_answer.c). */
void frontend_call_error(const struct http_head *head, int status, const char *text,
                         void (*take)(void *ctx, const struct http_response *a), void *ctx);
/* Answers an HTTPS connection with that status and sentence (frontend_answer.c). close: and ends
 * it. */
void frontend_answer(struct pending_conn *conn, int status, const char *text, bool close);
/* Sends the main thread a request, which has to be answered within 75 s. */
void pending_conn_ask(struct pending_conn *conn, struct message *m);
/* The connection that asked, for which the answer is here. NULL: it has closed meanwhile. */
struct pending_conn *pending_conn_answered(const struct frontend *f, uint64_t id);
/* Tells the main thread that the connection was refused with that status; 0: it got no answer. */
void pending_conn_refused(const struct pending_conn *conn, int status, enum err why,
                          const char *reason);

#endif
