/* One connected client: a WebSocket that is one end of a tunnel's relay. It owns itself and is gone
 * when its connection is. */
#ifndef GATEWAY_HUB_CLIENT_H
#define GATEWAY_HUB_CLIENT_H

#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/tunnels.h"

/* RFC 6455 section 7.4.1. A client that gets any Close stops for good. */
#define CLIENT_CLOSE_END 1000
#define CLIENT_CLOSE_REPLACED 1008

struct client;

/* Becomes the end of t's relay on its side, where none may be, and appends itself to `clients`.
 * Takes the stream over. When there is no memory the connection is dropped. */
void client_new(struct loop *loop, struct list *clients, struct tunnel *t, const struct request *r,
                struct stream *spill, const char *channel);

/* Leaves the relay now and says Close; text: what the log and the client are told. */
void client_close(struct client *c, int code, const char *text);
/* All on the list: gone at once, without a Close, so that they come back. */
void clients_drop(struct list *clients, const char *why);
/* Drops those from whom nothing came for idle_ms. */
void clients_tick(struct list *clients, uint64_t now, uint64_t idle_ms);

#endif
