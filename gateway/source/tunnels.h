/* The tunnels of one gateway: a session with its link to the hub each, and where a host name leads
 * in them. */
#ifndef GATEWAY_SOURCE_TUNNELS_H
#define GATEWAY_SOURCE_TUNNELS_H

#include "core/config/hub_config.h"
#include "core/config/services.h"
#include "gateway/source/forward.h"
#include "gateway/source/names.h"
#include "gateway/source/service_traits.h"

#define TUNNELS_GRACE_AUTO UINT64_MAX /* two round trips and 150 ms, at most 1 s */

struct tunnels;

struct tunnels_options {
    struct monitor *monitor;             /* or NULL; must outlive them */
    struct forwards *forwards;           /* must be freed before the tunnels */
    const struct names *names;           /* must outlive them, or the next tunnels_rules */
    uint64_t grace_ms;                   /* or TUNNELS_GRACE_AUTO */
    size_t memory;                       /* bytes for all that waits in queues, of all of them */
    const struct service_traits *traits; /* of services; the same */
    /* No tunnel is left. why: ERR_TUNNEL_CLOSED when the hub closed the last one in good order;
     * ERR_TOKEN_REPLACED when one of them goes on with another token. */
    void (*finished)(void *owner, enum err why);
    void *owner;
};
struct tunnels *tunnels_new(struct loop *loop, const struct tunnels_options *o); /* NULL: memory */
void tunnels_free(struct tunnels *t);

struct tunnel_options {
    const char *name; /* "": the nameless one */
    const struct hub_config *hub;
    int version;                /* 1, 2 or 3 */
    bool native;                /* native sessions are offered to the hub */
    uint64_t linger_ms;         /* 0: the session's default */
    uint64_t stall_ms;          /* 0: the session's default */
    uint64_t resume_ms;         /* 0: the session's default */
    size_t max_connections;     /* at once in one service; 0: the session's default */
    const struct services *map; /* listening ports; NULL: none */
    bool assign;                /* listening ports of the system's choice for the rest */
};
/* Starts its link. ERR_USAGE and others with a sentence in text. */
enum err tunnels_add(struct tunnels *t, const struct tunnel_options *o, char *text, size_t size);

/* Other names, traits and grace from now on. What clients were told stays. */
void tunnels_rules(struct tunnels *t, const struct tunnels_options *fresh);
/* The one of that name goes on by o's hub, which includes certificates that are read again
 * (link_change), and by o's limits and times; the rest of o is not looked at. ERR_NOT_FOUND: there
 * is none; others with a sentence in text, and nothing is changed. */
enum err tunnels_change(struct tunnels *t, const struct tunnel_options *o, char *text, size_t size);
/* The one of that name goes, and its connections end with ERR_TUNNEL_CLOSED. */
void tunnels_remove(struct tunnels *t, const char *name);

/* A forward_resolve with the tunnels as owner. */
enum err tunnels_resolve(void *tunnels, const struct forward_question *q,
                         struct forward_target *out, char text[FORWARD_TEXT]);

/* As names.h wants to see them; the array lives until the next call or event. */
size_t tunnels_list(struct tunnels *t, const struct names_tunnel **list);
bool tunnels_is_up(const struct tunnels *t, size_t i);
/* It is up, and its hub says that the device is not connected. */
bool tunnels_has_no_device(const struct tunnels *t, size_t i);
/* Connections of the i-th one at present. */
size_t tunnels_connections(const struct tunnels *t, size_t i);

#endif
