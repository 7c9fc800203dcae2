/* One connection to one server: commands go, answers come in their order. What a lost one means is
 * the owner's business. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_LINK_H
#define GATEWAY_HUB_REDIS_REDIS_LINK_H

#include "gateway/hub/redis/redis_command.h"
#include "gateway/hub/redis/redis_reply.h"
#include "gateway/hub/redis/redis_url.h"

#define REDIS_UNSENT_MAX 67108864 /* bytes that wait to be written */

struct redis_link;
struct redis_link_events {
    void (*connected)(void *owner);
    /* The command is the owner's again. It may free the link. */
    void (*answered)(void *owner, struct redis_command *c, const struct redis_reply *reply);
    /* The link is of no use any more; the owner takes what was sent (redis_link_take) and frees it.
     * ERR_TIMEOUT: no connection, or no answer, in time. ERR_PROTOCOL: that is not Redis. */
    void (*lost)(void *owner, enum err why);
};

struct redis_link_options {
    struct loop *loop;
    const struct redis_place *place;
    uint64_t timeout_ms; /* for the connection, and for the oldest command sent */
    const struct redis_link_events *events;
    void *owner;
};
struct redis_link *redis_link_new(const struct redis_link_options *o); /* NULL: no memory */
/* What was sent goes back to the owner first. NULL is fine. */
void redis_link_free(struct redis_link *l);

/* Takes the command over until it is answered. False: no room; nothing has changed. Only when
 * connected. */
bool redis_link_send(struct redis_link *l, struct redis_command *c);
/* Appends the commands that were sent and not answered, the oldest first. */
void redis_link_take(struct redis_link *l, struct list *into);

#endif
