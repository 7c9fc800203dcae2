#include "core/base/log.h"
#include "gateway/hub/cluster/nodes_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t nodes_now(const struct nodes *n)
{
    return (int64_t)loop_now(n->o.loop) + n->offset;
}

/* ---- beats ---- */

static void on_lost_cluster(struct nodes *n)
{
    if (!n->lost_told)
        log_error("Redis has lost the cluster's data; nothing is changed until it is there again");
    n->lost_told = true;
    redis_check(n->o.redis);
}

static void read_list(struct nodes *n, const struct redis_reply *reply)
{
    str_number(redis_field(reply, 3, "#epoch"), UINT64_MAX, &n->newest);
    nodes_view_begin(&n->view, n->asked_at, loop_now(n->o.loop));
    for (size_t i = 3; i + 1 < redis_count(reply); i += 2)
        nodes_view_take(&n->view, redis_text(redis_item(reply, i)),
                        redis_text(redis_item(reply, i + 1)));
    nodes_view_end(&n->view);
    n->listed = true;
}

static void tell_waiters(struct list *waiters, bool heard)
{
    struct list now;
    list_init(&now);
    while (!list_empty(waiters))
        list_append(&now, waiters->next);
    while (!list_empty(&now)) {
        struct nodes_waiter *w = list_entry(now.next, struct nodes_waiter, node);
        list_remove(&w->node);
        w->done(w->ctx, heard);
    }
}

/* Nobody is heard of for now. */
static void give_up(struct nodes *n)
{
    tell_waiters(&n->hearing, false);
    tell_waiters(&n->waiting, false);
}

/* Sleeps for what is left of the time between two beats. */
static void wait_for_next(struct nodes *n)
{
    uint64_t next = n->asked_at + NODES_BEAT_MS, now = loop_now(n->o.loop);
    timer_start(n->timer, next > now && !n->hurry ? next - now : 1);
    n->hurry = false;
}

static void on_beat(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct nodes *n = ctx;
    n->asked = false;
    if (n->state != NODES_JOINED)
        return;
    wait_for_next(n);
    if (why != ERR_OK && n->starting)
        nodes_refuse(n, why, "Redis does not answer");
    if (why != ERR_OK) {
        give_up(n);
        return;
    }
    int64_t code = redis_integer(redis_item(reply, 0));
    if (code == 3 || !span_is(redis_text(redis_item(reply, 2)), n->id)) {
        on_lost_cluster(n);
        give_up(n);
        return;
    }
    n->lost_told = false;
    nodes_follow_clock(n, redis_integer(redis_item(reply, 1)));
    read_list(n, reply);
    tell_waiters(&n->hearing, true);
    if (code == 1)
        return;
    log_warning("this node was fenced: the others did not hear of it for too long");
    timer_stop(n->timer);
    nodes_join(n);
    give_up(n);
}

static void beat(struct nodes *n)
{
    char info[NODE_INFO_MAX];
    if (n->asked)
        return;
    nodes_info(n, info, sizeof info);
    const struct span args[] = {span_of(n->name), span_of(n->epoch), span_of(n->instance),
                                span_of(n->draining ? "draining" : "up"), span_of(info)};
    n->asked = true;
    n->asked_at = loop_now(n->o.loop);
    while (!list_empty(&n->waiting))
        list_append(&n->hearing, n->waiting.next);
    redis_call(n->o.redis, "beat", NODES_KEY, args, sizeof args / sizeof *args, on_beat, n);
}

void nodes_look(struct nodes *n)
{
    n->hurry = n->asked;
    if (n->state == NODES_JOINED)
        beat(n);
}

static void on_timer(void *owner)
{
    struct nodes *n = owner;
    if (n->state == NODES_JOINED)
        beat(n);
    else if (n->state == NODES_JOINING)
        nodes_join_next(n);
}

static void on_joined(struct nodes *n)
{
    n->state = NODES_JOINED;
    redis_pin(n->o.redis, NODES_KEY, "#id", n->id);
    beat(n);
    if (!n->starting)
        n->o.fenced(n->o.owner);
}

/* ---- what the view tells ---- */

static void on_changed(void *owner, const struct node_info *i)
{
    struct nodes *n = owner;
    if (n->o.changed != NULL)
        n->o.changed(n->o.owner, i);
}

static void on_fenced(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct nodes *n = ctx;
    if (why == ERR_OK && redis_integer(redis_item(reply, 0)) == 1)
        nodes_look(n); /* to learn who is dead now */
}

static void on_overdue(void *owner, const struct seen_node *s)
{
    struct nodes *n = owner;
    char epoch[NUMBER_SIZE], beats[NUMBER_SIZE];
    log_warning("node %s was not heard of for %" PRIu64 " ms: it is taken for dead", s->name,
                n->view.lease);
    snprintf(epoch, sizeof epoch, "%" PRIu64, s->info.epoch);
    snprintf(beats, sizeof beats, "%" PRIu64, s->beat);
    const struct span args[] = {span_of(s->name), span_of(epoch), span_of(beats)};
    redis_call(n->o.redis, "fence", NODES_KEY, args, 3, on_fenced, n);
}

