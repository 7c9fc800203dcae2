/* Which tunnels give notice by themselves: those that are opened for a device by OpenTunnel, those
 * whose destination gets a new token, and those on demand that have lost their destination. */
#include "core/base/secret.h"
#include "gateway/hub/devices/notices_internal.h"

#include <stdlib.h>
#include <string.h>

/* After that time a destination that was to come back by itself gets a new token. It is longer than
 * an agent's pause between two tries. */
#define COME_BACK_MS 20000
/* An agent tells for how long it has run in whole seconds. */
#define UPTIME_STEP_MS 1000
#define UPTIME_MAX_S 10000000000 /* more than that is as good as that */
#define TOKEN_SIZE 64

/* ---- questions that are answered later ---- */

static struct notice_question *question_new(struct notices *n, size_t more)
{
    struct notice_question *q = calloc(1, sizeof *q + more);
    if (q == NULL)
        return NULL;
    q->notices = n;
    list_init(&q->node);
    list_append(&n->questions, &q->node);
    return q;
}

static void question_free(struct notice_question *q)
{
    list_remove(&q->node);
    free(q);
}

/* ---- tunnels on demand ---- */

static struct demand_tunnel *demand_find(const struct notices *n, const char *id)
{
    return map_get(&n->demand, id, strlen(id));
}

bool notices_crowded(const struct noticed *d, const struct notice *q)
{
    size_t n = 0;
    list_each(node, &d->tunnels)
    {
        const struct demand_tunnel *t = list_entry(node, struct demand_tunnel, node);
        n += strcmp(t->id, q->tunnel) != 0 && strcmp(t->key, q->opened_by) == 0;
    }
    return n >= NOTICE_TUNNELS_PER_KEY;
}

static void demand_free(struct demand_tunnel *t)
{
    struct noticed *d = t->device;
    free(t->key);
    map_remove(&d->notices->demand, t->id, strlen(t->id));
    list_remove(&t->node);
    free(t);
    noticed_settle(d);
}

/* Those of devices that are not here are read when they come. */
static void demand_add(struct notices *n, const struct tunnel_record *r, bool opened)
{
    size_t size = strlen(r->id);
    struct noticed *d = noticed_find(n, r->thing);
    struct demand_tunnel *t = demand_find(n, r->id);
    if (t != NULL)
        t->read = true;
    if (t != NULL || d == NULL || d->link == NULL)
        return;
    t = calloc(1, sizeof *t + size + 1);
    char *key = t != NULL ? strdup(r->key_id) : NULL;
    if (key == NULL) {
        free(t);
        return;
    }
    t->key = key;
    memcpy(t->id, r->id, size);
    t->device = d;
    t->look_at = NEVER;
    t->read = true;
    t->opened = opened;
    list_init(&t->node);
    list_append(&d->tunnels, &t->node);
    if (!map_put(&n->demand, t->id, size, t))
        demand_free(t);
}

static bool on_demand(const struct tunnel_record *r)
{
    return r->idle_ms > 0 && r->thing[0] != '\0';
}

/* ---- healing ---- */

/* The event gives notice; a failure is the store's to log, and the device heals the tunnel when it
 * comes the next time. */
static void on_token_stored(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)why, (void)t;
    secret_free(ctx);
}

static void rotate(struct notices *n, const char *id)
{
    char *token = calloc(1, TOKEN_SIZE); /* the registry reads it until it is stored */
    if (token == NULL)
        return;
    n->o.token_new(token, TOKEN_SIZE);
    registry_rotate(
        n->o.registry, id,
        (const char *const[SIDE_COUNT]){[SIDE_SOURCE] = NULL, [SIDE_DESTINATION] = token},
        on_token_stored, token);
}

/* Of an agent that does not name its tunnels, whether it has never had this one: it began after the
 * destination that is here came (after a power cut, the hub learns late that it is gone), or after
 * the last one left. `began` is up to a step too late. An agent that had the tunnel for less than
 * that loses it. */
static bool seems_new(const struct noticed *d, const struct record_side *s)
{
    uint64_t uptime = d->shown.uptime_s < UPTIME_MAX_S ? d->shown.uptime_s : UPTIME_MAX_S;
    int64_t began = d->shown.told - (int64_t)uptime * 1000;
    if (s->connected)
        return began - UPTIME_STEP_MS > s->changed;
    return !s->used || began + UPTIME_STEP_MS > s->changed;
}

static bool strange_to(const struct demand_tunnel *t, const struct record_side *s)
{
    return t->device->names_tunnels ? !t->held : seems_new(t->device, s);
}

struct heal {
    struct notice_question question; /* the first member */
    bool last;                       /* it had its time to come back */
};

/* A notice that the device has lost: by its own token, unless that was used. The new one is told in
 * its place (on_rotated). */
static void tell_again(struct pending_notice *p, const struct record_side *s)
{
    if (p->delivered || !p->device->names_tunnels)
        return;
    if (s->used)
        rotate(p->device->notices, p->tunnel);
    else
        notice_deliver(p);
}

/* An agent that has only lost its links comes back to its tunnels by itself, with their streams, so
 * its token is left alone for a while. */
