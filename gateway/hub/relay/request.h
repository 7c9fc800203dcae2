/* What a client asks of the hub: the rules for the upgrade requests to /tunnel
 * (share/doc/protocol.md), /device (share/doc/devices.md), /mqtt (share/doc/mqtt.md) and /bridges/
 * (share/doc/azure.md), and for the few other paths. Pure: a parsed head in, a decision out. */
#ifndef GATEWAY_HUB_RELAY_REQUEST_H
#define GATEWAY_HUB_RELAY_REQUEST_H

#include "core/http/http.h"
#include "gateway/hub/registry/side.h"

#define REQUEST_MAX 4096 /* bytes of request line and headers, as the real service has it */
#define CLIENT_TOKEN_MIN 32
#define CLIENT_TOKEN_MAX 128
#define SUBPROTOCOL_MAX 64 /* characters of one that is to be echoed */
#define INSTANCE_SIZE 22   /* characters: base64url of 128 bits */

enum request_kind {
    REQUEST_REFUSED,
    REQUEST_HEALTH,
    REQUEST_TUNNEL,
    REQUEST_DEVICE,
    REQUEST_MQTT, /* a WebSocket that carries MQTT */
    REQUEST_BRIDGE
};

/* Views live as long as the head. */
struct request {
    enum request_kind kind;
    int status;       /* REQUEST_REFUSED: the status to answer */
    const char *text; /* why it is refused: a sentence or two, in static storage */
    enum side side;
    struct span token;
    struct span client_token; /* p is NULL when the request has none */
    struct span key;          /* Sec-WebSocket-Key */
    const char *protocol;     /* the subprotocol chosen, one of those offered */
    int version;              /* version of the subprotocol's first messages: 1, 2 or 3 */
    bool follows;             /* a redirect to another node (share/doc/native.md) */
    struct span instance;     /* identifies the client's process; n is 0 unless it is native */
    struct span host;         /* REQUEST_DEVICE: the hub's, as the device dialled it; no port */
    struct span path;         /* REQUEST_BRIDGE; its token is the bearer's */
    struct span first;        /* REQUEST_BRIDGE: the first subprotocol that is offered; n is 0:
                                 there is none */
};

struct request request_check(const struct http_head *head);

#endif
