/* Looking: one tunnel, or lists, newest first, from an index. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 64 /* tunnels that are read at a time */

/* ---- one ---- */

struct look_up {
    struct job job;
};

static enum job_step decide(struct job *j)
{
    (void)j;
    return JOB_DONE;
}

/* A dead node's tunnel is given back for it. */
static void end(struct job *j)
{
    struct shared *s = j->shared;
    enum err why = j->why == ERR_OK && !j->seen.there ? ERR_NOT_FOUND : j->why;
    bool orphan = why == ERR_OK && seen_orphan(s, &j->seen);
    j->done(j->ctx, why, why == ERR_OK ? &j->seen.r.record : NULL);
    if (orphan)
        settle(s, j->id);
}

static const struct job_kind look_up = {.decide = decide, .end = end};

static void on_got(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct job *j = ctx;
    if (!job_back(j))
        return;
    if (why == ERR_OK)
        why = seen_read(&j->seen, j->shared, j->id, reply, 0);
    job_end(j, why);
}

static void get(struct job *j)
{
    char key[KEY_SIZE];
    key_tunnel(key, j->id);
    j->pending++;
    shared_ask(j->shared, 1, on_got, j, "HGETALL", key, (char *)NULL);
}

void shared_get(struct registry *r, struct span id, registry_done *done, void *ctx)
{
    enum err why;
    struct job *j = job_new(shared_of(r), &look_up, sizeof *j, id, &why);
    if (j == NULL) {
        done(ctx, why, NULL);
        return;
    }
    j->done = done;
    j->ctx = ctx;
    get(j);
}

/* ---- lists ---- */

struct listed {
    struct listing *listing;
    int64_t number;
    struct seen seen;
    enum err why;
    char id[ID_SIZE];
};

struct listing {
    struct list node;      /* shared.listings */
    struct shared *shared; /* NULL: it was answered */
    struct registry_page page;
    void *ctx;
    char *thing;    /* NULL: all */
    int64_t bucket; /* that is read now; without a thing */
    bool bucket_known;
    size_t pending;
    struct listed items[TOGETHER];
    size_t n;
};

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        seen_free(&l->items[i].seen);
    free(l->thing);
    free(l);
}

static void listing_end(struct listing *l, enum err why)
{
    struct shared *s = l->shared;
    list_remove(&l->node);
    s->n_listings--;
    l->shared = NULL;
    l->page.done(l->ctx, why);
    if (l->pending == 0)
        listing_free(l);
}

static bool listing_back(struct listing *l)
{
    l->pending--;
    if (l->shared != NULL)
        return true;
    if (l->pending == 0)
        listing_free(l);
    return false;
}

void listing_end_all(struct shared *s)
{
    while (!list_empty(&s->listings))
        listing_end(list_entry(s->listings.next, struct listing, node), ERR_SHUTDOWN);
}

static void read_index(struct listing *l);

static void index_key(const struct listing *l, char key[KEY_SIZE])
{
    if (l->thing != NULL)
        key_thing(key, l->thing);
    else
        key_bucket(key, l->bucket);
}

/* False: no more are wanted. */
static bool hand_over(struct listing *l, struct listed *i)
{
    struct shared *s = l->shared;
    l->page.below = i->number;
    if (!i->seen.there) {
        char key[KEY_SIZE];
        index_key(l, key);
        if (i->seen.r.record.id == NULL)
            index_stray(s, key, i->id, i->number);
        return true;
    }
    if (l->thing != NULL && strcmp(i->seen.r.record.thing, l->thing) != 0)
        return true;
    if (seen_orphan(s, &i->seen))
        settle(s, i->id);
    return l->page.each(l->ctx, &i->seen.r.record);
}

static void hand_over_all(struct listing *l)
{
    bool wanted = true;
    enum err why = ERR_OK;
    size_t n = l->n;
    for (size_t i = 0; i < n && why == ERR_OK && wanted; i++) {
        why = l->items[i].why;
        wanted = why == ERR_OK && hand_over(l, &l->items[i]);
    }
    for (size_t i = 0; i < n; i++)
        seen_free(&l->items[i].seen);
    l->n = 0;
    if (why != ERR_OK || !wanted)
        listing_end(l, why);
    else
        read_index(l);
}

