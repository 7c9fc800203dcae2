#include "gateway/hub/registry/sweep.h"

#include "core/base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define TURN 256 /* tunnels that are closed together */

struct sweeping {
    struct registry *registry;
    struct sweep how;
    void *ctx;
    struct registry_page page;
    char ids[TURN][UUID_SIZE];
    size_t n;       /* of them, in this turn */
    size_t pending; /* closes that were not answered yet */
    bool more;      /* this turn did not reach the last tunnel */
    enum err why;
};

static void end(struct sweeping *s)
{
    struct sweep how = s->how;
    enum err why = s->why;
    void *ctx = s->ctx;
    free(s);
    how.done(ctx, why);
}

/* The newest ones that are left. */
static void begin_turn(struct sweeping *s)
{
    s->n = 0;
    s->more = false;
    registry_page(s->registry, &s->page, s);
}

static void answered(struct sweeping *s)
{
    if (--s->pending > 0)
        return;
    if (s->more && s->why == ERR_OK)
        begin_turn(s);
    else
        end(s);
}

/* One that is gone meanwhile is as good as closed. */
static void on_closed(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct sweeping *s = ctx;
    if (why == ERR_OK)
        s->how.closed(s->ctx, t);
    else if (why != ERR_NOT_FOUND && s->why == ERR_OK)
        s->why = why;
    answered(s);
}

static bool on_tunnel(void *ctx, const struct tunnel_record *t)
{
    struct sweeping *s = ctx;
    if (t->closed == 0 && s->how.picks(s->ctx, t)) {
        s->more = s->n == TURN;
        if (s->more)
            return false;
        snprintf(s->ids[s->n++], UUID_SIZE, "%s", t->id);
    }
    s->page.below = t->number;
    return true;
}

/* Closes may be answered from inside the call: one more is pending until all were asked for. */
static void on_page(void *ctx, enum err why)
{
    struct sweeping *s = ctx;
    if (why != ERR_OK)
        s->why = why;
    s->pending = s->n + 1;
    for (size_t i = 0; i < s->n; i++)
        registry_cut(s->registry, s->ids[i], s->how.why, on_closed, s);
    answered(s);
}

void registry_sweep(struct registry *r, const struct sweep *how, void *ctx)
{
    struct sweeping *s = calloc(1, sizeof *s);
    if (s == NULL) {
        how->done(ctx, ERR_NO_MEMORY);
        return;
    }
    *s = (struct sweeping){
        .registry = r,
        .how = *how,
        .ctx = ctx,
        .page = {.below = INT64_MAX, .each = on_tunnel, .done = on_page},
    };
    begin_turn(s);
}
