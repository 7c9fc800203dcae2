/* Private to the set of tunnels: tunnels.c keeps them, tunnels_list.c lists them, tunnels_events.c
 * has what happens in one, tunnels_resolve.c says where a name leads. */
#ifndef GATEWAY_SOURCE_TUNNELS_INTERNAL_H
#define GATEWAY_SOURCE_TUNNELS_INTERNAL_H

#include "core/base/budget.h"
#include "gateway/common/tunnel_end.h"
#include "gateway/source/mappings.h"
#include "gateway/source/tunnels.h"

struct tunnel {
    struct list retired;    /* in the set's; else it is in `all` */
    struct timer *retiring; /* of one that is retired */
    struct tunnels *set;
    char *name;
    char title[160]; /* for the log: "tunnel plant7", or "tunnel" for the nameless one */
    struct tunnel_end *end;
    struct session *session;        /* of the end */
    struct mappings *mappings;      /* or NULL */
    struct monitor_tunnel *watched; /* of the end; NULL: nobody watches, or it is retired */
    struct buf told;                /* the services that were logged last */
    bool told_once;
    enum { DEVICE_UNKNOWN, DEVICE_HERE, DEVICE_AWAY } device; /* as was told last */
    struct timer *absence; /* runs while a device that is not there is awaited */
    void (*over)(void *owner, enum err why, const char *text); /* NULL: a configured one */
    void *owner;
    bool hidden; /* no name leads there */
};

struct tunnels {
    struct budget budget;
    struct loop *loop;
    struct monitor *monitor;
    struct forwards *forwards;
    const struct names *names;
    uint64_t grace_ms;
    const struct service_traits *traits;
    void (*finished)(void *owner, enum err why);
    void *owner;
    struct tunnel **all;       /* the configured ones first */
    struct names_tunnel *list; /* as many as `all` has room for */
    size_t n, room;
    struct list retired;
    bool freeing;
};

/* ---- tunnels_list.c ---- */

size_t tunnels_index(const struct tunnel *t);

/* ---- tunnels_events.c ---- */

/* Whose owner is a struct tunnel. */
extern const struct tunnel_end_events tunnels_end_events;
/* The timer `absence` of a struct tunnel: its device was awaited in vain. */
void tunnels_on_absence(void *owner);
/* Tells the dashboard of all services anew: a host name that leads to one depends on what the other
 * tunnels have. */
void tunnels_show(struct tunnels *set);

#endif