static void on_item(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct listed *i = ctx;
    struct listing *l = i->listing;
    if (!listing_back(l))
        return;
    /* One that is not readable, which is in the log, is left out: the others are there. */
    if (why == ERR_OK)
        why = seen_read(&i->seen, l->shared, i->id, reply, 0);
    i->why = why == ERR_PROTOCOL ? ERR_OK : why;
    if (l->pending == 0)
        hand_over_all(l);
}

static void read_items(struct listing *l, const struct redis_reply *reply)
{
    struct shared *s = l->shared;
    char key[KEY_SIZE];
    l->n = 0;
    for (size_t i = 0; l->n < TOGETHER && i + 1 < redis_count(reply); i += 2) {
        struct span id = redis_text(redis_item(reply, i));
        struct listed *x = &l->items[l->n];
        if (id.n == 0 || id.n >= ID_SIZE)
            continue;
        *x = (struct listed){.listing = l, .number = redis_integer(redis_item(reply, i + 1))};
        memcpy(x->id, id.p, id.n);
        l->n++;
    }
    l->pending = l->n + 1; /* until all were asked for */
    for (size_t i = 0; i < l->n; i++) {
        key_tunnel(key, l->items[i].id);
        shared_ask(s, 1, on_item, &l->items[i], "HGETALL", key, (char *)NULL);
    }
    if (--l->pending == 0)
        hand_over_all(l);
}

static void next_bucket(struct listing *l);

static void on_index(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct listing *l = ctx;
    if (!listing_back(l))
        return;
    if (why != ERR_OK)
        listing_end(l, why);
    else if (redis_count(reply) >= 2)
        read_items(l, reply);
    else if (l->thing != NULL)
        listing_end(l, ERR_OK);
    else
        next_bucket(l);
}

static void ask_index(struct listing *l, const char *key)
{
    char below[NUMBER_SIZE + 1], most[NUMBER_SIZE];
    snprintf(below, sizeof below, "(%lld", (long long)l->page.below);
    number_text(most, TOGETHER);
    l->pending = 1;
    shared_ask(l->shared, 1, on_index, l, "ZREVRANGEBYSCORE", key, below, "-inf", "WITHSCORES",
               "LIMIT", "0", most, (char *)NULL);
}

static void on_bucket(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct listing *l = ctx;
    if (!listing_back(l))
        return;
    if (why != ERR_OK || redis_count(reply) < 1) {
        listing_end(l, why);
        return;
    }
    l->bucket = redis_integer(redis_item(reply, 0));
    l->bucket_known = true;
    read_index(l);
}

/* The next older one that has tunnels; that of `below` when none is known yet. */
static void next_bucket(struct listing *l)
{
    char from[NUMBER_SIZE + 1];
    if (l->bucket_known)
        snprintf(from, sizeof from, "(%lld", (long long)l->bucket);
    else
        number_text(from, l->page.below / BUCKET);
    l->pending = 1;
    shared_ask(l->shared, 1, on_bucket, l, "ZREVRANGEBYSCORE", KEY_BUCKETS, from, "-inf", "LIMIT",
               "0", "1", (char *)NULL);
}

static void read_index(struct listing *l)
{
    char key[KEY_SIZE];
    if (l->thing == NULL && !l->bucket_known) {
        next_bucket(l);
        return;
    }
    index_key(l, key);
    ask_index(l, key);
}

void shared_page(struct registry *r, const struct registry_page *q, void *ctx)
{
    struct shared *s = shared_of(r);
    struct listing *l = s->n_listings < LISTS_MAX ? calloc(1, sizeof *l) : NULL;
    char *thing = l != NULL && q->thing != NULL ? strdup(q->thing) : NULL;
    if (l == NULL || (q->thing != NULL && thing == NULL)) {
        q->done(ctx, s->n_listings < LISTS_MAX ? ERR_NO_MEMORY : ERR_BUSY);
        free(l);
        return;
    }
    l->shared = s;
    l->page = *q;
    l->page.thing = NULL;
    l->thing = thing;
    l->ctx = ctx;
    list_init(&l->node);
    list_append(&s->listings, &l->node);
    s->n_listings++;
    if (q->below <= 0)
        listing_end(l, ERR_OK);
    else
        read_index(l);
}
