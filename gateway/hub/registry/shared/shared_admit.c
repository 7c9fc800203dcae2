/* Letting ends in: from the token to its tunnel, and then by the rules. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include "gateway/hub/registry/token_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entrance {
    struct job job;
    struct token_claim claim;
    char *device; /* the claim's */
    enum token_keyed keyed;
    enum token_verdict verdict;
    const struct node_info *elsewhere;
    struct admission denied; /* when `denies` said so: status is set */
    bool asked;              /* `denies` */
    bool heard;              /* the other nodes' news, as far as they could be */
    struct nodes_waiter waiter;
    const struct admission *(*denies)(void *ctx, const struct tunnel_record *t);
    void (*done)(void *ctx, struct admission a);
    void *ctx;
};

static bool is_denied(struct entrance *e, const struct tunnel_record *t)
{
    const struct admission *denied = e->denies != NULL && !e->asked ? e->denies(e->ctx, t) : NULL;
    e->asked = true;
    if (denied != NULL)
        e->denied = *denied;
    return denied != NULL;
}

/* ---- deciding ---- */

static void on_keyed(void *ctx, bool keyed)
{
    struct entrance *e = ctx;
    if (!job_back(&e->job))
        return;
    e->keyed = keyed ? KEYED_YES : KEYED_NO;
    job_go_on(&e->job);
}

static enum job_step ask_keyed(struct entrance *e)
{
    const struct shared *s = e->job.shared;
    e->job.pending++;
    if (s->o.keyed != NULL)
        s->o.keyed(s->o.owner, e->job.seen.r.record.thing, on_keyed, e);
    else
        on_keyed(e, false);
    return JOB_WAIT;
}

/* A token that this very attempt has used up, whose answer was lost, is still its own. */
static enum token_verdict judge(struct entrance *e)
{
    const struct seen *x = &e->job.seen;
    enum side side;
    if (!x->there || !token_is_of(&x->r.record, &e->claim, &side))
        return TOKEN_UNKNOWN;
    enum token_verdict v =
        token_judge(&x->r.record, side, x->r.record.closed != 0, &e->claim, e->keyed);
    return v == TOKEN_USED && str_same(x->r.used_by[side], e->job.request) ? TOKEN_AGAIN : v;
}

static bool set_state(struct record_side *s, bool connected, int64_t now)
{
    if (s->connected == connected)
        return false;
    s->connected = connected;
    s->changed = now;
    return true;
}

/* What was another node's comes without the ends that it had there. */
static bool claim(struct entrance *e)
{
    struct job *j = &e->job;
    struct seen *x = &j->seen;
    enum side other = side_other(e->claim.side);
    const struct held *h = held_find(j->shared, span_of(j->id));
    if (nodes_is_self(j->shared->o.nodes, x->owner))
        return false;
    snprintf(x->owner, sizeof x->owner, "%s", nodes_owner(j->shared->o.nodes));
    set_state(&x->r.record.sides[other], h != NULL && h->here[other], shared_now(j->shared));
    return true;
}

static void on_news(void *ctx, bool heard)
{
    struct entrance *e = ctx;
    (void)heard; /* what could not be heard of is as unknown as before */
    if (job_back(&e->job))
        job_go_on(&e->job);
}

/* The tunnel's node has joined a moment ago, and the next beat tells where it is: the client waits
 * for that, once. False: it has waited, or nobody beats now. */
static bool hear(struct entrance *e)
{
    bool before = e->heard;
    e->heard = true;
    e->waiter = (struct nodes_waiter){.done = on_news, .ctx = e};
    e->job.pending++;
    if (!before && nodes_hear(e->job.shared->o.nodes, &e->waiter))
        return true; /* and e may be gone */
    e->job.pending--;
    return false;
}

static enum job_step let_in(struct entrance *e)
{
    struct job *j = &e->job;
    struct seen *x = &j->seen;
    enum side side = e->claim.side;
    e->elsewhere = seen_elsewhere(j->shared, x);
    bool unheard = e->elsewhere == NULL && seen_owner(j->shared, x) == OWNER_LIVE;
    if (unheard && hear(e))
        return JOB_WAIT;
    if (e->elsewhere != NULL || is_denied(e, &x->r.record))
        return JOB_DONE;
    if (unheard) {
        j->why = ERR_BUSY;
        return JOB_DONE;
    }
    bool first = e->verdict == TOKEN_FIRST;
    if (first && !shared_record_set(&x->r.used_by[side], j->request)) {
        j->why = ERR_NO_MEMORY;
        return JOB_DONE;
    }
    if (first)
        token_use(&x->r.record, &e->claim);
    bool claims = claim(e);
    bool comes = set_state(&x->r.record.sides[side], true, shared_now(j->shared));
    return first || claims || comes ? JOB_PUT : JOB_DONE;
}

