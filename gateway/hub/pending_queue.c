#include "gateway/hub/pending_queue.h"

#include "core/base/map.h"

#include <stdlib.h>

enum { LANE_NEW, LANE_KNOWN, LANES };

struct lane {
    struct list node;  /* on the lane's ring while a slot waits */
    struct list slots; /* slots that wait, the first to come first */
    struct pending_origin *origin;
};

struct pending_origin {
    struct ip ip;
    size_t n;
    struct list theirs; /* slots in PENDING_PEER, the longest silent first */
    struct list ours;
    struct lane lanes[LANES];
};

struct pending_queue {
    struct pending_queue_options o;
    struct map origins;
    struct list rings[LANES]; /* of struct lane */
    int next;                 /* the lane whose turn it is */
    size_t n;
};

struct pending_queue *pending_queue_new(const struct pending_queue_options *o)
{
    struct pending_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->o = *o;
    for (int i = 0; i < LANES; i++)
        list_init(&queue->rings[i]);
    return queue;
}

void pending_queue_free(struct pending_queue *queue)
{
    if (queue == NULL)
        return;
    map_free(&queue->origins);
    free(queue);
}

size_t pending_queue_size(const struct pending_queue *queue)
{
    return queue->n;
}

/* ---- origins ---- */

static struct pending_origin *origin_new(struct pending_queue *queue, struct ip ip)
{
    struct pending_origin *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->ip = ip;
    list_init(&o->theirs);
    list_init(&o->ours);
    for (int i = 0; i < LANES; i++) {
        list_init(&o->lanes[i].node);
        list_init(&o->lanes[i].slots);
        o->lanes[i].origin = o;
    }
    if (map_put(&queue->origins, &o->ip, sizeof o->ip, o))
        return o;
    free(o);
    return NULL;
}

static struct pending_origin *find(const struct pending_queue *queue, struct ip ip)
{
    return map_get(&queue->origins, &ip, sizeof ip);
}

/* ---- displacement ---- */

static struct pending_slot *first(const struct list *l)
{
    return list_empty(l) ? NULL : list_entry(l->next, struct pending_slot, node);
}

static struct pending_slot *last(const struct list *l)
{
    return list_empty(l) ? NULL : list_entry(l->prev, struct pending_slot, node);
}

/* The slot that a new connection of the same origin may displace: only one that has been silent for
 * too long, so that a handshake that has begun can be completed whatever else comes from there. */
static struct pending_slot *impatient(const struct pending_queue *queue,
                                      const struct pending_origin *o, uint64_t now)
{
    struct pending_slot *slot = first(&o->theirs);
    return slot != NULL && now - slot->since >= queue->o.patience_ms ? slot : NULL;
}

/* The slot that a connection of an origin with fewer slots displaces: the one that has been silent
 * for longest, else the last to come. */
static struct pending_slot *most_dispensable(const struct pending_origin *o)
{
    struct pending_slot *slot = first(&o->theirs);
    if (slot == NULL)
        slot = last(&o->lanes[LANE_NEW].slots);
    return slot != NULL ? slot : last(&o->lanes[LANE_KNOWN].slots);
}

static uint64_t since(const struct pending_origin *o)
{
    const struct pending_slot *slot = first(&o->theirs);
    return slot != NULL ? slot->since : UINT64_MAX;
}

/* The origin with the most slots; among equals, the one with the longest silence. */
static struct pending_origin *largest(const struct pending_queue *queue)
{
    struct pending_origin *most = NULL, *o;
    size_t at = 0;
    while ((o = map_next(&queue->origins, &at)) != NULL)
        if (most == NULL || o->n > most->n || (o->n == most->n && since(o) < since(most)))
            most = o;
    return most;
}

static bool is_full(const struct pending_queue *queue, const struct pending_origin *o, bool exempt)
{
    return o != NULL && !exempt && queue->o.per_origin > 0 && o->n >= queue->o.per_origin;
}