/* ---- begin and end ---- */

static enum err begin(struct nodes *n, const struct nodes_options *o, char *text, size_t size)
{
    if (!node_name_is_valid(o->name)) {
        snprintf(text, size, "a node's name has up to %d letters, digits, hyphens and dots",
                 NODE_NAME_MAX);
        return ERR_USAGE;
    }
    n->name = str_copy(o->name);
    n->address = str_copy(o->address);
    n->announce = str_copy(o->announce);
    n->version = str_copy(o->version);
    n->id_file = str_copy(o->id_file);
    n->timer = timer_new(o->loop, on_timer, n);
    if (n->name == NULL || n->address == NULL || n->announce == NULL || n->version == NULL ||
        (o->id_file != NULL && n->id_file == NULL) || n->timer == NULL)
        return ERR_NO_MEMORY;
    n->joined = on_joined;
    nodes_random(n->instance);
    n->view.lease = o->lease_ms != 0 ? o->lease_ms : NODES_LEASE_MS;
    n->view.self = n->name;
    n->view.changed = on_changed;
    n->view.overdue = on_overdue;
    n->view.owner = n;
    return n->id_file != NULL ? nodes_id_read(n->id_file, n->id, text, size) : ERR_OK;
}

struct nodes *nodes_new(const struct nodes_options *o, enum err *why, char *text, size_t size)
{
    struct nodes *n = calloc(1, sizeof *n);
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    *why = ERR_NO_MEMORY;
    if (n == NULL)
        return NULL;
    n->o = *o;
    list_init(&n->waiting);
    list_init(&n->hearing);
    n->starting = true;
    n->text = text;
    n->size = size;
    *why = begin(n, o, text, size);
    if (*why == ERR_OK)
        nodes_join(n);
    while (*why == ERR_OK &&
           (n->state == NODES_JOINING || (n->state == NODES_JOINED && !n->listed)))
        uv_run(loop_uv(o->loop), UV_RUN_ONCE);
    n->starting = false;
    if (*why == ERR_OK && n->state == NODES_REFUSED)
        *why = n->why;
    if (*why == ERR_OK)
        return n;
    nodes_free(n);
    return NULL;
}

void nodes_free(struct nodes *n)
{
    if (n == NULL)
        return;
    n->state = NODES_LEAVING;
    nodes_drain_end(n);
    give_up(n);
    redis_forget(n->o.redis, n);
    timer_free(n->timer);
    free(n->name);
    free(n->address);
    free(n->announce);
    free(n->version);
    free(n->id_file);
    free(n);
}

static void on_left(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct nodes *n = ctx;
    (void)why;
    (void)reply;
    n->left(n->o.owner);
}

void nodes_leave(struct nodes *n, void (*done)(void *owner))
{
    n->state = NODES_LEAVING;
    n->left = done;
    timer_stop(n->timer);
    nodes_drain_end(n);
    give_up(n);
    const struct span args[] = {span_of(n->name), span_of(n->epoch)};
    redis_call(n->o.redis, "leave", NODES_KEY, args, 2, on_left, n);
}

/* ---- who is there ---- */

const char *nodes_owner(const struct nodes *n)
{
    return n->owner;
}

bool nodes_is_self(const struct nodes *n, const char *owner)
{
    return strcmp(owner, n->owner) == 0;
}

const struct node_info *nodes_there(const struct nodes *n, const char *owner)
{
    struct span name;
    uint64_t epoch = 0;
    if (!node_owner_split(owner, &name, &epoch) || span_is(name, n->name))
        return NULL;
    const struct seen_node *s = nodes_view_find(&n->view, name);
    return s != NULL && s->info.epoch == epoch && s->info.state != NODE_DEAD ? &s->info : NULL;
}

const struct node_info *nodes_alive(const struct nodes *n, const char *owner)
{
    const struct node_info *i = nodes_there(n, owner);
    return i != NULL && i->state == NODE_UP ? i : NULL;
}

bool nodes_unheard(struct nodes *n, const char *owner)
{
    struct span name;
    uint64_t epoch = 0;
    if (!node_owner_split(owner, &name, &epoch) || span_is(name, n->name) || epoch <= n->newest)
        return false;
    nodes_look(n);
    return true;
}

bool nodes_hear(struct nodes *n, struct nodes_waiter *w)
{
    if (n->state != NODES_JOINED)
        return false;
    list_init(&w->node);
    list_append(&n->waiting, &w->node);
    nodes_look(n);
    return true;
}

const struct node_info *nodes_find(const struct nodes *n, const char *name)
{
    const struct seen_node *s = nodes_view_find(&n->view, span_of(name));
    return s != NULL ? &s->info : NULL;
}

void nodes_each(const struct nodes *n, void (*take)(void *to, const struct node_info *i), void *to)
{
    for (size_t i = 0; i < n->view.n; i++)
        take(to, &n->view.nodes[i].info);
}
