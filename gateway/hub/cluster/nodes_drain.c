/* A node that drains is gone for the others once they have learned it, with their next beats: until
 * then they would send clients here, where nobody lets them in any more. */
#include "gateway/hub/cluster/nodes_internal.h"

#define LOOK_MS 50 /* between two looks at the others' beats */

static void finish(struct nodes *n)
{
    void (*done)(void *owner) = n->drained;
    nodes_drain_end(n);
    done(n->o.owner);
}

static void mark(struct nodes *n)
{
    for (size_t i = 0; i < n->view.n; i++)
        n->view.nodes[i].marked = n->view.nodes[i].beat;
    n->marked = true;
}

static bool all_know(const struct nodes *n)
{
    for (size_t i = 0; i < n->view.n; i++) {
        const struct seen_node *s = &n->view.nodes[i];
        if (s->info.state != NODE_DEAD && s->beat == s->marked &&
            !span_is(span_of(s->name), n->name))
            return false;
    }
    return true;
}

static void look(void *owner)
{
    struct nodes *n = owner;
    if (!nodes_hear(n, &n->drain_waiter))
        finish(n);
}

/* The first answer is to a beat that said it. A node whose beat has changed since then has been
 * sent the answer, and reads it before it reads anything that it asks for later. */
static void on_heard(void *ctx, bool heard)
{
    struct nodes *n = ctx;
    if (n->drained == NULL)
        return;
    if (heard && !n->marked)
        mark(n);
    if (heard && !all_know(n) && loop_now(n->o.loop) < n->drain_until)
        timer_start(n->drain_timer, LOOK_MS);
    else
        finish(n);
}

void nodes_drain(struct nodes *n, void (*done)(void *owner))
{
    n->draining = true;
    n->drained = done;
    n->drain_until = loop_now(n->o.loop) + n->view.lease / 2;
    n->drain_waiter = (struct nodes_waiter){.done = on_heard, .ctx = n};
    n->drain_timer = timer_new(n->o.loop, look, n);
    if (n->drain_timer != NULL)
        look(n);
    else
        finish(n);
}