enum pending_queue_admits pending_queue_admits(struct pending_queue *queue, struct ip origin,
                                               bool exempt, uint64_t now,
                                               struct pending_slot **victim)
{
    const struct pending_origin *own = find(queue, origin);
    bool many = is_full(queue, own, exempt);
    *victim = NULL;
    if (!many && queue->n < queue->o.max)
        return PENDING_QUEUE_SPACE;
    const struct pending_origin *most = many ? own : largest(queue);
    if (own != NULL && own->n >= most->n)
        *victim = impatient(queue, own, now);
    else if (most != NULL)
        *victim = most_dispensable(most);
    return *victim != NULL ? PENDING_QUEUE_SPACE
           : many          ? PENDING_QUEUE_ORIGIN_FULL
                           : PENDING_QUEUE_FULL;
}

/* ---- slots ---- */

bool pending_queue_enter(struct pending_queue *queue, struct pending_slot *slot, struct ip origin,
                         uint64_t now)
{
    struct pending_origin *o = find(queue, origin);
    if (o == NULL)
        o = origin_new(queue, origin);
    if (o == NULL)
        return false;
    list_init(&slot->node);
    slot->origin = o;
    o->n++;
    queue->n++;
    pending_await_peer(slot, now);
    return true;
}

/* Takes each lane in which no slot waits any more off its ring. */
static void tidy(struct pending_origin *o)
{
    for (int i = 0; i < LANES; i++)
        if (list_empty(&o->lanes[i].slots))
            list_remove(&o->lanes[i].node);
}

void pending_queue_leave(struct pending_queue *queue, struct pending_slot *slot)
{
    struct pending_origin *o = slot->origin;
    list_remove(&slot->node);
    tidy(o);
    slot->origin = NULL;
    queue->n--;
    if (--o->n > 0)
        return;
    map_remove(&queue->origins, &o->ip, sizeof o->ip);
    free(o);
}

enum pending_queue_admits pending_queue_move(struct pending_queue *queue, struct pending_slot *slot,
                                             struct ip origin, bool exempt, uint64_t now,
                                             struct pending_slot **victim)
{
    struct pending_origin *own = find(queue, origin);
    *victim = NULL;
    if (own != NULL && own == slot->origin)
        return PENDING_QUEUE_SPACE;
    if (is_full(queue, own, exempt) && (*victim = impatient(queue, own, now)) == NULL)
        return PENDING_QUEUE_ORIGIN_FULL;
    struct pending_slot moved = {.since = now};
    if (!pending_queue_enter(queue, &moved, origin, now))
        return PENDING_QUEUE_FULL;
    pending_queue_leave(queue, slot);
    list_remove(&moved.node);
    slot->origin = moved.origin;
    pending_await_peer(slot, now);
    return PENDING_QUEUE_SPACE;
}

static void move(struct pending_slot *slot, struct list *to, enum pending_state state)
{
    list_append(to, &slot->node);
    slot->state = state;
    tidy(slot->origin);
}

void pending_await_peer(struct pending_slot *slot, uint64_t now)
{
    slot->since = now;
    move(slot, &slot->origin->theirs, PENDING_PEER);
}

void pending_await_us(struct pending_slot *slot)
{
    move(slot, &slot->origin->ours, PENDING_US);
}

void pending_await_turn(struct pending_queue *queue, struct pending_slot *slot, bool known)
{
    int number = known ? LANE_KNOWN : LANE_NEW;
    struct lane *lane = &slot->origin->lanes[number];
    move(slot, &lane->slots, PENDING_TURN);
    if (!list_is_on(&lane->node))
        list_append(&queue->rings[number], &lane->node);
}

struct pending_slot *pending_queue_next(struct pending_queue *queue)
{
    if (list_empty(&queue->rings[queue->next]))
        queue->next = (queue->next + 1) % LANES;
    struct list *ring = &queue->rings[queue->next];
    if (list_empty(ring))
        return NULL;
    struct lane *lane = list_entry(ring->next, struct lane, node);
    struct pending_slot *slot = first(&lane->slots);
    list_append(ring, &lane->node);
    pending_await_us(slot);
    queue->next = (queue->next + 1) % LANES;
    return slot;
}
