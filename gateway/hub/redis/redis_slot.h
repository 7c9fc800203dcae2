/* The slots of Redis Cluster, and its errors that name another server. Pure. Private to the folder.
 */
#ifndef GATEWAY_HUB_REDIS_REDIS_SLOT_H
#define GATEWAY_HUB_REDIS_REDIS_SLOT_H

#include "core/base/str.h"

#define REDIS_SLOTS 16384

/* The slot of a key: of what stands between its first { and the } after it, unless that is nothing
 * (Redis Cluster specification, "Hash tags"). */
uint16_t redis_slot(struct span key);

/* "MOVED 3999 host:port" and "ASK 3999 host:port". host is cut off after 255 bytes; "" stands for
 * the server that said it. False: it is none of these. */
struct redis_redirect {
    uint16_t slot;
    char host[256];
    int port;
};
bool redis_redirect_read(struct span error, struct redis_redirect *out);

#endif
