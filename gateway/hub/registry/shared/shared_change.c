/* Closing and changing tunnels. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include "gateway/hub/registry/tag_rules.h"
#include "gateway/hub/registry/token_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Another node that has the tunnel is told to look again. */
static void hint(struct job *j)
{
    const struct shared *s = j->shared;
    const char *to = j->seen.owner;
    if (to[0] != '\0' && !nodes_is_self(s->o.nodes, to) && s->o.hint != NULL)
        s->o.hint(s->o.owner, to, "tunnel", j->id);
}

static void answer(struct job *j, bool with_tunnel)
{
    if (j->why == ERR_LIMIT && j->chain == NULL)
        j->why = ERR_BUSY; /* too many changes of it wait */
    j->done(j->ctx, j->why, j->why == ERR_OK && with_tunnel ? &j->seen.r.record : NULL);
}

static void *change_new(struct shared *s, const struct job_kind *kind, size_t size, const char *id,
                        registry_done *done, void *ctx)
{
    enum err why;
    struct job *j = job_new(s, kind, size, span_of(id), &why);
    if (j == NULL) {
        done(ctx, why, NULL);
        return NULL;
    }
    j->done = done;
    j->ctx = ctx;
    return j;
}

/* ---- close ---- */

struct closing {
    struct job job;
    bool remove;
    const char *why; /* in static storage */
};

static enum job_step decide_close(struct job *j)
{
    const struct closing *c = (struct closing *)j;
    struct tunnel_record *t = &j->seen.r.record;
    /* An answer that was lost on the way: it may have been this one that deleted it. */
    j->why = j->seen.there || (c->remove && j->sent) ? ERR_OK : ERR_NOT_FOUND;
    if (!j->seen.there)
        return JOB_DONE;
    j->own.closed = t->closed == 0 || j->sent ? c->why : NULL;
    if (c->remove) {
        j->seen.there = false;
        return JOB_DROP;
    }
    if (t->closed != 0)
        return JOB_DONE;
    if (!shared_record_set(&j->seen.r.why, c->why)) {
        j->why = ERR_NO_MEMORY;
        return JOB_DONE;
    }
    t->closed = t->updated = shared_now(j->shared);
    number_text(j->expires, shared_gone_at(j->shared, t->closed));
    return JOB_PUT;
}

static void end_close(struct job *j)
{
    const struct closing *c = (struct closing *)j;
    const struct tunnel_record *t = &j->seen.r.record;
    char key[KEY_SIZE];
    if (j->why == ERR_OK && t->id != NULL) {
        key_open(key, t->key_id);
        if (c->remove)
            index_forget(j->shared, t, true);
        else
            shared_tell(j->shared, "ZREM", key, t->id);
        hint(j);
    }
    answer(j, !c->remove);
}

static const struct job_kind closing = {.decide = decide_close, .end = end_close, .keep = true};

void shared_close(struct registry *r, const char *id, bool remove, const char *why,
                  registry_done *done, void *ctx)
{
    struct closing *c = change_new(shared_of(r), &closing, sizeof *c, id, done, ctx);
    if (c == NULL)
        return;
    c->remove = remove;
    c->why = why;
    job_start(&c->job);
}

/* ---- rotate ---- */

struct rotation {
    struct job job;
    uint8_t hash[SIDE_COUNT][TOKEN_HASH], old[SIDE_COUNT][TOKEN_HASH];
    size_t steps;
    bool led; /* the new tokens lead to the tunnel */
    enum err failed;
};

static bool has_new(const struct rotation *n, int side)
{
    return n->job.own.token[side] != NULL;
}

/* ERR_INTERNAL: another tunnel, or the other side, has that token already. */
static void on_led(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct rotation *n = ctx;
    struct job *j = &n->job;
    if (!job_back(j))
        return;
    if (why == ERR_OK && leads_elsewhere(reply, j->id))
        why = ERR_INTERNAL;
    if (n->failed == ERR_OK)
        n->failed = why;
    if (--n->steps > 0)
        return;
    n->led = true;
    if (n->failed != ERR_OK)
        job_end(j, n->failed);
    else
        job_go_on(j);
}

static enum job_step lead(struct rotation *n)
{
    struct job *j = &n->job;
    char expires[NUMBER_SIZE], key[KEY_SIZE], value[ID_SIZE + 2];
    number_text(expires, shared_gone_at(j->shared, j->seen.r.record.expires));
    n->steps = 1 + (size_t)has_new(n, SIDE_SOURCE) + has_new(n, SIDE_DESTINATION);
    j->pending += n->steps;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (!has_new(n, side))
            continue;
        key_token(key, n->hash[side]);
        snprintf(value, sizeof value, "%s %d", j->id, side);
        shared_ask(j->shared, 1, on_led, n, "SET", key, value, "NX", "GET", "PXAT", expires,
                   (char *)NULL);
    }
    on_led(n, ERR_OK, NULL); /* all were asked for */
    return JOB_WAIT;
}

