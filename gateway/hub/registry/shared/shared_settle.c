/* Makes Redis agree with the ends that are here, and this node with what others have changed: one
 * job for both, whenever an end comes or leaves, another node gives a hint, a minute has passed, or
 * this node has a new epoch. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdio.h>
#include <string.h>

/* Those of a closed tunnel are leaving. */
static bool is_here(const struct job *j, int side)
{
    const struct held *h = held_find(j->shared, span_of(j->id));
    return h != NULL && h->here[side] && j->seen.r.record.closed == 0;
}

/* When the end came or left, which may be a while ago if Redis was away. */
static int64_t changed_at(const struct job *j, int side, bool here)
{
    const struct held *h = held_find(j->shared, span_of(j->id));
    const struct record_side *s = h != NULL ? &h->record.sides[side] : NULL;
    return s != NULL && s->connected == here && s->changed != 0 ? s->changed
                                                                : shared_now(j->shared);
}

static bool set_states(struct job *j)
{
    bool differs = false;
    for (int side = 0; side < SIDE_COUNT; side++) {
        struct record_side *s = &j->seen.r.record.sides[side];
        bool here = is_here(j, side);
        if (s->connected == here)
            continue;
        s->connected = here;
        s->changed = changed_at(j, side, here);
        differs = true;
    }
    return differs;
}

/* Claims the tunnel for the ends that are here, or gives it back when there are none. What a dead
 * node had is given back for it. */
static bool set_owner(struct job *j)
{
    bool here = is_here(j, SIDE_SOURCE) || is_here(j, SIDE_DESTINATION);
    const char *owner = here ? nodes_owner(j->shared->o.nodes) : "";
    if (strcmp(j->seen.owner, owner) == 0)
        return false;
    snprintf(j->seen.owner, sizeof j->seen.owner, "%s", owner);
    return true;
}

/* A node that drains has its tunnels until their ends have left, unless they come here. */
static bool is_others(const struct job *j, enum owner who)
{
    return who == OWNER_LIVE ||
           (who == OWNER_DRAINING && !is_here(j, SIDE_SOURCE) && !is_here(j, SIDE_DESTINATION));
}

/* The place of one that went idle has to be given back: its place ends with its lifetime. */
static void give_back_place(struct job *j)
{
    char key[KEY_SIZE];
    const struct tunnel_record *t = &j->seen.r.record;
    if (t->closed == 0 || t->closed >= t->expires)
        return;
    key_open(key, t->key_id);
    shared_tell(j->shared, "ZREM", key, t->id);
}

static enum job_step decide(struct job *j)
{
    struct held *h = held_find(j->shared, span_of(j->id));
    j->why = ERR_OK;
    if (h != NULL)
        h->changed = false;
    if (!j->seen.there || is_others(j, seen_owner(j->shared, &j->seen)))
        return JOB_DONE;
    give_back_place(j);
    bool states = set_states(j), owner = set_owner(j);
    return states || owner ? JOB_PUT : JOB_DONE;
}

/* Without Redis, what is known has to do for the tunnel's end. */
static void end_without(struct shared *s, struct held *h)
{
    if (h->record.closed == 0 && held_due(h) <= shared_now(s)) {
        observe_expired(s, h);
    } else {
        held_arrange(s, h);
        list_append(&s->unsettled, &h->unsettled);
    }
}

static void end(struct job *j)
{
    struct shared *s = j->shared;
    struct held *h = held_find(s, span_of(j->id));
    if (h == NULL || j->why == ERR_SHUTDOWN)
        return;
    h->settling = false;
    s->failed = s->failed || j->why != ERR_OK;
    if (j->why != ERR_OK)
        end_without(s, h);
    else if (h->changed)
        settle(s, j->id);
}

static const struct job_kind settling = {.decide = decide, .end = end, .keep = true};

void settle(struct shared *s, const char *id)
{
    struct held *h = held_find(s, span_of(id));
    enum err why;
    if (h != NULL) {
        h->changed = true;
        h->looked_at = loop_now(s->o.loop);
        list_append(&s->order, &h->node);
        if (h->settling)
            return;
    }
    struct job *j = job_new(s, &settling, sizeof *j, span_of(id), &why);
    if (j == NULL) {
        if (h != NULL)
            list_append(&s->unsettled, &h->unsettled);
        return;
    }
    if (h != NULL) {
        h->settling = true;
        list_remove(&h->unsettled);
    }
    job_start(j);
}

void settle_connected(struct registry *r, struct span id, enum side side, bool connected)
{
    struct shared *s = shared_of(r);
    struct held *h = held_find(s, id);
    if (h == NULL || h->here[side] == connected)
        return;
    struct record_side *state = &h->record.sides[side];
    h->here[side] = connected;
    bool known = state->connected == connected && nodes_is_self(s->o.nodes, h->owner);
    if (state->connected != connected) {
        state->connected = connected;
        state->changed = shared_now(s);
    }
    held_arrange(s, h);
    if (!known)
        settle(s, h->record.id);
}

void settle_look(struct registry *r, const char *id)
{
    struct shared *s = shared_of(r);
    if (held_find(s, span_of(id)) != NULL)
        settle(s, id);
}

/* As many at a time as a tick takes; the others wait for their turn. */
void settle_reclaim(struct registry *r)
{
    struct shared *s = shared_of(r);
    list_each(node, &s->order)
    {
        struct held *h = list_entry(node, struct held, node);
        if (held_has_ends(h))
            list_append(&s->unsettled, &h->unsettled);
    }
    timer_start(s->tick, 0);
}
