/* The services of a tunnel: what SERVICE_IDS said, the stream that V1 to V3 have open on each, and
 * which one a frame means. Pure. */
#ifndef CORE_TUNNEL_SERVICE_LIST_H
#define CORE_TUNNEL_SERVICE_LIST_H

#include "core/base/list.h"
#include "core/tunnel/frame.h"

struct service {
    char *id;       /* This is "" on a tunnel without services. */
    int32_t stream; /* V1 to V3: this stream is open; 0: none is. */
    int32_t orphan; /* The far end of this stream has left: its reset is no end. */
    bool nameless;  /* The stream was opened without a service id (V1). */
    bool numbered;  /* The stream was opened with a connection id (V3). */
    uint32_t last_connection;
    struct list conns; /* Live connections. */
    size_t live;       /* There are so many of them. */
};

struct service_list {
    struct service *all;
    const char **ids; /* Callers get these; n_ids is 0 when the only service is "". */
    size_t n, n_ids;
};

/* Takes the list of a SERVICE_IDS, whose ids are right or empty; an empty list is one service
 * without a name. False: memory; free what there is. */
bool service_list_take(struct service_list *s, const struct frame *f);
void service_list_free(struct service_list *s); /* without connections; empty afterwards */
bool service_list_same(const struct service_list *s, const struct frame *f);
/* The list stays, for connections that are still there; what the protocol said of it does not. */
void service_list_renew(struct service_list *s);
/* The far end of all streams has left. */
void service_list_orphan(struct service_list *s);
/* An empty id means the only service there is (in version 1: the first); with several, the one
 * whose stream has that id and was opened without a name. NULL: none. */
struct service *service_list_find(const struct service_list *s, int version, struct span id,
                                  int32_t stream);

#endif
