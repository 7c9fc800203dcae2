/* What the parts of the client share. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_INTERNAL_H
#define GATEWAY_HUB_REDIS_REDIS_INTERNAL_H

#include "gateway/hub/redis/redis_server.h"

struct redis {
    struct redis_options o;
    struct redis_url url;
    struct redis_pin pin;
    struct redis_server *server;
    struct list all;    /* the commands that are not answered yet */
    struct list later;  /* commands that a server wants to be asked again */
    struct list failed; /* are answered with their `why` at the end of the loop's turn */
    struct deferred tell_failed;
    struct timer *tick; /* runs while commands wait anywhere */
    struct redis_counts counts;
    bool up;
    /* The first greeting, for which redis_new waits. */
    enum { STARTING, STARTED, REFUSED } start;
    uint64_t patience; /* until when a server may load its data */
    enum err why;
    char *text;
    size_t size;
};

/* Sends a command to the server that it belongs to, or answers it soon. */
void redis_dispatch(struct redis *r, struct redis_command *c);
/* Answers the command and frees it; the last thing that its caller does. */
void redis_finish(struct redis *r, struct redis_command *c, enum err why,
                  const struct redis_reply *reply);
void redis_fail_soon(struct redis *r, struct redis_command *c);
/* Asks again in a moment. */
void redis_ask_later(struct redis *r, struct redis_command *c);

#endif
