/* The tunnels of one gateway, each a session with its link to the hub, and where host names lead in
 * them. */
#ifndef GATEWAY_SOURCE_TUNNELS_H
#define GATEWAY_SOURCE_TUNNELS_H

#include "core/config/services.h"
#include "gateway/common/tunnel_end.h"
#include "gateway/source/forward.h"
#include "gateway/source/names.h"
#include "gateway/source/service_traits.h"

#define TUNNELS_MAX 512               /* of both kinds */
#define TUNNELS_GRACE_AUTO UINT64_MAX /* two round trips and 150 ms, at most 1 s */

struct tunnels;

struct tunnels_options {
    struct monitor *monitor;             /* or NULL; must outlive them */
    struct forwards *forwards;           /* must be freed before the tunnels */
    const struct names *names;           /* must live until the next tunnels_rules, or the end */
    uint64_t grace_ms;                   /* or TUNNELS_GRACE_AUTO */
    size_t memory;                       /* bytes for all that waits in the queues of all tunnels */
    const struct service_traits *traits; /* of services; lives as long as names */
    /* Every configured tunnel is over. why: ERR_TUNNEL_CLOSED when the hub closed the last one in
     * good order; ERR_TOKEN_REPLACED when one of them goes on with another token. */
    void (*finished)(void *owner, enum err why);
    void *owner;
};
struct tunnels *tunnels_new(struct loop *loop, const struct tunnels_options *o); /* NULL: memory */
void tunnels_free(struct tunnels *t);

struct tunnel_options {
    const char *name;              /* "": the nameless tunnel */
    struct tunnel_end_options end; /* loop, monitor, memory, name and title are not looked at */
    const struct services *map;    /* listening ports; NULL: none */
    bool assign; /* The other services get listening ports that the system chooses. */
    /* Not NULL: the tunnel was opened on demand. It follows all others in tunnels_list, `finished`
     * does not wait for it, and `owner`, which no other one has, says which it is. over: there will
     * be no further try; may call tunnels_drop. */
    void (*over)(void *owner, enum err why, const char *text);
    void *owner;
};
/* Adds a tunnel and starts its link. ERR_LIMIT: there are TUNNELS_MAX. All errors come with a
 * sentence in text. end.ready is taken over in any case. */
enum err tunnels_add(struct tunnels *t, const struct tunnel_options *o, char *text, size_t size);

/* Goes on with fresh names, traits and grace time. What clients were told stays. */
void tunnels_rules(struct tunnels *t, const struct tunnels_options *fresh);
/* The tunnel of o's name goes on with o's hub, whose certificates are read again (link_change),
 * limits and times; the rest of o is not looked at. ERR_NOT_FOUND: there is no such tunnel. Other
 * errors come with a sentence in text, and nothing is changed. */
enum err tunnels_change(struct tunnels *t, const struct tunnel_options *o, char *text, size_t size);
/* Removes the configured tunnel of that name; its connections end with ERR_TUNNEL_CLOSED. */
void tunnels_remove(struct tunnels *t, const char *name);
/* The same for the one that was opened on demand by that owner. */
void tunnels_drop(struct tunnels *t, const void *owner);
/* No name leads to the tunnel of that owner any more; its connections stay. */
void tunnels_hide(struct tunnels *t, const void *owner);

/* As forward_resolve. devices: names that no tunnel answers may be devices'. *answer: what the name
 * says, also when it leads nowhere. */
enum err tunnels_look(struct tunnels *t, const struct forward_question *q, bool devices,
                      struct forward_target *out, struct names_answer *answer,
                      char text[FORWARD_TEXT]);
/* A forward_resolve whose owner is the struct tunnels. */
enum err tunnels_resolve(void *tunnels, const struct forward_question *q,
                         struct forward_target *out, char text[FORWARD_TEXT]);

/* Lists the tunnels as names.h takes them; the array lives until the next call or event. */
size_t tunnels_list(struct tunnels *t, const struct names_tunnel **list);
bool tunnels_is_up(const struct tunnels *t, size_t i);
/* The i-th tunnel is up, and its hub says that the device is not connected. */
bool tunnels_has_no_device(const struct tunnels *t, size_t i);
/* The i-th tunnel's, of tunnel_options; NULL: it was not opened on demand. */
void *tunnels_owner(const struct tunnels *t, size_t i);
/* Present connections of the i-th tunnel. */
size_t tunnels_connections(const struct tunnels *t, size_t i);

#endif
