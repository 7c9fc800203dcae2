/* What the parts of the client share. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_INTERNAL_H
#define GATEWAY_HUB_REDIS_REDIS_INTERNAL_H

#include "gateway/hub/redis/redis_guide.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_server.h"
#include "gateway/hub/redis/redis_slot.h"

#define REDIS_SHARDS_MAX 128
#define REDIS_NO_SHARD UINT8_MAX

struct redis {
    struct redis_options o;
    struct redis_url url;
    struct redis_pin pin;
    /* The masters: one, or those of a Redis Cluster with the one that has each slot. */
    struct redis_server *servers[REDIS_SHARDS_MAX];
    size_t n;
    uint8_t *slots; /* REDIS_SLOTS indexes into servers; NULL: the one has all */
    /* The server `from` said that the command's slot is elsewhere, and the command goes there.
     * False: it said nonsense. NULL: there is no elsewhere. */
    bool (*follow)(struct redis *r, struct redis_server *from, struct redis_command *c,
                   struct span error);
    struct redis_guide *guide; /* NULL: the address of the one is known */
    struct redis_place master; /* where the Sentinels say that it is */
    struct list all;           /* the commands that are not answered yet */
    struct list later;         /* commands that a server wants to be asked again */
    struct list failed;        /* are answered with their `why` at the end of the loop's turn */
    struct deferred tell_failed;
    struct timer *tick; /* while commands wait anywhere */
    bool ticking;
    struct redis_counts counts;
    bool up;
    uint64_t told; /* a bit for each enum err that was logged since it was up */
    uint64_t complained[REDIS_TROUBLES]; /* loop_now of the last line about each; 0: none */
    /* The first greeting, for which redis_new waits. */
    enum { STARTING, STARTED, REFUSED } start;
    uint64_t patience; /* until when a server may load its data */
    enum err why;
    char *text;
    size_t size;
};

/* ---- redis_ways.c: the ways of a command ---- */

/* A server of r, connecting from now on. NULL: no memory, or too many. */
struct redis_server *redis_add_server(struct redis *r, const struct redis_place *place);
/* Sends a command to the server that it belongs to, or answers it soon. */
void redis_dispatch(struct redis *r, struct redis_command *c);
/* Answers the command and frees it; the last thing that its caller does. */
void redis_finish(struct redis *r, struct redis_command *c, enum err why,
                  const struct redis_reply *reply);
void redis_fail_soon(struct redis *r, struct redis_command *c);
void redis_ask_later(struct redis *r, struct redis_command *c); /* asks again in a moment */
void redis_tell_failed(void *r);
void redis_on_tick(void *r);
/* Looks anew whether all servers answer. */
void redis_set_up(struct redis *r);
/* Nobody could be reached, or nobody will do: the end of the start, or another reason to wait. */
void redis_in_vain(struct redis *r, enum err why, const char *text);

/* ---- redis_shards.c: the masters of a Redis Cluster ---- */

enum err redis_begin_cluster(struct redis *r);
/* ---- redis_sentinel.c ---- */

enum err redis_begin_sentinel(struct redis *r);

#endif
