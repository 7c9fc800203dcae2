/* Replies of Redis, read with bounds: a server that answers without end costs its connection.
 * Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_REPLY_H
#define GATEWAY_HUB_REDIS_REDIS_REPLY_H

#include "gateway/hub/redis/redis.h"

#define REDIS_REPLY_MAX 16777216 /* bytes of memory that one reply may take */

enum redis_type { REDIS_TEXT = 1, REDIS_LIST, REDIS_INTEGER, REDIS_NIL, REDIS_STATUS, REDIS_ERROR };

struct redis_reply {
    enum redis_type type;
    int64_t integer;
    struct span text; /* terminated */
    size_t n;
    struct redis_reply **items;
};

struct reply_reader;
struct reply_reader *reply_reader_new(void); /* NULL: no memory */
void reply_reader_free(struct reply_reader *r);
bool reply_reader_feed(struct reply_reader *r, const uint8_t *p, size_t n); /* false: no memory */
/* ERR_OK with *reply, or NULL when more has to come; ERR_PROTOCOL: that is not Redis;
 * ERR_TOO_LARGE. After an error the reader is of no use. */
enum err reply_reader_next(struct reply_reader *r, struct redis_reply **reply);
void redis_reply_free(struct redis_reply *reply);

#endif
