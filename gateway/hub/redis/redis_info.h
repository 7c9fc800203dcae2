/* What a server says of itself (INFO), and what its errors mean. Pure. Private to the folder. */
#ifndef GATEWAY_HUB_REDIS_REDIS_INFO_H
#define GATEWAY_HUB_REDIS_REDIS_INFO_H

#include "gateway/hub/redis/redis_url.h"

#include "core/base/str.h"

#define REDIS_VERSION_MIN 7 /* the first one with functions */

struct redis_info {
    bool redis; /* it tells a version */
    unsigned major;
    char version[24], policy[32];
    bool loading, replica, cluster, sentinel, appends;
    bool needs_replicas; /* min-replicas-to-write is set */
};
void redis_info_read(struct span text, struct redis_info *out);
/* Whether a server of that kind of address will do. `lasting` is set when what is wrong would also
 * endanger what it answers now (it is another kind of server, or a replica); otherwise only what it
 * keeps (it may evict, it does not append to a file, it takes writes without replicas).
 * ERR_PROTOCOL with the end of a sentence that begins with the server's name. */
enum err redis_info_check(const struct redis_info *i, enum redis_kind kind, bool *lasting,
                          char *text, size_t size);

/* What to do about an error. */
enum redis_trouble {
    REDIS_WAIT,     /* ask again in a moment */
    REDIS_FULL,     /* no memory, or its disk does not take what it writes */
    REDIS_MOVED,    /* the slot is elsewhere, for good */
    REDIS_ASK,      /* and for this command */
    REDIS_READONLY, /* it is no master any more */
    REDIS_NO_FUNCTION,
    REDIS_DENIED, /* password, rights */
    REDIS_OTHER,
    REDIS_TROUBLES
};
enum redis_trouble redis_trouble(struct span error);

#endif
