/* The ends of a tunnel that are here: from the first one that is let in to the last one whose
 * registration has come back. Those who watch the hub see it as one tunnel
 * (struct monitor_hub_tunnel).
 *
 * A map of the main thread's holds all of them by the tunnel's id; the traffic alone belongs to
 * workers, who count in it as long as they have a registration. A presence may outlive its tunnel,
 * which can be deleted while its ends are being sent away. */
#ifndef GATEWAY_HUB_PRESENCE_H
#define GATEWAY_HUB_PRESENCE_H

#include "core/base/map.h"
#include "core/control/monitor.h"
#include "gateway/hub/registry/record.h"
#include "gateway/hub/relay/relay_end.h"

struct presence {
    struct traffic traffic;             /* first; registrations point to it */
    struct map *all;                    /* the map that it is in */
    size_t home;                        /* the worker that relays it */
    size_t present;                     /* registrations that are out */
    uint64_t end[SIDE_COUNT];           /* serial of the end that holds the side; 0: none */
    uint64_t shown[SIDE_COUNT];         /* of the end whose address is shown; 0: gone */
    struct monitor_hub_tunnel *watched; /* NULL: nobody watches */
    bool met;                           /* both sides were held at once */
    enum err why;                       /* why the side that became free last did, */
    char text[128];                     /* in words, */
    bool dismissed;                     /* and whether it was sent away */
    char tunnel[];                      /* its id, the key in the map */
};

/* The tunnel's, in that map (struct presence by id); made, without ends and at that worker, when
 * there is none. NULL: no memory. */
struct presence *presence_get(struct map *all, const char *tunnel, size_t home);
struct presence *presence_find(const struct map *all, const char *tunnel); /* NULL: none */
void presence_free(struct presence *p); /* those who watch see its end */
void presences_free(struct map *all);   /* each, and the map */

static inline struct presence *presence_of(const struct registration *t)
{
    return (struct presence *)t->traffic;
}

/* One more end: it gets t and holds its side from now on. r: of its tunnel. */
void presence_join(struct presence *p, struct monitor *m, const struct tunnel_record *r,
                   struct registration *t);
/* Whoever holds that side has lost it, and is told so. False: nobody did. */
bool presence_dismiss(struct presence *p, enum side side, enum err why, const char *text);
/* A registration has come back; with the last one p is free to go. True: it held its side. */
bool presence_leave(struct presence *p, const struct end_report *d);
/* Nobody watches any more: each has ended for those who did. */
void presences_unwatch(const struct map *all);

#endif
