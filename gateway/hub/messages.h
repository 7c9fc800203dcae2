/* What the main thread, frontends and workers say to each other, through mailboxes. A message is
 * malloc'd by its sender and freed by its receiver, with what it carries.
 *
 * A client's way in: its frontend posts ADMIT_REQUEST. The main thread answers ADMIT_REPLY: refused
 * with a status, or a registration. Then the frontend takes the stream off its loop and posts
 * MIGRATE_OUT, and the main thread sends it on to the tunnel's worker as MIGRATE_IN. So everything
 * about one tunnel reaches its worker from the main thread, in the main thread's order. Every
 * registration comes back once, in DETACHED.
 *
 * A device's link goes the same way: DEVICE_HELLO once its proof is checked, or MQTT_HELLO with its
 * CONNECT, DEVICE_REPLY with a ticket, DEVICE_OUT, DEVICE_IN. From then on the worker tells what
 * the device said in DEVICE_SAID, and is given letters for it in DEVICE_SEND. Every ticket comes
 * back once, in DEVICE_GONE.
 *
 * So do the two sides of a bridge: BRIDGE_HELLO with a token, BRIDGE_REPLY with a ticket,
 * BRIDGE_OUT, BRIDGE_IN to the worker where they meet. Every ticket comes back once, in
 * BRIDGE_GONE.
 *
 * A client of whom another node of the cluster has to hear goes away in the same way, once the main
 * thread has answered its frontend with FORWARD: with a ticket in FORWARD_OUT and FORWARD_IN to a
 * worker, which passes its bytes on (cluster/node_forward.h). The ticket comes back in
 * FORWARD_GONE.
 *
 * An inner end of the hub's (bridge/inner_end.h) begins with INNER_IN at the worker of its tunnel,
 * which tells each connection that comes to it (INNER_WANTED), that such a one has left
 * (INNER_LEFT), and its end (INNER_GONE). */
#ifndef GATEWAY_HUB_MESSAGES_H
#define GATEWAY_HUB_MESSAGES_H

#include "core/device/device_reason.h"
#include "core/http/http.h"
#include "core/mqtt/mqtt_packet.h"
#include "core/net/mailbox.h"
#include "core/net/stream.h"
#include "core/tls/tls.h"
#include "gateway/hub/bridge/inner_table.h"
#include "gateway/hub/cluster/forward_ticket.h"
#include "gateway/hub/devices/device_wire.h"
#include "gateway/hub/registry/registry.h"
#include "gateway/hub/relay/relay_end.h"

struct hub_protocol;

/* X(name, the function that frees what the message carries, or NULL). The receiving side has a row
 * for each in its table of receivers (hub.c, worker.c, worker_tables.c). */
#define MESSAGE_TABLE(X)                                                                           \
    /* to a frontend */                                                                            \
    X(ACCEPTED, free_accepted)                                                                     \
    X(ADMIT_REPLY, free_admit_reply)                                                               \
    X(API_REPLY, free_api_reply)                                                                   \
    X(IDENTITY, free_identity)                                                                     \
    X(DEVICE_REPLY, free_device_reply)                                                             \
    X(BRIDGE_REPLY, free_bridge_reply)                                                             \
    X(FORWARD, free_forward)                                                                       \
    X(CLUSTER_KEYS, free_cluster_keys)                                                             \
    /* to a worker */                                                                              \
    X(MIGRATE_IN, free_migrate)                                                                    \
    X(CLOSE, free_close)                                                                           \
    X(DEVICE_IN, free_device_move)                                                                 \
    X(DEVICE_SEND, free_device_send)                                                               \
    X(BRIDGE_IN, free_bridge_move)                                                                 \
    X(BRIDGE_CLOSE, NULL)                                                                          \
    X(FORWARD_IN, free_forward_move)                                                               \
    X(INNER_IN, free_inner_in)                                                                     \
    X(INNER_REFUSE, NULL)                                                                          \
    X(INNER_LEAVE, NULL)                                                                           \
    /* to both */                                                                                  \
    X(DRAIN, NULL)                                                                                 \
    X(STOP, NULL)                                                                                  \
    /* to the main thread */                                                                       \
    X(ADMIT_REQUEST, free_admit_request)                                                           \
    X(MIGRATE_OUT, free_migrate)                                                                   \
    X(DETACHED, free_detached)                                                                     \
    X(API_REQUEST, free_api_request)                                                               \
    X(API_LEFT, NULL)                                                                              \
    X(DEVICE_HELLO, free_device_hello)                                                             \
    X(MQTT_HELLO, free_mqtt_hello)                                                                 \
    X(DEVICE_OUT, free_device_move)                                                                \
    X(DEVICE_SAID, NULL)                                                                           \
    X(DEVICE_GONE, free_device_gone)                                                               \
    X(BRIDGE_HELLO, free_bridge_hello)                                                             \
    X(BRIDGE_OUT, free_bridge_move)                                                                \
    X(BRIDGE_GONE, free_bridge_gone)                                                               \
    X(FORWARD_OUT, free_forward_move)                                                              \
    X(FORWARD_GONE, free_forward_gone)                                                             \
    X(INNER_WANTED, free_inner_wanted)                                                             \
    X(INNER_LEFT, free_inner_wanted)                                                               \
    X(INNER_GONE, NULL)                                                                            \
    X(REFUSED, NULL)                                                                               \
    X(DRAINED, NULL)

