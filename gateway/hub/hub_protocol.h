/* A protocol that a listener speaks, inside TLS but for one; main.c has a table of which option
 * listens for which. */
#ifndef GATEWAY_HUB_HUB_PROTOCOL_H
#define GATEWAY_HUB_HUB_PROTOCOL_H

#include <stdbool.h>

struct stream;
struct pending_conn;
struct message_device_reply;

struct hub_protocol {
    bool plain; /* there is no TLS: only web servers on this machine come, which have ended it */
    /* Called when the connection's TLS handshake is done, if there is one. Takes over s, which is
     * open, and returns the connection's session, or NULL without memory. pending_conn_free
     * (frontend_internal.h) ends the session, which may call it itself. */
    void *(*start)(struct pending_conn *conn, struct stream *s);
    void (*end)(void *session); /* ends the session and closes its stream */
    /* The session's turn has come, for which it has waited (pending_await_turn). May be NULL when
     * it never waits. */
    void (*turn)(void *session);
    /* The main thread's decision on a device that asked to be let in. The session may take the
     * ticket. May be NULL when it never asks for that. */
    void (*answer)(void *session, struct message_device_reply *m);
    /* Other nodes of the cluster speak it: they show a certificate of the cluster's, and are not
     * limited by their address. */
    bool cluster;
};

extern const struct hub_protocol https_protocol; /* frontend_https.c: tunnels' ends, and the API */
extern const struct hub_protocol plain_protocol; /* the same without TLS */
extern const struct hub_protocol mqtt_protocol;  /* frontend_mqtt.c: devices that speak MQTT */
extern const struct hub_protocol cluster_protocol; /* frontend_cluster.c: other nodes */

#endif
