/* The pending connections. Private to frontend.c and the protocols behind it. */
#ifndef GATEWAY_HUB_FRONTEND_INTERNAL_H
#define GATEWAY_HUB_FRONTEND_INTERNAL_H

#include "core/base/map.h"
#include "core/tls/tls.h"
#include "gateway/hub/frontend.h"
#include "gateway/hub/pending_queue.h"

struct frontend {
    struct frontend_options o;
    struct identity *identity;
    uint8_t last_certificate[TLS_FINGERPRINT]; /* fingerprint of the identity before; or zeroes */
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
    struct stream *tls;    /* below `stream`, or below the session's */
    struct stream *stream; /* the buffered stream around tls; NULL once the session has it */
    const struct hub_protocol *protocol;
    void *session; /* the protocol's state; NULL during the TLS handshake */
    struct timer
        *timer;       /* limits the TLS handshake, a device's proof, and the main thread's wait */
    bool asked;       /* the main thread has to answer */
    bool calls;       /* what it asked is a call that waits for others (api_may_wait) */
    char channel[36]; /* "channel-id" */
    uint8_t certificate[TLS_FINGERPRINT]; /* fingerprint of the hub's that the client was shown */
};

void pending_conn_free(struct pending_conn *conn);
/* The session's next step costs about as much as a handshake's, so it has to wait for its turn
 * (struct hub_protocol). known: as for tls_server_options.waits. */
void pending_conn_await_turn(struct pending_conn *conn, bool known);
/* From now on the connection is a device's that has to say who it is (frontend_device.c). Takes its
 * HTTP session over. r: its request, with kind REQUEST_DEVICE. */
struct request;
void frontend_greet_device(struct pending_conn *conn, const struct request *r);
/* The same for a device that speaks MQTT (frontend_mqtt.c), with kind REQUEST_MQTT. */
void frontend_greet_mqtt(struct pending_conn *conn, const struct request *r);
/* A device that was let in is gone. Takes the ticket over. */
void frontend_lose_device(struct frontend *f, struct device_ticket *t, enum err why,
                          const char *text);
/* Asks the main thread for the side of a bridge that the request, of kind REQUEST_BRIDGE, is for
 * (frontend_bridge.c). */
void frontend_ask_bridge(struct pending_conn *conn, const struct request *r);
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
