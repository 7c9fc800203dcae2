#include "gateway/hub/pending_queue.h"

#include "core/base/map.h"

#include <stdlib.h>

enum { LANE_NEW, LANE_KNOWN, LANES };

struct lane {
    struct list node;   /* on the lane's ring while somebody waits */
    struct list guests; /* who wait, the first to come first */
    struct lobby_origin *origin;
};

struct lobby_origin {
    struct ip ip;
    size_t n;
    struct list theirs; /* GUEST_THEIRS, those who are silent for longest first */
    struct list ours;
    struct lane lanes[LANES];
};

struct lobby {
    struct lobby_options o;
    struct map origins;
    struct list rings[LANES]; /* of struct lane */
    int next;                 /* the lane whose turn it is */
    size_t n;
};

struct lobby *lobby_new(const struct lobby_options *o)
{
    struct lobby *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->o = *o;
    for (int i = 0; i < LANES; i++)
        list_init(&l->rings[i]);
    return l;
}

void lobby_free(struct lobby *l)
{
    if (l == NULL)
        return;
    map_free(&l->origins);
    free(l);
}

size_t lobby_size(const struct lobby *l)
{
    return l->n;
}

/* ---- origins ---- */

static struct lobby_origin *origin_new(struct lobby *l, struct ip ip)
{
    struct lobby_origin *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->ip = ip;
    list_init(&o->theirs);
    list_init(&o->ours);
    for (int i = 0; i < LANES; i++) {
        list_init(&o->lanes[i].node);
        list_init(&o->lanes[i].guests);
        o->lanes[i].origin = o;
    }
    if (map_put(&l->origins, &o->ip, sizeof o->ip, o))
        return o;
    free(o);
    return NULL;
}

static struct lobby_origin *find(const struct lobby *l, struct ip ip)
{
    return map_get(&l->origins, &ip, sizeof ip);
}

/* ---- who has to go ---- */

static struct guest *first(const struct list *l)
{
    return list_empty(l) ? NULL : list_entry(l->next, struct guest, node);
}

static struct guest *last(const struct list *l)
{
    return list_empty(l) ? NULL : list_entry(l->prev, struct guest, node);
}

/* For a newcomer of the same origin: only one who has been silent for too long, so that those who
 * have begun can come to an end whatever else comes from there. */
static struct guest *impatient(const struct lobby *l, const struct lobby_origin *o, uint64_t now)
{
    struct guest *g = first(&o->theirs);
    return g != NULL && now - g->since >= l->o.patience_ms ? g : NULL;
}

/* For a newcomer of an origin that has fewer: who is silent for longest, else the last to come. */
static struct guest *most_dispensable(const struct lobby_origin *o)
{
    struct guest *g = first(&o->theirs);
    if (g == NULL)
        g = last(&o->lanes[LANE_NEW].guests);
    return g != NULL ? g : last(&o->lanes[LANE_KNOWN].guests);
}

static uint64_t since(const struct lobby_origin *o)
{
    const struct guest *g = first(&o->theirs);
    return g != NULL ? g->since : UINT64_MAX;
}

/* Of those that have as many, the one with the longest silence. */
static struct lobby_origin *largest(const struct lobby *l)
{
    struct lobby_origin *most = NULL, *o;
    size_t at = 0;
    while ((o = map_next(&l->origins, &at)) != NULL)
        if (most == NULL || o->n > most->n || (o->n == most->n && since(o) < since(most)))
            most = o;
    return most;
}

enum lobby_room lobby_room(struct lobby *l, struct ip origin, bool exempt, uint64_t now,
                           struct guest **victim)
{
    const struct lobby_origin *own = find(l, origin);
    bool many = own != NULL && !exempt && l->o.per_origin > 0 && own->n >= l->o.per_origin;
    *victim = NULL;
    if (!many && l->n < l->o.max)
        return LOBBY_ROOM;
    const struct lobby_origin *most = many ? own : largest(l);
    if (own != NULL && own->n >= most->n)
        *victim = impatient(l, own, now);
    else if (most != NULL)
        *victim = most_dispensable(most);
    return *victim != NULL ? LOBBY_ROOM : many ? LOBBY_ORIGIN_FULL : LOBBY_FULL;
}

/* ---- guests ---- */

bool lobby_enter(struct lobby *l, struct guest *g, struct ip origin, uint64_t now)
{
    struct lobby_origin *o = find(l, origin);
    if (o == NULL)
        o = origin_new(l, origin);
    if (o == NULL)
        return false;
    list_init(&g->node);
    g->origin = o;
    o->n++;
    l->n++;
    lobby_theirs(g, now);
    return true;
}

/* Takes a lane off its ring when nobody waits in it any more. */
static void tidy(struct lobby_origin *o)
{
    for (int i = 0; i < LANES; i++)
        if (list_empty(&o->lanes[i].guests))
            list_remove(&o->lanes[i].node);
}

void lobby_leave(struct lobby *l, struct guest *g)
{
    struct lobby_origin *o = g->origin;
    list_remove(&g->node);
    tidy(o);
    g->origin = NULL;
    l->n--;
    if (--o->n > 0)
        return;
    map_remove(&l->origins, &o->ip, sizeof o->ip);
    free(o);
}

static void move(struct guest *g, struct list *to, enum guest_state state)
{
    list_append(to, &g->node);
    g->state = state;
    tidy(g->origin);
}

void lobby_theirs(struct guest *g, uint64_t now)
{
    g->since = now;
    move(g, &g->origin->theirs, GUEST_THEIRS);
}

void lobby_ours(struct guest *g)
{
    move(g, &g->origin->ours, GUEST_OURS);
}

void lobby_waits(struct lobby *l, struct guest *g, bool known)
{
    int number = known ? LANE_KNOWN : LANE_NEW;
    struct lane *lane = &g->origin->lanes[number];
    move(g, &lane->guests, GUEST_WAITS);
    if (!list_is_on(&lane->node))
        list_append(&l->rings[number], &lane->node);
}

struct guest *lobby_next(struct lobby *l)
{
    if (list_empty(&l->rings[l->next]))
        l->next = (l->next + 1) % LANES;
    struct list *ring = &l->rings[l->next];
    if (list_empty(ring))
        return NULL;
    struct lane *lane = list_entry(ring->next, struct lane, node);
    struct guest *g = first(&lane->guests);
    list_append(ring, &lane->node);
    lobby_ours(g);
    l->next = (l->next + 1) % LANES;
    return g;
}
