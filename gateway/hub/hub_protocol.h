/* What is spoken on a listener, inside TLS: one row for each in the table of listeners (main.c). */
#ifndef GATEWAY_HUB_HUB_PROTOCOL_H
#define GATEWAY_HUB_HUB_PROTOCOL_H

struct stream;
struct pending_conn;

struct hub_protocol {
    /* v's TLS handshake is done; s, which is open, is taken over. What is returned is v's session:
     * it ends by pending_conn_free (frontend_internal.h), of which it may be the caller. NULL: no
     * memory. */
    void *(*start)(struct pending_conn *v, struct stream *s);
    void (*end)(void *session); /* closes its stream */
};

extern const struct hub_protocol https_protocol; /* frontend_https.c: tunnels' ends, and the API */

#endif