static void on_record(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct heal h = *(struct heal *)ctx;
    struct notices *n = h.question.notices;
    question_free(ctx);
    struct demand_tunnel *mine = n != NULL && why == ERR_OK ? demand_find(n, t->id) : NULL;
    if (mine == NULL || mine->device->link == NULL || t->closed != 0)
        return;
    struct pending_notice *p = map_get(&n->by_tunnel, t->id, strlen(t->id));
    const struct record_side *s = &t->sides[SIDE_DESTINATION];
    if (p != NULL) {
        tell_again(p, s);
        return;
    }
    if (strange_to(mine, s) || (h.last && !s->connected)) {
        rotate(n, t->id);
        return;
    }
    if (s->connected)
        return;
    mine->look_at = n->o.now(n->o.owner) + COME_BACK_MS;
    notices_due(n, mine->look_at);
}

static void look(struct notices *n, struct demand_tunnel *t, bool last)
{
    struct heal *h = (struct heal *)(void *)question_new(n, sizeof *h - sizeof h->question);
    t->look_at = NEVER;
    if (h == NULL)
        return; /* the device heals it when it comes the next time */
    h->last = last;
    registry_get(n->o.registry, span_of(t->id), on_record, h);
}

uint64_t notices_look(struct notices *n, uint64_t now)
{
    uint64_t next = NEVER;
    size_t at = 0;
    struct demand_tunnel *t;
    while ((t = map_next(&n->demand, &at)) != NULL) {
        if (t->look_at <= now)
            look(n, t, true);
        if (t->look_at < next)
            next = t->look_at;
    }
    return next;
}

/* ---- what the registry tells ---- */

struct keep {
    struct notice_question question; /* the first member */
    struct notice notice;            /* with copies */
    struct texts services;
};

static void keep_free(struct keep *k)
{
    secret_free((char *)(uintptr_t)k->notice.token);
    free((char *)(uintptr_t)k->notice.device);
    free((char *)(uintptr_t)k->notice.tunnel);
    free((char *)(uintptr_t)k->notice.opened_by);
    free((char *)(uintptr_t)k->notice.why);
    texts_free(&k->services);
    question_free(&k->question);
}

static bool handed_over(const struct notices *n, const char *node, const struct notice *q)
{
    return node != NULL && n->o.hand_over != NULL && n->o.hand_over(n->o.owner, node, q);
}

static void on_known(void *ctx, bool known, const char *node)
{
    struct keep *k = ctx;
    struct notices *n = k->question.notices;
    k->notice.services = &k->services;
    if (n != NULL && known && !handed_over(n, node, &k->notice))
        notice_put(n, &k->notice, NULL, NULL); /* refused: the device stays as it is */
    keep_free(k);
}

void notices_give(struct notices *n, const struct notice *q)
{
    notice_put(n, q, NULL, NULL);
}

void notices_give_back(struct notices *n, const struct notice *q)
{
    if (map_get(&n->by_tunnel, q->tunnel, strlen(q->tunnel)) == NULL)
        notice_put(n, q, NULL, NULL);
}

/* Gives notice, when such a device is known; without memory nobody is told, as if it were away. */
static void tell(struct notices *n, const struct tunnel_record *t, const char *token)
{
    if (t->thing[0] == '\0')
        return;
    struct keep *k = (struct keep *)(void *)question_new(n, sizeof *k - sizeof k->question);
    if (k == NULL)
        return;
    k->notice = (struct notice){.device = strdup(t->thing),
                                .tunnel = strdup(t->id),
                                .token = strdup(token),
                                .service = "",
                                .opened_by = strdup(t->key_id),
                                .why = strdup(t->description),
                                .timeout_ms = NOTICE_KEEP_MS};
    if (k->notice.device == NULL || k->notice.tunnel == NULL || k->notice.token == NULL ||
        k->notice.opened_by == NULL || k->notice.why == NULL ||
        !texts_copy(&k->services, &t->services))
        keep_free(k);
    else if (n->o.known == NULL)
        on_known(k, true, NULL);
    else
        n->o.known(n->o.owner, t->thing, on_known, k);
}

/* Who opens a tunnel on demand asks the device for it. */
static void on_opened(void *owner, const struct tunnel_record *t,
                      const char *const token[SIDE_COUNT])
{
    struct notices *n = owner;
    if (on_demand(t))
        demand_add(n, t, true); /* without memory, it is not healed until the device comes again */
    else
        tell(n, t, token[SIDE_DESTINATION]);
}

static void on_rotated(void *owner, const struct tunnel_record *t, enum side side,
                       const char *token)
{
    if (side == SIDE_DESTINATION && token != NULL)
        tell(owner, t, token);
}

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    struct notices *n = owner;
    struct pending_notice *p = map_get(&n->by_tunnel, t->id, strlen(t->id));
    struct notice_answer ended = {.result = NOTICE_ENDED, .words = ""};
    (void)why;
    if (p != NULL)
        notice_end(p, &ended, true);
    struct demand_tunnel *mine = demand_find(n, t->id);
    if (mine != NULL)
        demand_free(mine);
}

