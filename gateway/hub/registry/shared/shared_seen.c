#include "gateway/hub/registry/shared/shared_internal.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char expired[] = "the tunnel has expired";
static const char idle[] = "nobody has used the tunnel for its idle time";
static const char closed[] = "the tunnel was closed";

void seen_free(struct seen *x)
{
    shared_record_free(&x->r);
    *x = (struct seen){.version = "0"};
}

/* Ends are told from other threads, when the record is gone. */
const char *shared_why(const char *text)
{
    static const char *const all[] = {expired, idle, closed,
                                      "the access key that opened it was cut off",
                                      "the access key that opened it was removed"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (text != NULL && strcmp(all[i], text) == 0)
            return all[i];
    return closed;
}

int64_t shared_gone_at(const struct shared *s, int64_t ends)
{
    int64_t keep = (int64_t)s->o.keep_closed_ms;
    return ends < INT64_MAX - keep ? ends + keep : INT64_MAX;
}

/* ---- its end ---- */

const char *seen_why(const struct tunnel_record *t, int64_t due)
{
    return due < t->expires ? idle : expired;
}

static void end_in_time(struct seen *x, struct shared *s)
{
    struct tunnel_record *t = &x->r.record;
    const struct held *h = held_find(s, span_of(t->id));
    int64_t now = shared_now(s), due = shared_due(t, h != NULL && h->here[SIDE_SOURCE]);
    if (t->closed == 0 && due <= now) {
        t->closed = t->updated = due;
        shared_record_set(&x->r.why, seen_why(t, due));
    }
    x->there = t->closed == 0 || shared_gone_at(s, t->closed) > now;
}

/* ---- reading ---- */

static void take_text(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)(text.n < size ? text.n : size - 1),
             text.p != NULL ? text.p : "");
}

enum err seen_read(struct seen *x, struct shared *s, const char *id,
                   const struct redis_reply *reply, size_t from)
{
    struct span version = redis_field(reply, from, "v");
    seen_free(x);
    if (redis_count(reply) <= from)
        return ERR_OK;
    enum err why = version.p == NULL || version.n >= VERSION_SIZE
                       ? ERR_PROTOCOL
                       : shared_record_read(&x->r, span_of(id), redis_field(reply, from, "r"));
    if (why != ERR_OK) {
        log_warning("redis: what is kept of a tunnel is not readable: %s", err_text(why));
        return why;
    }
    take_text(x->version, sizeof x->version, version);
    take_text(x->owner, sizeof x->owner, redis_field(reply, from, "o"));
    shared_state_read(&x->r.record.sides[SIDE_SOURCE], redis_field(reply, from, "c0"));
    shared_state_read(&x->r.record.sides[SIDE_DESTINATION], redis_field(reply, from, "c1"));
    end_in_time(x, s);
    return ERR_OK;
}

/* ---- owners ---- */

enum owner seen_owner(const struct shared *s, const struct seen *x)
{
    if (x->owner[0] == '\0')
        return OWNER_NONE;
    if (nodes_is_self(s->o.nodes, x->owner))
        return OWNER_SELF;
    const struct node_info *n = nodes_there(s->o.nodes, x->owner);
    if (n != NULL)
        return n->state == NODE_UP ? OWNER_LIVE : OWNER_DRAINING;
    return nodes_unheard(s->o.nodes, x->owner) ? OWNER_LIVE : OWNER_DEAD;
}

const struct node_info *seen_elsewhere(const struct shared *s, const struct seen *x)
{
    return x->there && x->owner[0] != '\0' && !nodes_is_self(s->o.nodes, x->owner)
               ? nodes_alive(s->o.nodes, x->owner)
               : NULL;
}

bool seen_orphan(const struct shared *s, struct seen *x)
{
    if (!x->there || seen_owner(s, x) != OWNER_DEAD)
        return false;
    for (int side = 0; side < SIDE_COUNT; side++)
        x->r.record.sides[side].connected = false;
    return true;
}
