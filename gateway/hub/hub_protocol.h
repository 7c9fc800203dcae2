/* A protocol that a listener speaks inside TLS; main.c has a table of which option listens for
 * which. */
#ifndef GATEWAY_HUB_HUB_PROTOCOL_H
#define GATEWAY_HUB_HUB_PROTOCOL_H

struct stream;
struct pending_conn;

struct hub_protocol {
    /* Called when the connection's TLS handshake is done. Takes over s, which is open, and returns
     * the connection's session, or NULL without memory. pending_conn_free (frontend_internal.h)
     * ends the session, which may call it itself. */
    void *(*start)(struct pending_conn *conn, struct stream *s);
    void (*end)(void *session); /* ends the session and closes its stream */
    /* The session's turn has come, for which it has waited (pending_await_turn). May be NULL when
     * it never waits. */
    void (*turn)(void *session);
};

extern const struct hub_protocol https_protocol; /* frontend_https.c: tunnels' ends, and the API */

#endif