static enum job_step decide(struct job *j)
{
    struct entrance *e = (struct entrance *)j;
    j->why = ERR_OK;
    e->verdict = judge(e);
    if (e->verdict == TOKEN_ASK)
        return ask_keyed(e);
    return token_admits(e->verdict) ? let_in(e) : JOB_DONE;
}

/* ---- answering ---- */

static void refuse(struct entrance *e, enum token_verdict v)
{
    const struct seen *x = &e->job.seen;
    e->done(e->ctx, token_refusal(v, x->there ? &x->r.record : NULL));
}

static void answer(struct entrance *e)
{
    struct job *j = &e->job;
    const struct tunnel_record *t = &j->seen.r.record;
    struct admission a = e->denied;
    if (!token_admits(e->verdict)) {
        refuse(e, e->verdict);
        return;
    }
    if (e->elsewhere != NULL)
        a = (struct admission){.elsewhere = e->elsewhere};
    else if (a.status == 0 && held_keep(j->shared, &j->seen) == NULL)
        a = token_refusal(TOKEN_NO_MEMORY, t);
    else if (a.status == 0)
        a = token_admission(t, t->expires, shared_now(j->shared));
    a.known = t;
    e->done(e->ctx, a);
}

/* Without Redis: a client that was let in here before is let in again, if no other node is known to
 * have its tunnel. That it is the tunnel's device was seen then. */
static void answer_from_memory(struct entrance *e)
{
    struct shared *s = e->job.shared;
    struct held *h = held_by_token(s, e->claim.token);
    enum token_verdict v = TOKEN_NOT_STORED;
    enum side side;
    if (h != NULL && (h->owner[0] == '\0' || nodes_is_self(s->o.nodes, h->owner)) &&
        token_is_of(&h->record, &e->claim, &side))
        v = token_judge(&h->record, side, held_due(h) <= shared_now(s), &e->claim, KEYED_YES);
    if (v != TOKEN_AGAIN) {
        e->done(e->ctx, token_refusal(TOKEN_NOT_STORED, h != NULL ? &h->record : NULL));
        return;
    }
    struct admission a = e->denied;
    if (a.status == 0 && !is_denied(e, &h->record))
        a = token_admission(&h->record, h->record.expires, shared_now(s));
    else
        a = e->denied;
    a.known = &h->record;
    e->done(e->ctx, a);
}

static void end(struct job *j)
{
    struct entrance *e = (struct entrance *)j;
    if (j->why == ERR_OK)
        answer(e);
    else if (j->why == ERR_SHUTDOWN)
        refuse(e, TOKEN_ENDING);
    else if (j->why == ERR_NO_MEMORY)
        refuse(e, TOKEN_NO_MEMORY);
    else if (j->why == ERR_LIMIT)
        refuse(e, TOKEN_CROWDED);
    else
        answer_from_memory(e);
}

static void free_entrance(struct job *j)
{
    struct entrance *e = (struct entrance *)j;
    free(e->device);
    free(e);
}

static const struct job_kind entrance = {.decide = decide, .end = end, .free = free_entrance};

/* ---- from the token to its tunnel ---- */

static void on_tunnel(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct entrance *e = ctx;
    struct job *j = &e->job;
    if (!job_back(j))
        return;
    struct span text = redis_text(reply), id = span_cut(&text, ' ');
    e->verdict = TOKEN_UNKNOWN;
    if (why != ERR_OK || id.p == NULL || id.n == 0 || id.n >= ID_SIZE) {
        job_end(j, why);
        return;
    }
    snprintf(j->id, sizeof j->id, "%.*s", (int)id.n, id.p);
    job_start(j);
}

static bool fill(struct entrance *e, const struct admission_request *q)
{
    e->denies = q->denies;
    e->claim = (struct token_claim){.side = q->side,
                                    .device_required = q->device_required,
                                    .has_client = q->client_token.p != NULL};
    token_hash(q->token, e->claim.token);
    if (e->claim.has_client)
        token_hash(q->client_token, e->claim.client);
    if (q->device != NULL)
        e->claim.device = e->device = strdup(q->device);
    return q->device == NULL || e->device != NULL;
}

void shared_admit(struct registry *r, const struct admission_request *q,
                  void (*done)(void *ctx, struct admission a), void *ctx)
{
    struct shared *s = shared_of(r);
    char key[KEY_SIZE];
    enum err why;
    struct entrance *e = job_new(s, &entrance, sizeof *e, span_of("?"), &why);
    if (e == NULL) {
        done(ctx, token_refusal(why == ERR_BUSY ? TOKEN_CROWDED : TOKEN_NO_MEMORY, NULL));
        return;
    }
    e->done = done;
    e->ctx = ctx;
    if (!fill(e, q)) {
        job_end(&e->job, ERR_NO_MEMORY);
        return;
    }
    key_token(key, e->claim.token);
    e->job.pending++;
    shared_ask(s, 1, on_tunnel, e, "GET", key, (char *)NULL);
}
