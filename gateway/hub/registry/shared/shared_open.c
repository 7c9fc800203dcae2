/* Opening a tunnel: a number and a place among its key's, then what leads to it, then the tunnel
 * itself. Whatever is left when that breaks off leads to nothing, and goes by itself. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include "core/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000

struct opening {
    struct job job;
    const char *token[SIDE_COUNT];
    size_t max_open;
    size_t steps; /* answers that this stage waits for */
    enum err failed;
};

static struct tunnel_record *record_of(struct opening *o)
{
    return &o->job.seen.r.record;
}

/* ---- stages ---- */

/* An answer of the present stage. True: it was the last one, and none has failed. */
static bool stage_over(struct opening *o, enum err why)
{
    if (o->failed == ERR_OK)
        o->failed = why;
    if (--o->steps > 0)
        return false;
    if (o->failed == ERR_OK)
        return true;
    index_forget(o->job.shared, record_of(o), false);
    job_end(&o->job, o->failed);
    return false;
}

static void begin_step(struct opening *o)
{
    o->steps++;
    o->job.pending++;
}

/* ---- what leads to it ---- */

static void on_indexed(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct opening *o = ctx;
    (void)reply;
    if (!job_back(&o->job) || !stage_over(o, why))
        return;
    o->job.shared->bucket = record_of(o)->number / BUCKET;
    job_put(&o->job);
}

/* ERR_INTERNAL: another tunnel has that token already, so it was not made at random. */
static void on_token(void *ctx, enum err why, const struct redis_reply *reply)
{
    const struct opening *o = ctx;
    bool taken = why == ERR_OK && leads_elsewhere(reply, o->job.id);
    on_indexed(ctx, taken ? ERR_INTERNAL : why, NULL);
}

static void lead_to(struct opening *o, enum side side)
{
    struct shared *s = o->job.shared;
    char key[KEY_SIZE], value[ID_SIZE + 2];
    key_token(key, record_of(o)->sides[side].token);
    snprintf(value, sizeof value, "%s %d", o->job.id, side);
    begin_step(o);
    shared_ask(s, 1, on_token, o, "SET", key, value, "NX", "GET", "PXAT", o->job.expires,
               (char *)NULL);
}

static void index_in(struct opening *o, const char *key, const char *score, const char *member)
{
    begin_step(o);
    shared_ask(o->job.shared, 1, on_indexed, o, "ZADD", key, score, member, (char *)NULL);
}

static void lead_all(struct opening *o)
{
    struct shared *s = o->job.shared;
    const struct tunnel_record *t = record_of(o);
    char key[KEY_SIZE], number[NUMBER_SIZE], bucket[NUMBER_SIZE];
    bool known = t->number / BUCKET == s->bucket;
    number_text(number, t->number);
    number_text(bucket, t->number / BUCKET);
    o->steps = 1; /* until all have begun */
    key_bucket(key, t->number / BUCKET);
    index_in(o, key, number, o->job.id);
    key_thing(key, t->thing);
    index_in(o, key, number, o->job.id);
    if (!known)
        index_in(o, KEY_BUCKETS, bucket, bucket);
    lead_to(o, SIDE_SOURCE);
    lead_to(o, SIDE_DESTINATION);
    o->job.pending++;
    on_indexed(o, ERR_OK, NULL);
}

/* ---- number and place ---- */

static void on_first(struct opening *o, enum err why)
{
    if (stage_over(o, why))
        lead_all(o);
}

static void on_number(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct opening *o = ctx;
    if (!job_back(&o->job))
        return;
    int64_t number = redis_integer(reply);
    record_of(o)->number = number;
    on_first(o, why == ERR_OK && number <= 0 ? ERR_IO : why);
}

static void on_place(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct opening *o = ctx;
    if (!job_back(&o->job))
        return;
    on_first(o, why == ERR_OK && redis_integer(redis_item(reply, 0)) != 1 ? ERR_LIMIT : why);
}

static void ask_first(struct opening *o)
{
    struct shared *s = o->job.shared;
    const struct tunnel_record *t = record_of(o);
    char key[KEY_SIZE], now[NUMBER_SIZE], expires[NUMBER_SIZE], most[NUMBER_SIZE];
    number_text(now, shared_now(s));
    number_text(expires, t->expires);
    number_text(most, (int64_t)o->max_open);
    key_open(key, t->key_id);
    begin_step(o);
    begin_step(o);
    shared_ask(s, 1, on_number, o, "INCR", KEY_NUMBER, (char *)NULL);
    shared_call(s, "slot", key, on_place, o, now, o->job.id, expires, most, (char *)NULL);
}

/* ---- openings whose answers were lost ---- */