static bool is_taken(const struct rotation *n)
{
    const struct tunnel_record *t = &n->job.seen.r.record;
    bool both = has_new(n, SIDE_SOURCE) && has_new(n, SIDE_DESTINATION);
    for (int side = 0; side < SIDE_COUNT; side++)
        for (int of = 0; has_new(n, side) && of < SIDE_COUNT; of++)
            if (memcmp(n->hash[side], t->sides[of].token, TOKEN_HASH) == 0)
                return true;
    return both && memcmp(n->hash[0], n->hash[1], TOKEN_HASH) == 0;
}

/* After a lost answer the change may be made already. */
static bool is_made(const struct rotation *n)
{
    for (int side = 0; side < SIDE_COUNT; side++)
        if (has_new(n, side) &&
            memcmp(n->hash[side], n->job.seen.r.record.sides[side].token, TOKEN_HASH) != 0)
            return false;
    return n->job.sent;
}

static enum job_step decide_rotate(struct job *j)
{
    struct rotation *n = (struct rotation *)j;
    struct tunnel_record *t = &j->seen.r.record;
    j->why = !j->seen.there ? ERR_NOT_FOUND : t->closed != 0 ? ERR_TUNNEL_CLOSED : ERR_OK;
    if (j->why != ERR_OK || is_made(n))
        return JOB_DONE;
    if (is_taken(n)) {
        j->why = ERR_INTERNAL;
        return JOB_DONE;
    }
    if (!n->led && (has_new(n, SIDE_SOURCE) || has_new(n, SIDE_DESTINATION)))
        return lead(n);
    for (int side = 0; side < SIDE_COUNT; side++) {
        memcpy(n->old[side], t->sides[side].token, TOKEN_HASH);
        if (!has_new(n, side))
            continue;
        token_replace(t, (enum side)side, n->hash[side]);
        free(j->seen.r.used_by[side]);
        j->seen.r.used_by[side] = NULL;
    }
    t->updated = shared_now(j->shared);
    return JOB_PUT;
}

static void forget_token(struct shared *s, const uint8_t *hash)
{
    char key[KEY_SIZE];
    key_token(key, hash);
    shared_tell(s, "DEL", key);
}

/* What leads to nothing is removed; after ERR_BUSY nobody knows what that is. */
static void end_rotate(struct job *j)
{
    struct rotation *n = (struct rotation *)j;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (!has_new(n, side))
            continue;
        if (j->why == ERR_OK && j->sent)
            forget_token(j->shared, n->old[side]);
        else if (n->led && n->failed == ERR_OK && !j->sent)
            forget_token(j->shared, n->hash[side]);
    }
    if (j->why == ERR_OK)
        hint(j);
    answer(j, true);
}

static const struct job_kind rotation = {.decide = decide_rotate, .end = end_rotate};

void shared_rotate(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                   registry_done *done, void *ctx)
{
    struct rotation *n = change_new(shared_of(r), &rotation, sizeof *n, id, done, ctx);
    if (n == NULL)
        return;
    for (int side = 0; side < SIDE_COUNT; side++) {
        if (token[side] == NULL)
            continue;
        n->job.own.token[side] = token[side];
        n->job.own.rotated[side] = true;
        token_hash(span_of(token[side]), n->hash[side]);
    }
    job_start(&n->job);
}

/* ---- tag ---- */

struct tagging {
    struct job job;
    struct tags add;
    struct texts remove;
    struct tag_change change;
};

static enum job_step decide_tag(struct job *j)
{
    const struct tagging *g = (struct tagging *)j;
    struct tunnel_record *t = &j->seen.r.record;
    struct tags after = {0};
    j->why = j->seen.there ? tag_judge(t, &g->change, j->ctx, &after) : ERR_NOT_FOUND;
    if (j->why != ERR_OK) {
        tags_free(&after);
        return JOB_DONE;
    }
    tags_free(&t->tags);
    t->tags = after;
    t->updated = shared_now(j->shared);
    return JOB_PUT;
}

static void end_tag(struct job *j)
{
    answer(j, true);
}

static void free_tag(struct job *j)
{
    struct tagging *g = (struct tagging *)j;
    tags_free(&g->add);
    texts_free(&g->remove);
    free(g);
}

static const struct job_kind tagging = {.decide = decide_tag, .end = end_tag, .free = free_tag};

void shared_tag(struct registry *r, const char *id, const struct tag_change *c, registry_done *done,
                void *ctx)
{
    struct tagging *g = change_new(shared_of(r), &tagging, sizeof *g, id, done, ctx);
    if (g == NULL)
        return;
    g->change = (struct tag_change){.add = &g->add, .remove = &g->remove, .permits = c->permits};
    if ((c->add == NULL || tags_copy(&g->add, c->add)) &&
        (c->remove == NULL || texts_copy(&g->remove, c->remove)))
        job_start(&g->job);
    else
        job_end(&g->job, ERR_NO_MEMORY);
}