const struct registry_events notices_tunnel_events = {
    .opened = on_opened, .ended = on_ended, .rotated = on_rotated};

/* ---- a device that comes, or is gone ---- */

struct reading {
    struct notice_question question; /* the first member */
    void *link;                      /* by which it came */
    bool names_tunnels;
    struct texts tunnels; /* that it has */
    char *device;
};

static bool on_tunnel(void *ctx, const struct tunnel_record *t)
{
    const struct reading *r = ctx;
    if (r->question.notices == NULL)
        return false;
    if (t->closed == 0 && on_demand(t))
        demand_add(r->question.notices, t, false);
    return true;
}

static void note_held(struct noticed *d, const struct reading *r)
{
    d->names_tunnels = r->names_tunnels;
    list_each(node, &d->tunnels)
    {
        struct demand_tunnel *t = list_entry(node, struct demand_tunnel, node);
        t->held = texts_have(&r->tunnels, span_of(t->id));
    }
}

static bool is_lost(const struct noticed *d, const char *tunnel)
{
    const struct demand_tunnel *t = demand_find(d->notices, tunnel);
    return d->names_tunnels && t != NULL && !t->held;
}

/* A token that another link has had may be used up. A tunnel on demand gets a new one
 * (heal) where that is so, and a notice that waits is then delivered with that one. */
static void deliver_pending(struct noticed *d)
{
    struct notice_answer ended = notice_simple(NOTICE_ENDED);
    list_each(node, &d->pending)
    {
        struct pending_notice *p = list_entry(node, struct pending_notice, of_device);
        if (p->delivered) /* meanwhile, by the link that it has now */
            continue;
        if (p->tried && is_lost(d, p->tunnel))
            notice_gone(p, notices_now(d->notices));
        else if (p->tried && p->done == NULL && !d->names_tunnels &&
                 demand_find(d->notices, p->tunnel) != NULL)
            notice_end(p, &ended, false);
        else
            notice_deliver(p);
    }
}

/* One that was opened since the device came is being asked for. */
static void heal(struct noticed *d)
{
    list_each(node, &d->tunnels)
    {
        struct demand_tunnel *t = list_entry(node, struct demand_tunnel, node);
        if (!t->opened)
            look(d->notices, t, false);
    }
}

/* Those that have ended where this hub was not told. */
static void drop_unread(struct noticed *d)
{
    list_each(node, &d->tunnels)
    {
        struct demand_tunnel *t = list_entry(node, struct demand_tunnel, node);
        if (!t->read)
            demand_free(t);
    }
}

static void arrive(struct noticed *d, const struct reading *r, enum err why)
{
    d->holders++;
    if (why == ERR_OK)
        drop_unread(d);
    note_held(d, r);
    deliver_pending(d);
    heal(d);
    d->holders--;
}

/* Without an answer, what is known of its tunnels has to do. */
static void on_all(void *ctx, enum err why)
{
    struct reading *r = ctx;
    struct noticed *d = r->question.notices != NULL
                            ? noticed_by_link(r->question.notices, r->device, r->link)
                            : NULL;
    if (d != NULL)
        arrive(d, r, why);
    free(r->device);
    texts_free(&r->tunnels);
    question_free(&r->question);
}

static bool fill(struct reading *r, const struct noticed *d, const struct device_arrival *a)
{
    r->link = a->link;
    r->names_tunnels = a->names_tunnels;
    r->device = strdup(d->name);
    return r->device != NULL && (a->tunnels == NULL || texts_copy(&r->tunnels, a->tunnels));
}

void notices_read_tunnels(struct noticed *d, const struct device_arrival *a)
{
    struct notices *n = d->notices;
    struct reading *r = (struct reading *)(void *)question_new(n, sizeof *r - sizeof r->question);
    list_each(node, &d->pending) list_entry(node, struct pending_notice, of_device)->delivered =
        false;
    list_each(node, &d->tunnels)
    {
        struct demand_tunnel *t = list_entry(node, struct demand_tunnel, node);
        t->read = t->opened = false;
    }
    if (r == NULL)
        return; /* it gets what waits when it comes the next time */
    if (!fill(r, d, a))
        on_all(r, ERR_NO_MEMORY);
    else
        registry_page(
            n->o.registry,
            &(struct registry_page){
                .below = INT64_MAX, .thing = r->device, .each = on_tunnel, .done = on_all},
            r);
}

void notices_forget_tunnels_of(struct noticed *d)
{
    d->holders++;
    while (!list_empty(&d->tunnels))
        demand_free(list_entry(d->tunnels.next, struct demand_tunnel, node));
    d->holders--;
}

/* ---- the end ---- */

void notices_forget_tunnels(struct notices *n)
{
    size_t at;
    struct demand_tunnel *t;
    while ((at = 0, t = map_next(&n->demand, &at)) != NULL)
        demand_free(t);
    while (!list_empty(&n->questions)) {
        struct notice_question *q = list_entry(n->questions.next, struct notice_question, node);
        q->notices = NULL;
        list_remove(&q->node);
    }
}