enum message_kind {
#define X(name, free) MESSAGE_##name,
    MESSAGE_TABLE(X)
#undef X
        MESSAGE_COUNT
};

/* The first member of every message. */
struct message {
    struct mail mail;
    enum message_kind kind;
    size_t worker; /* number of the worker or frontend that sends or receives it */
};

static inline struct message *message_of(struct mail *m)
{
    return (struct message *)(void *)m;
}

/* A zeroed message of `size` bytes and of that kind, for that worker or from it. NULL: no memory.
 */
void *message_new(enum message_kind kind, size_t worker, size_t size);
#define MESSAGE(type, kind, worker) ((type *)message_new((kind), (worker), sizeof(type)))
/* Frees m with all that it carries. */
void message_free(struct message *m);
/* message_free as a callback for mailbox_free. */
void message_discard(void *owner, struct mail *m);

struct message_accepted {
    struct message message;
    int fd; /* -1 once it is taken */
    const struct hub_protocol *protocol;
};
struct message_admit_reply {
    struct message message;
    uint64_t pending_id;
    struct registration *registration; /* NULL: the client is refused, or it is taken */
    int status;
    const char *text; /* static storage */
};
/* MIGRATE_IN and MIGRATE_OUT */
struct message_migrate {
    struct message message;
    struct registration *registration;
    struct stream *stream; /* detached from its loop; NULL once it is taken */
};
struct message_close {
    struct message message;
    char *tunnel;
    enum side side;
    struct close_reason close_reason; /* its text is in static storage */
};
struct message_api_reply {
    struct message message;
    uint64_t pending_id;
    int status;
    const char *type; /* static storage; NULL: there is no body */
    char *headers;    /* lines with their CRLF; wiped, like the body */
    char *body;
    size_t size;
};
struct message_identity {
    struct message message;
    struct identity *identity; /* a reference; NULL once it is taken */
    uint8_t shown[TLS_FINGERPRINT];
};
struct message_admit_request {
    struct message message;
    struct hub *hub; /* set by the main thread, for the registry's answer */
    uint64_t pending_id;
    enum side side;
    int version;
    const char *protocol; /* static storage */
    char key[32], channel[36], client[80];
    char instance[INSTANCE_SIZE + 1]; /* "" unless the client is native */
    bool follows;                     /* it follows a redirect */
    bool forwarded;                   /* another node has passed it on */
    char *token;                      /* wiped */
    char *client_token;               /* or NULL */
    char *device;                     /* or NULL */
    /* For the hub's own end instead of a reply: r is NULL when it is not admitted, and else the
     * receiver's. NULL: it is a frontend's request. */
    void (*own)(void *ctx, struct registration *r, const struct admission *a);
    void *ctx;
};
struct message_detached {
    struct message message;
    struct end_report end_report;
};
/* Who made that call does not wait for the answer any more. */
struct message_api_left {
    struct message message;
    uint64_t pending_id;
};
struct message_api_request {
    struct message message;
    struct hub *hub; /* set by the main thread, for the API's answer */
    uint64_t pending_id;
    struct http_head head; /* views into `bytes` */
    struct span body;      /* a view, too */
    char client[80];
    bool fronted;   /* the client is nobody on this machine, whatever its address is */
    bool forwarded; /* another node has passed the caller on */
    bool from_node; /* it is a call of another node's (cluster/node_message.h) */
    size_t size;
    char bytes[]; /* wiped */
};
struct message_refused {
    struct message message;
    char client[80];
    char reason[160];
    enum side side; /* SIDE_COUNT when it is unknown */
    int status;     /* 0: the client got no answer */
    enum err why;
};

