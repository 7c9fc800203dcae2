/* One command on its way to an answer. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_COMMAND_H
#define GATEWAY_HUB_REDIS_REDIS_COMMAND_H

#include "core/base/buf.h"
#include "gateway/hub/redis/redis.h"

#define REDIS_SLOT_ANY UINT16_MAX

struct redis_command {
    struct list node; /* of where it waits for the next step */
    struct list all;  /* of all that their client has */
    struct buf text;  /* as it is sent (RESP) */
    /* LOOK: redis_greet_look's; SILENT: its answer is nobody's */
    enum { REDIS_ASKED, REDIS_GREETING, REDIS_LOOK, REDIS_SILENT } kind;
    redis_done *done;
    void *ctx;
    enum err why;      /* ERR_BUSY, or why it cannot be sent */
    uint64_t until;    /* loop's ms: ERR_BUSY after that */
    uint64_t again;    /* waits until then, when a server asked for another try */
    uint64_t sent;     /* when it was sent last */
    uint16_t slot;     /* which shard of a Redis Cluster has its key */
    uint8_t tries;     /* answers that asked for another try */
    uint8_t losses;    /* connections that were lost while it was unanswered */
    uint8_t redirects; /* to other servers */
    bool asking;       /* the next try goes ahead of a move of its slot */
};

/* `why` is set when there are too many arguments or bytes (ERR_TOO_LARGE). NULL: no memory. */
struct redis_command *redis_command_new(const struct span *args, size_t n);
void redis_command_free(struct redis_command *c); /* wipes it: it may be a password's */

#endif