#define DOUBTS_MAX 1024 /* more are left to the end of their lifetime */

struct doubt {
    struct list node;
    char id[UUID_SIZE];
};

static void doubt_add(struct shared *s, const char *id)
{
    struct doubt *d = s->n_doubts < DOUBTS_MAX ? calloc(1, sizeof *d) : NULL;
    if (d == NULL)
        return;
    snprintf(d->id, sizeof d->id, "%s", id);
    list_init(&d->node);
    list_append(&s->doubts, &d->node);
    s->n_doubts++;
}

/* Nobody knows of it, so nobody else has changed it. */
static enum job_step decide_doubt(struct job *j)
{
    j->why = ERR_OK;
    if (!j->seen.there)
        return JOB_DONE;
    j->seen.there = false;
    return JOB_DROP;
}

static void end_doubt(struct job *j)
{
    if (j->why != ERR_OK && j->why != ERR_SHUTDOWN)
        doubt_add(j->shared, j->id);
    else if (j->sent && j->seen.r.record.id != NULL)
        index_forget(j->shared, &j->seen.r.record, true);
}

static const struct job_kind doubting = {.decide = decide_doubt, .end = end_doubt, .keep = true};

void open_doubts(struct shared *s, size_t most)
{
    for (size_t n = s->n_doubts < most ? s->n_doubts : most; n > 0; n--) {
        struct doubt *d = list_entry(s->doubts.next, struct doubt, node);
        enum err why;
        struct job *j = job_new(s, &doubting, sizeof *j, span_of(d->id), &why);
        if (j == NULL)
            return;
        list_remove(&d->node);
        s->n_doubts--;
        free(d);
        job_start(j);
    }
}

void open_doubts_end(struct shared *s)
{
    while (!list_empty(&s->doubts)) {
        struct doubt *d = list_entry(s->doubts.next, struct doubt, node);
        list_remove(&d->node);
        free(d);
    }
}

/* ---- the tunnel itself ---- */

/* There is one of that id already. */
static enum job_step decide(struct job *j)
{
    j->why = ERR_INTERNAL;
    return JOB_DONE;
}

static void end(struct job *j)
{
    struct opening *o = (struct opening *)j;
    struct shared *s = j->shared;
    struct tunnel_record *t = record_of(o);
    if (j->why == ERR_OK && t->idle_ms > 0) {
        struct held *h = held_keep(s, &j->seen);
        if (h != NULL) {
            h->opened = true;
            held_arrange(s, h);
        }
    }
    if (j->why == ERR_OK)
        index_clean(s, t->thing);
    else if (j->sent && j->why == ERR_BUSY)
        doubt_add(s, j->id);
    if (j->why == ERR_OK)
        registry_tell_opened(&s->registry, t, o->token);
    j->done(j->ctx, j->why, j->why == ERR_OK ? t : NULL);
}

static const struct job_kind opening = {.decide = decide, .end = end};

static bool fill_text(char **text)
{
    if (*text == NULL)
        *text = strdup("");
    return *text != NULL;
}

static bool fill(struct shared *s, struct opening *o, const char *const token[SIDE_COUNT])
{
    struct tunnel_record *t = record_of(o);
    int64_t now = shared_now(s);
    free(t->id);
    t->id = strdup(o->job.id);
    t->created = t->updated = now;
    t->expires = now + t->lifetime_minutes * MINUTE_MS;
    t->closed = 0;
    for (int side = 0; side < SIDE_COUNT; side++) {
        t->sides[side] = (struct record_side){0};
        token_hash(span_of(token[side]), t->sides[side].token);
        o->token[side] = token[side];
    }
    o->job.seen.there = true;
    number_text(o->job.expires, shared_gone_at(s, t->expires));
    return t->id != NULL && fill_text(&t->key_id) && fill_text(&t->thing) &&
           fill_text(&t->description);
}

void shared_open(struct registry *r, struct tunnel_record *record,
                 const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                 void *ctx)
{
    struct shared *s = shared_of(r);
    char id[UUID_SIZE];
    enum err why;
    random_uuid(id);
    struct opening *o = job_new(s, &opening, sizeof *o, span_of(id), &why);
    if (o == NULL) {
        tunnel_record_free(record);
        done(ctx, why, NULL);
        return;
    }
    o->job.done = done;
    o->job.ctx = ctx;
    o->max_open = max_open;
    *record_of(o) = *record;
    *record = (struct tunnel_record){0};
    if (!fill(s, o, token))
        job_end(&o->job, ERR_NO_MEMORY);
    else if (strcmp(token[SIDE_SOURCE], token[SIDE_DESTINATION]) == 0)
        job_end(&o->job, ERR_INTERNAL);
    else
        ask_first(o);
}