struct message_device_hello {
    struct message message;
    struct hub *hub; /* set by the main thread, for the registry's answer */
    uint64_t pending_id;
    bool certified; /* a client's certificate says who it is; else its key is proven */
    char client[80];
    size_t size;
    uint8_t bytes[]; /* the device's Hello, which can be decoded; wiped */
};
/* An MQTT client's CONNECT. */
struct message_mqtt_hello {
    struct message message;
    struct hub *hub; /* set by the main thread, for the registry's answer */
    uint64_t pending_id;
    bool certified; /* a client's certificate says who it is; else `password` has to prove it */
    bool clean;
    bool old; /* MQTT 3.1, whose CONNACK knows no session that is present */
    uint16_t keepalive_s;
    uint32_t left_s; /* set by the main thread: how long the password is good; 0: for ever */
    char client[80];
    char *device; /* its name; not certified: what Azure's clients call it */
    char *host;   /* not certified: what it calls the hub */
    char *client_id;
    char *password; /* or NULL; wiped */
    size_t n_password;
};
struct message_device_reply {
    struct message message;
    uint64_t pending_id;
    struct device_ticket *ticket; /* NULL: the device is refused, or it is taken */
    enum device_reason reason;    /* to a device link */
    enum mqtt_code code;          /* to an MQTT client */
    uint64_t delay_ms;            /* an MQTT client is let in after so long */
};
/* DEVICE_OUT and DEVICE_IN */
struct message_device_move {
    struct message message;
    struct device_ticket *ticket;
    struct stream *stream; /* detached from its loop; NULL once it is taken */
};
struct message_device_send {
    struct message message;
    uint64_t serial;
    struct device_letter *letter; /* NULL once it is taken */
};
struct message_device_said {
    struct message message;
    uint64_t serial;
    size_t size;
    uint8_t bytes[]; /* as wire_end_options.said has it */
};
struct message_device_gone {
    struct message message;
    struct device_gone gone;
};

struct message_drain {
    struct message message;
    bool moves; /* other nodes of a cluster take up what is here */
};

struct message_bridge_hello {
    struct message message;
    uint64_t pending_id;
    char client[80], key[32], channel[36], protocol[BRIDGE_PROTOCOL_MAX + 1];
    bool forwarded; /* another node has passed it on */
    size_t n_path, n_token;
    char bytes[]; /* the path, and the token; wiped */
};
struct message_bridge_reply {
    struct message message;
    uint64_t pending_id;
    struct bridge_ticket *ticket; /* NULL: refused, or it is taken */
    int status;
    const char *text; /* static storage */
};
/* BRIDGE_OUT and BRIDGE_IN */
struct message_bridge_move {
    struct message message;
    struct bridge_ticket *ticket;
    struct stream *stream; /* detached from its loop; NULL once it is taken */
};
struct message_bridge_close {
    struct message message;
    uint64_t bridge, inner; /* inner: the inner end that is one of its sides; 0: none */
    struct bridge_closing closing;
};
struct message_bridge_gone {
    struct message message;
    struct bridge_gone gone;
};

/* An answer to ADMIT_REQUEST, API_REQUEST and BRIDGE_HELLO: another node has what is asked for. */
struct message_forward {
    struct message message;
    uint64_t pending_id;
    /* Where the client is sent by 307, "wss://node2.example:8443"; "": its connection is passed on,
     * by the ticket. */
    char location[300];
    struct forward_ticket *ticket; /* NULL once it is taken */
};
/* FORWARD_OUT and FORWARD_IN */
struct message_forward_move {
    struct message message;
    struct forward_ticket *ticket;
    struct stream *stream; /* detached from its loop; NULL once it is taken */
};
struct message_forward_gone {
    struct message message;
    struct forward_gone gone;
};
struct message_cluster_keys {
    struct message message;
    struct cluster_keys *keys; /* held; NULL once it is taken */
};

struct message_inner_in {
    struct message message;
    struct inner_start start; /* its texts are those below */
    int fd;                   /* connected to the tunnel's relay; -1 once it is taken */
    char *service, *label;
};
struct message_inner_refuse {
    struct message message;
    uint64_t inner, connection;
    enum err why;
};
/* INNER_LEAVE, and INNER_GONE */
struct message_inner {
    struct message message;
    uint64_t inner;
};
/* INNER_WANTED, and INNER_LEFT without texts */
struct message_inner_wanted {
    struct message message;
    uint64_t inner, connection;
    char *service;
    char client[80];
};

/* A copy of the request that outlives the connection. NULL: no memory. */
struct message_api_request *message_api_request_new(size_t worker, const struct http_head *head,
                                                    struct span body);

#endif
